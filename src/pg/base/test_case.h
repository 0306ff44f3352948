/*
 * test_case.h
 *		Which test this session is in, and where the clock of messages stands in it.
 *
 * Counts in a database with extension msgext_test alone; the room "test" says what a case
 * is. It is kept in a setting of the session that nobody but this file can set, so that
 * ROLLBACK takes it back, and ROLLBACK TO SAVEPOINT too. Knows no table.
 */
#ifndef MSGEXT_TEST_CASE_H
#define MSGEXT_TEST_CASE_H

#include "postgres.h"

#include "datatype/timestamp.h"

typedef struct MsgTestCase
{
	int64 number;	   /* of all sessions' cases, or 0: there is none */
	int64 position;	   /* messages with higher ids belong to it */
	uint64 xid;		   /* the transaction it was begun in */
	bool named;		   /* by begin(): it goes on in later transactions */
	TimestampTz clock; /* stands still at this; 0 = it runs */
	int lines;		   /* of TAP, written so far */
} MsgTestCase;

/* Has any case of this session made its clock stand still? */
extern bool msgext_test_clock_stands;

/* Defines the setting. */
extern void msgext_test_case_define(void);

/* The case of this session that holds here and now, or NULL. */
extern const MsgTestCase *msgext_test_case(void);
extern void msgext_test_case_set(const MsgTestCase *test);

/*
 * A message with this id was queued by that transaction; and the first one that this
 * session has queued in it, or 0.
 */
extern void msgext_test_case_posted(uint64 xid, int64 id);
extern int64 msgext_test_case_first(uint64 xid);

/* See clock.h. */
extern TimestampTz msgext_test_clock(void);

#endif /* MSGEXT_TEST_CASE_H */
