/*
 * batch.h
 *		Which messages leave in one request, where a provider takes many; and the claim
 *		that a turn makes for all it takes.
 *
 * A request is filled from what is due in one turn, with messages of one server and one
 * sender, and never waits for more. When a provider refuses a request as a whole for the
 * sake of one message, its messages go out again in halves until the culprit is alone.
 * How small is remembered in memory only: a dispatcher that starts anew halves again.
 */
#ifndef MSGEXT_BATCH_H
#define MSGEXT_BATCH_H

#include "pg/engine/session.h"

typedef struct MsgBatches
{
	MemoryContext context;
	HTAB *limits;		/* how many others a message may leave with */
	MsgOpenClaim *open; /* the claim of this turn, or NULL */
	int64 last_claim;	/* id of the last claim */
} MsgBatches;

extern void msgext_batches_init(MsgBatches *batches, MemoryContext context);

/*
 * May one more message of this account leave with this turn, in a request of it or in a
 * new one?
 */
extern bool msgext_batch_has_room(const MsgBatches *batches, MsgFlights *flights,
								  MsgUpstream *upstream, const MsgAccount *account,
								  int64 message, MsgFlightKind kind);

/* Adds it to a request, a send or a poll, and returns that. */
extern MsgFlight *msgext_batch_join(MsgBatches *batches, MsgFlights *flights,
									MsgSessions *sessions, MsgUpstream *upstream,
									MsgAccount *account, const MsgRow *row,
									MsgFlightKind kind);

/* The message, which has joined the flight, belongs to the claim of this turn. */
extern void msgext_batch_claim(MsgBatches *batches, MsgFlight *flight, TimestampTz now);

/* Writes the claim's row: from its commit on, its messages may be on the wire. */
extern void msgext_batch_write_claim(MsgBatches *batches, MsgTurn *turn,
									 MsgFlights *flights);

/*
 * A message of this claim has its result in a committed turn. Frees the claim with its
 * last one.
 */
extern void msgext_batch_settle(MsgOpenClaim *claim);

/*
 * Notes that the provider has judged the message, or that it goes out again in half a
 * request because this one was refused as a whole. flight may be NULL.
 */
extern void msgext_batch_note_outcome(MsgBatches *batches, const MsgFlight *flight,
									  int64 message, const MsgOutcome *outcome);

#endif /* MSGEXT_BATCH_H */
