/*
 * rehearsal.h
 *		The engine inside the caller's transaction: what is due leaves, is answered as the
 *		test says, and is recorded, by the code that does so in the worker.
 *
 * In place of the HTTP thread stands a peer that answers from memory. What is due is found
 * by the ids of the case's messages: a lane finds those of other transactions only. One
 * lives for a call; what it has to know of those before it is in the tables, so that
 * ROLLBACK takes that back too.
 */
#ifndef MSGEXT_REHEARSAL_H
#define MSGEXT_REHEARSAL_H

#include "pg/test/answerer.h"
#include "utils/timestamp.h"

typedef struct MsgRehearsal MsgRehearsal;

/* Begins one for the case; the test's clock stands still until it ends. */
extern MsgRehearsal *msgext_rehearsal_begin(void);
/* Also after an error. */
extern void msgext_rehearsal_end(MsgRehearsal *rehearsal);

/* What is due at the clock leaves. */
extern void msgext_rehearsal_run(MsgRehearsal *rehearsal);
/* The same at every time at which something falls due until then; the clock stands there. */
extern void msgext_rehearsal_advance(MsgRehearsal *rehearsal, TimestampTz until);

/* The n-th message leaves now and is answered so. ERROR 55000 when it may not leave. */
extern void msgext_rehearsal_answer(MsgRehearsal *rehearsal, int n,
									const MsgScripted *answer);

/*
 * The provider is asked for its status now, and tells this of a channel (or NULL). ERROR
 * 55000 when nobody asks, 22023 when it has no words for that.
 */
extern void msgext_rehearsal_ask(MsgRehearsal *rehearsal, int n, MsgState state,
								 const char *channel);

/* A list of MsgHappening *, once what was done has been written down. */
extern List *msgext_rehearsal_finish(MsgRehearsal *rehearsal);

#endif /* MSGEXT_REHEARSAL_H */
