/*
 * decode.c
 *		Answers to POST /V3/PostMessage.
 *
 * Owns the table of what each status means. Retry-After comes before the status, for the
 * provider's pages disagree about which status carries it, and an answer that is not
 * understood is asked for again: with the same operationId that costs nothing.
 */
#include "providers/diadoc/diadoc.h"

#include <string.h>

#include "core/ascii.h"
#include "core/timestamp.h"
#include "core/verdict.h"
#include "providers/diadoc/answer.h"
#include "providers/diadoc/document.h"
#include "providers/diadoc/schema.h"

/* Between two looks at an operation that is not finished, where no time is named. */
#define UNFINISHED_MS 15000

/* "Retry-After: 0" is a wish to be asked again, not to be asked in a loop. */
#define RETRY_MIN_MS 1000

/* A message that is older than the one posted by more is another one. */
#define ANOTHER_US (INT64_C(86400) * 1000000)

/* Which box it was sent from. */
static const char *
box_of_fragment(MsgArena *arena, const MsgJob *job)
{
	static const char *const keep[] = {"FromBoxId", NULL};
	MsgError ignored;
	const MsgJson *message;

	if (job->fragment == NULL)
		return NULL;
	message =
		msgext_pb_decode(arena, DIADOC_MESSAGE_TO_POST, job->fragment, job->fragment_len,
						 keep, &msgext_diadoc_answer_limits, &ignored);
	return msgext_diadoc_string(message, "FromBoxId");
}

static void
put_detail(MsgArena *arena, const MsgJson *message, const MsgJob *job,
		   MsgOutcome *outcome)
{
	int64_t created_us = msgext_diadoc_time(message, "TimestampTicks");
	const char *box = box_of_fragment(arena, job);
	MsgJson *documents = msgext_json_new(arena, MSG_JSON_ARRAY);
	MsgJson *detail = outcome->detail;
	DiadocDocument *list;
	char at[32];
	int n;
	int i;

	if (detail == NULL)
		detail = outcome->detail = msgext_json_new(arena, MSG_JSON_OBJECT);
	if (box == NULL)
		box = msgext_diadoc_string(message, "FromBoxId");
	msgext_json_set_text(arena, detail, "message_id", outcome->provider_id);
	if (box != NULL)
		msgext_json_set_text(arena, detail, "box", box);
	if (created_us != 0)
	{
		msgext_timestamp_format(created_us, at);
		msgext_json_set_text(arena, detail, "created_at", at);
	}
	if (msgext_diadoc_is_draft(message))
	{
		MsgJson *draft = msgext_json_new(arena, MSG_JSON_BOOL);

		draft->truth = true;
		msgext_json_set(detail, "draft", draft);
	}
	list = msgext_diadoc_documents(arena, message, &n);
	for (i = 0; i < n; i++)
		msgext_json_append(documents, msgext_diadoc_document_json(arena, &list[i]));
	msgext_json_set(detail, "documents", documents);
}

/*
 * "Returns the result of the first call", of which nothing says that it is not this one's but
 * when its message was made. Ours may be by a clock that is wrong by a time zone.
 */
static bool
is_another(const MsgJson *message, const MsgJob *job)
{
	int64_t created_us = msgext_diadoc_time(message, "TimestampTicks");

	return created_us != 0 && created_us < job->created_us - ANOTHER_US;
}

/* "200, body with MessageId": a GUID, so that no other text is taken for one. */
static void
decide_message(MsgArena *arena, const MsgReply *reply, const MsgJob *job,
			   MsgOutcome *outcome)
{
	MsgError error = {.text = ""};
	const MsgJson *message = msgext_pb_decode(
		arena, DIADOC_MESSAGE, reply->body, reply->body_len, msgext_diadoc_message_fields,
		&msgext_diadoc_answer_limits, &error);
	const char *id = msgext_diadoc_string(message, "MessageId");

	if (id == NULL || !msgext_diadoc_is_guid(id))
	{
		msgext_diadoc_outcome(arena, outcome, reply, MSG_VERDICT_UNSURE,
							  reply->body_len == 0
								  ? "the answer is empty"
								  : "the answer is no message with a MessageId");
		return;
	}
	if (is_another(message, job))
	{
		MsgBuf text;

		msgext_buf_init(&text, arena, 200);
		msgext_buf_printf(
			&text,
			"collision: an older message has this operationId, %s, and this "
			"one was not taken: post it with another operation_id",
			id);
		msgext_diadoc_outcome(arena, outcome, reply, MSG_VERDICT_REJECTED, text.data);
		return;
	}
	msgext_diadoc_outcome(arena, outcome, reply, MSG_VERDICT_ACCEPTED, NULL);
	outcome->provider_id = id;
	put_detail(arena, message, job, outcome);
}

