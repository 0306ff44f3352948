/*
 * answer.c
 *		What is kept of an answer: see answer.h.
 */
#include "postgres.h"

#include "pg/base/clock.h"
#include "pg/base/text.h"
#include "pg/engine/answer.h"
#include "pg/store/event.h"

/* Of an answer to many messages each event keeps as much, where no part is its own. */
#define SHARED_ANSWER_MAX 1024

MsgAnswer
msgext_answer_of(const MsgFlight *flight, int i, const char *kind, TimestampTz at)
{
	const MsgOutcome *outcome = &flight->outcomes[i];
	MsgAnswer answer = {kind, flight->http_status, flight->answer, flight->answer_len,
						at};

	if (outcome->raw != NULL)
	{
		answer.bytes = outcome->raw;
		answer.len = outcome->raw_len;
	}
	else if (flight->n > 1)
		answer.len = msgext_whole_characters(answer.bytes, answer.len, SHARED_ANSWER_MAX);
	return answer;
}

void
msgext_answer_record(MsgTurn *turn, const MsgRow *row, int attempt, MsgState state,
					 const MsgOutcome *outcome, const MsgAnswer *answer, const char *note)
{
	MsgEventRow event = {0};

	event.message_id = row->id;
	event.at = answer->at;
	event.kind = answer->kind;
	event.attempt = attempt;
	event.state = state;
	event.code = outcome->code;
	event.error = outcome->text != NULL ? outcome->text : note;
	event.http_status = answer->http_status;
	event.reported_at = msgext_from_unix_us(outcome->at_us);
	event.answer = answer->bytes;
	event.answer_len = answer->len;
	event.headers = outcome->headers;
	msgext_event_append(events_of(turn), &event);
}
