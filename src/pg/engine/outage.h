/*
 * outage.h
 *		A server that does nothing but fail: the circuit breaker (core/breaker.h) of an
 *		upstream. It learns from requests, holds messages back, and lets one at a time try.
 *
 * Apart from a pause: nobody has to end it. What a turn changes of it counts when the
 * turn has committed, and is undone when it fails.
 */
#ifndef MSGEXT_OUTAGE_H
#define MSGEXT_OUTAGE_H

#include "pg/engine/flight.h"

/* May a request go out now? Claims nothing: msgext_outage_claim() does. */
static inline bool
msgext_outage_admits(const MsgUpstream *upstream, TimestampTz now)
{
	return msgext_breaker_admits(&upstream->breaker, now);
}

/* This request goes out; while the breaker is open, it is the probe. */
extern void msgext_outage_claim(MsgUpstream *upstream, MsgFlight *flight,
								TimestampTz now);

/* How a request ended: once for each flight, when all of it is recorded. */
extern void msgext_outage_learn(const MsgTurn *turn, const MsgFlight *flight);

/* When the next request may go out; DT_NOBEGIN = at any time. */
extern TimestampTz msgext_outage_until(const MsgUpstream *upstream);

/* ---- All servers ---- */

/*
 * Closes the breakers of servers whose break_after has been switched off and, with news,
 * of those that have been resumed.
 */
extern void msgext_outages_read(const MsgTurn *turn, const MsgUpstreams *upstreams,
								bool news);
/* Copies the breakers into the servers' health, which is saved. */
extern void msgext_outages_note(const MsgUpstreams *upstreams);

/* The turn has committed; or has failed. */
extern void msgext_outages_commit(const MsgUpstreams *upstreams);
extern void msgext_outages_abort(const MsgUpstreams *upstreams);

#endif /* MSGEXT_OUTAGE_H */