/*
 * "The previous call with the same operationId is not finished": that call may well be
 * taking the message, so it is not certain that it is not taken; it is asked for again
 * all the same, and does not count as a failure. 429 turned it away unread.
 */
static void
decide_unfinished(MsgArena *arena, const MsgReply *reply, int64_t wait_ms,
				  MsgOutcome *outcome)
{
	msgext_diadoc_outcome(arena, outcome, reply,
						  reply->status == 429 ? MSG_VERDICT_RETRY : MSG_VERDICT_UNSURE,
						  reply->status >= 300 ? msgext_diadoc_error_text(arena, reply)
											   : "the operation is not finished");
	outcome->retry_after_ms = wait_ms > RETRY_MIN_MS ? wait_ms : RETRY_MIN_MS;
}

/*
 * A 409 that lacks the header and is no refusal: "processing is in progress, retry later"
 * (a report of 2019). The text is for people and in either language.
 */
static bool
says_unfinished(const char *text)
{
	static const char *const words[] = {"progress", "retry", "брабат", "овтор", NULL};
	const char *const *word;
	const char *at;

	for (word = words; text != NULL && *word != NULL; word++)
	{
		for (at = text; *at != '\0'; at++)
		{
			if (strlen(at) >= strlen(*word) &&
				msgext_ascii_same(at, strlen(*word), *word))
				return true;
		}
	}
	return false;
}

static MsgVerdict
decide_status(const MsgConn *conn, int status)
{
	switch (status)
	{
		case 401:
			return msgext_diadoc_unauthorized(conn);
		case 402: /* the subscription of the box is over */
		case 403: /* no right to the box, or to sign; the client is blocked */
		case 405: /* of the call, not of the message */
		case 410: /* the method is gone */
		case 415:
			return MSG_VERDICT_PAUSE;
		case 400:
		case 409: /* the recipient takes none from us; or says_unfinished() */
			return MSG_VERDICT_REJECTED;
		case 429:
			return MSG_VERDICT_RETRY;
		default:
			/* "messages were posted although the answer was 500"; 503 is no better */
			if (status >= 500)
				return MSG_VERDICT_UNSURE;
			return msgext_verdict_http(status);
	}
}

bool
msgext_diadoc_decode_send(MsgArena *arena, const MsgConn *conn, const MsgReply *reply,
						  const MsgJob *jobs, int n, MsgOutcome *outcomes,
						  MsgError *error)
{
	if (n != 1)
		return msgext_error(error, "", "", "an answer is about one message, not %d", n);
	if (reply->retry_after_ms >= 0)
		decide_unfinished(arena, reply, reply->retry_after_ms, outcomes);
	else if (reply->status == 202 || reply->status == 204)
		decide_unfinished(arena, reply, UNFINISHED_MS, outcomes);
	else if (reply->status >= 200 && reply->status < 300)
		decide_message(arena, reply, &jobs[0], outcomes);
	else if (reply->status == 409 &&
			 says_unfinished(msgext_diadoc_error_text(arena, reply)))
		decide_unfinished(arena, reply, UNFINISHED_MS, outcomes);
	else
	{
		msgext_diadoc_outcome(arena, outcomes, reply, decide_status(conn, reply->status),
							  msgext_diadoc_error_text(arena, reply));

		/* "400: bad data". A proxy that refuses the request has no such code. */
		outcomes->inherent = reply->status == 400 && outcomes->code != NULL;
	}
	return true;
}
