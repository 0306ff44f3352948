/*
 * poll.h
 *		Asking providers for the status of messages they took: which ones, when, and what
 *		came of it.
 *
 * Runs inside a turn; taking, behind the fence (store/claim.h). A reminder goes with the
 * answer that is recorded, so that a crash loses no question.
 */
#ifndef MSGEXT_POLL_H
#define MSGEXT_POLL_H

#include "pg/engine/engine.h"

/* Makes fresh flights of what is due to be asked about, so many at most. */
extern void msgext_poll_take(MsgEngine *engine, MsgUpstream *upstream, int requests);

/* What a clock that was ahead would have asked about, is asked about in time again. */
extern void msgext_poll_recheck(MsgEngine *engine, MsgUpstream *upstream);

/*
 * Records the answer about one message of the flight. False when another transaction
 * holds the row: to be recorded by a later turn.
 */
extern bool msgext_poll_record(MsgEngine *engine, MsgFlight *flight, int i);

/*
 * Should the provider be asked about this message, and is not? A report has moved it out
 * of the queue, and nothing leads to a status request.
 */
extern bool msgext_poll_is_missing(const MsgServer *server, const MsgRow *row);

/* Begins to ask about such a message. False when another transaction holds its row. */
extern bool msgext_poll_begin(MsgEngine *engine, MsgUpstream *upstream,
							  const MsgRow *row);

/*
 * When to ask next. Geometric in effect: half of the time that has passed, within the
 * server's bounds.
 */
extern TimestampTz msgext_poll_next(const MsgServer *server, TimestampTz accepted_at,
									TimestampTz now);

#endif /* MSGEXT_POLL_H */
