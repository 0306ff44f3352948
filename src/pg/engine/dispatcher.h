/*
 * dispatcher.h
 *		The engine: takes what is due, has it sent, records what came of it. The same in
 *		the background worker and in CALL dispatch().
 *
 * It works in turns. A turn is one short transaction: record the results that have come
 * in, claim what may leave, commit. Requests are submitted after the commit, and bytes
 * move between turns, when no transaction, snapshot or lock is held. It knows the
 * contract of providers and no provider.
 */
#ifndef MSGEXT_DISPATCHER_H
#define MSGEXT_DISPATCHER_H

#include "pg/engine/turn_tables.h"

typedef struct MsgDispatcher MsgDispatcher;

/*
 * Makes a dispatcher in context, or with an ERROR leaves nothing: 55000 in a test database.
 * The session holds the dispatcher lock (dispatcher_lock.h). Reads what a dispatcher that
 * died has left, in a transaction of its own; msgext_dispatcher_run() settles it.
 */
extern MsgDispatcher *msgext_dispatcher_create(MemoryContext context,
											   const MsgXactOps *xact);
/* Cuts what is under way: its outcome is unknown until the next dispatcher looks. */
extern void msgext_dispatcher_destroy(MsgDispatcher *dispatcher);

/* A descriptor to wait for, beside the process latch. */
extern int msgext_dispatcher_fd(const MsgDispatcher *dispatcher);
/* How long to wait at most. */
extern long msgext_dispatcher_timeout_ms(const MsgDispatcher *dispatcher,
										 TimestampTz now);

/* The latch was set: there may be new work. */
extern void msgext_dispatcher_news(MsgDispatcher *dispatcher, uint64 news);

/* What held may hold no longer: the next turn, which is due now, looks. */
extern void msgext_dispatcher_look_at_mode(MsgDispatcher *dispatcher);
/* As the last turn found it: see base/mode.h. */
extern bool msgext_dispatcher_may_send(const MsgDispatcher *dispatcher);

/* Moves bytes, and takes a turn if it is time. An ERROR leaves through it. */
extern void msgext_dispatcher_run(MsgDispatcher *dispatcher);

/*
 * After an ERROR with this SQLSTATE and the abort of its transaction: makes ready to run
 * again. Loses no request and no result, and raises nothing.
 */
extern void msgext_dispatcher_recover(MsgDispatcher *dispatcher, int sqlstate);

/* Claims nothing more; what is under way is waited for and recorded. */
extern void msgext_dispatcher_stop(MsgDispatcher *dispatcher);

/* After stop, when idle: a last turn, which writes down how far the lanes were read. */
extern void msgext_dispatcher_finish(MsgDispatcher *dispatcher);

/*
 * Nothing is under way or unrecorded, as far as it can tell nothing is due, and no rate
 * limit lets the next message go before until.
 */
extern bool msgext_dispatcher_idle(const MsgDispatcher *dispatcher, TimestampTz until);
extern int msgext_dispatcher_in_flight(const MsgDispatcher *dispatcher);

#endif /* MSGEXT_DISPATCHER_H */
