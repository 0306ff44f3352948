/*
 * record.h
 *		Writing down what came of requests: rows, timeline, reminders.
 *
 * Runs inside a turn. Every write is fenced by the attempt it belongs to; a row that
 * another transaction holds is left for a later turn, never waited for.
 */
#ifndef MSGEXT_RECORD_H
#define MSGEXT_RECORD_H

#include "pg/engine/answer.h"
#include "pg/engine/engine.h"

/*
 * Records what has landed, or as much of it as a turn does: then true. With one_by_one, a
 * single flight, and each message's rows at once: an error is then that message's own.
 */
extern bool msgext_record(MsgEngine *engine, bool one_by_one);

/* An attempt to send one message, of which the outcome is recorded. */
typedef struct MsgAttempt
{
	MsgUpstream *upstream;
	const MsgServer *server; /* pinned */
	const MsgFlight *flight; /* or NULL: the dispatcher that sent it has ended */
	MsgRowIdentity row;
	int attempt;
} MsgAttempt;

/*
 * Records the outcome of an attempt to send. False when another transaction holds the
 * row.
 */
extern bool msgext_record_attempt(MsgEngine *engine, const MsgAttempt *attempt,
								  const MsgOutcome *outcome, const MsgAnswer *answer);

#endif /* MSGEXT_RECORD_H */
