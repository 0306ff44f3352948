/*
 * case.h
 *		A test case: which messages belong to it, and where its clock stands.
 *
 * Everything here is for a test database alone, and belongs to the caller's transaction.
 */
#ifndef MSGEXT_CASE_H
#define MSGEXT_CASE_H

#include "nodes/pg_list.h"

#include "pg/base/test_case.h"
#include "pg/store/outbox.h"

/* ERROR 55000 where extension msgext_test is not. */
extern void msgext_case_check(void);

/*
 * The case that this session is in. Where there is none one begins, with what this
 * transaction has queued so far.
 */
extern const MsgTestCase *msgext_case(void);

/*
 * What this transaction has written is seen from here on, what the statement has written
 * so far included; until msgext_case_unsee().
 */
extern void msgext_case_see(void);
extern void msgext_case_unsee(void);

/* Its messages, in the order in which they were queued: a list of MsgRow *. */
extern List *msgext_case_messages(MsgTable *outbox);

/* The n-th of them, from 1; ERROR 22023 when there are not so many. */
extern const MsgRow *msgext_case_message(MsgTable *outbox, int n);

/* Says so, of as many as were sent. */
extern void msgext_case_no_message(int n, int sent) __attribute__((noreturn));

/* A time at which the clock of a test may stand; ERROR 22008 otherwise. */
extern TimestampTz msgext_case_time(TimestampTz at);

#endif /* MSGEXT_CASE_H */
