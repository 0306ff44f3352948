/*
 * handler.h
 *		A function of the user's that is run for each event: one round of one handler.
 *
 * It runs as its owner, in a transaction in which the consumer moves on as well: an event
 * is handled once, or not yet. What an error undoes is only what the function has done.
 * Rounds are begun and run in two transactions: should the process not survive the
 * second, the first has written down that it was about to run.
 */
#ifndef MSGEXT_HANDLER_H
#define MSGEXT_HANDLER_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "pg/store/feed.h"

/* A handler by name and owner. */
typedef struct MsgHandlerId
{
	char *name;
	Oid owner;
	bool failed; /* when it was last run */
	bool over;	 /* handler_queue.c's: nothing more to do for it in this pass */
} MsgHandlerId;

/* Once a process that is to run handlers. */
extern void msgext_handlers_init(void);

/*
 * Ids of those that may be due now, in the current memory context. In a transaction with
 * an active snapshot, as the next two.
 */
extern List *msgext_handlers_due(void);

/*
 * Looks for an event that it is to run for; if there is one it is to be run now, by this
 * process. With msgext_feed_hold(), kept up until after the run.
 */
extern bool msgext_handler_begin(const MsgHandlerId *id);

/* Several events, as long as it is quick. True when there may be more to do at once. */
extern bool msgext_handler_run(const MsgHandlerId *id);

/* After an error in either, or the end of a run: nothing of the session is left behind. */
extern void msgext_handler_clean_up(void);

/* The event that it failed at is behind it. */
extern void msgext_handler_succeeded(MsgFeed *feed);

/*
 * Can the function be a handler of this role? ERROR if not: it must take jsonb, return no
 * set, be the role's own, and its to execute.
 */
extern void msgext_handler_check(Oid function, Oid owner);

#endif /* MSGEXT_HANDLER_H */
