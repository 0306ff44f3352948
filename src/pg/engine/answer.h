/*
 * answer.h
 *		What is kept of an answer in the timeline of its messages.
 *
 * Runs inside a turn. Appends events; changes no message.
 */
#ifndef MSGEXT_ANSWER_H
#define MSGEXT_ANSWER_H

#include "pg/engine/flight.h"

/* What is recorded of an answer beside its outcome. */
typedef struct MsgAnswer
{
	const char *kind; /* of the event */
	int http_status;
	const char *bytes;
	size_t len;

	/*
	 * When it was recorded: the turn's time for a send, from which its next attempt is
	 * counted too. 0 for status answers, which follow the events of their reports.
	 */
	TimestampTz at;
} MsgAnswer;

/* What an event of the i-th message keeps of the answer to its request. */
extern MsgAnswer msgext_answer_of(const MsgFlight *flight, int i, const char *kind,
								  TimestampTz at);

/* Appends it to the timeline; note is said where the outcome has no text. */
extern void msgext_answer_record(MsgTurn *turn, const MsgRow *row, int attempt,
								 MsgState state, const MsgOutcome *outcome,
								 const MsgAnswer *answer, const char *note);

#endif /* MSGEXT_ANSWER_H */
