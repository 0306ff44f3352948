/*
 * status.c
 *		Answers to GET /status/vk.
 *
 * Owns the shape of a status answer: one event for each channel that has a status. The
 * example and the table of the document differ in half of the names; both are read.
 */
#include "providers/devino/devino.h"

#include <string.h>

#include "providers/devino/answer.h"

/* Between the answer to a send and the first status that knows the id. */
#define UNKNOWN_ID_PATIENCE_US (INT64_C(10) * 60 * 1000000)

/* In result itself (example) or in its member dlvStatus (table). */
static MsgEvent *
vk_event(MsgArena *arena, const MsgConn *conn, const MsgJson *result)
{
	MsgEvent *event = msgext_devino_event(
		arena, conn, msgext_json_get_nocase(result, "dlvStatus"), DEVINO_VK);

	return event != NULL ? event : msgext_devino_event(arena, conn, result, DEVINO_VK);
}

static void
add_detail(MsgArena *arena, MsgEvent *event, const char *name, MsgJson *value)
{
	if (event->detail == NULL)
		event->detail = msgext_json_new(arena, MSG_JSON_OBJECT);
	msgext_json_set(event->detail, name, value);
}

/*
 * Ids go into the detail as strings: whoever reads it in a language whose numbers are
 * doubles would get another id.
 */
static void
add_id(MsgArena *arena, MsgEvent *event, const MsgJson *node)
{
	const char *id =
		msgext_devino_id(arena, msgext_devino_any(node, msgext_devino_id_names));

	if (id != NULL)
		add_detail(arena, event, "id", msgext_json_string(arena, id, strlen(id)));
}

static MsgEvent *
viber_event(MsgArena *arena, const MsgConn *conn, const MsgJson *result)
{
	const MsgJson *node = msgext_json_get_nocase(result, "viberStatus");
	const MsgJson *code = msgext_json_get_nocase(node, "code");
	MsgEvent *event = msgext_devino_event(arena, conn, node, DEVINO_VIBER);
	MsgVerdict verdict;

	/*
	 * "Коды возврата обработки viber сообщения в рамках запроса": a block that was not
	 * even taken has a code and never gets a status.
	 */
	if (event == NULL && msgext_devino_text(code) != NULL &&
		msgext_devino_code(code, &verdict) && verdict == MSG_VERDICT_REJECTED)
	{
		event = msgext_alloc0(arena, sizeof(*event));
		event->channel = DEVINO_VIBER;
		event->state = MSG_REJECTED;
		event->status = event->code = code->text;
	}
	if (event != NULL)
		add_id(arena, event, node);
	return event;
}

/*
 * How far a segment keeps the SMS from being delivered. The highest speaks for the
 * whole: what is on its way before what ended, what ended badly before what arrived.
 */
static int
segment_weight(const MsgEvent *segment)
{
	switch (segment->state)
	{
		case MSG_ACCEPTED:
			return 6;
		case MSG_SENT:
			return 5;
		case MSG_UNDELIVERED:
			return 4;
		case MSG_FAILED:
			return 3;
		case MSG_DELIVERED:
			return 1;
		case MSG_READ:
			return 0;
		default:
			return 2;
	}
}

/*
 * One event for all segments of the SMS: a person who got half of a text did not get
 * it. smsStates is a list (example) or an object (table).
 */
static MsgEvent *
sms_event(MsgArena *arena, const MsgConn *conn, const MsgJson *result)
{
	const MsgJson *states = msgext_json_get_nocase(result, "smsStates");
	const MsgJson *node = states;
	MsgJson *segments = msgext_json_new(arena, MSG_JSON_ARRAY);
	MsgEvent *heaviest = NULL;
	bool moved = false;
	int64_t latest_us = 0;

	if (msgext_json_is(states, MSG_JSON_ARRAY))
		node = states->first;
	for (; node != NULL; node = node != states ? node->next : NULL)
	{
		MsgEvent *segment = msgext_devino_event(arena, conn, node, DEVINO_SMS);
		MsgJson *entry = msgext_json_new(arena, MSG_JSON_OBJECT);
		const char *id =
			msgext_devino_id(arena, msgext_devino_any(node, msgext_devino_id_names));

		if (!msgext_json_is(node, MSG_JSON_OBJECT) || node->count == 0)
			continue;
		if (segment == NULL)
		{
			/* A segment without a status is not known to have arrived. */
			segment = msgext_alloc0(arena, sizeof(*segment));
			segment->channel = DEVINO_SMS;
			segment->state = MSG_ACCEPTED;
			segment->status = "";
		}
		if (id != NULL)
			msgext_json_set_text(arena, entry, "id", id);
		msgext_json_set_text(arena, entry, "status", segment->status);
		msgext_json_append(segments, entry);
		moved |= segment->state != MSG_ACCEPTED;
		if (segment->at_us > latest_us)
			latest_us = segment->at_us;
		if (heaviest == NULL || segment_weight(segment) > segment_weight(heaviest))
			heaviest = segment;
	}
	if (heaviest == NULL)
		return NULL;
	if (moved && heaviest->state == MSG_ACCEPTED)
		heaviest->state = MSG_SENT;
	heaviest->at_us = latest_us;
	add_detail(arena, heaviest, "segments", segments);
	return heaviest;
}

static void
decide_status(MsgArena *arena, const MsgConn *conn, const MsgReply *reply,
			  const MsgJob *job, const MsgJson *result, MsgOutcome *outcome)
{
	MsgEvent *found[3];
	MsgEvent **link = &outcome->events;
	int i;

	msgext_outcome(outcome, reply, MSG_VERDICT_PROGRESS, NULL, NULL);
	outcome->provider_id = job->provider_id;
	found[0] = vk_event(arena, conn, result);
	found[1] = viber_event(arena, conn, result);
	found[2] = sms_event(arena, conn, result);
	for (i = 0; i < 3; i++)
	{
		if (found[i] == NULL)
			continue;
		found[i]->provider_id = job->provider_id;
		found[i]->raw = reply->body;
		found[i]->raw_len = reply->body_len;
		*link = found[i];
		link = &found[i]->next;
	}
}

/* "Коды валидации идентификаторов сообщений" */
static void
decide_id(MsgArena *arena, const MsgConn *conn, const MsgReply *reply, const MsgJob *job,
		  const MsgJson *result, MsgOutcome *outcome)
{
	const MsgJson *code = msgext_json_get_nocase(result, "code");
	const char *id =
		msgext_devino_id(arena, msgext_devino_any(result, msgext_devino_id_names));
	MsgVerdict verdict;

	/* What it says is another message's; a gateway may have mixed up its answers. */
	if (id != NULL && job->provider_id != NULL && strcmp(id, job->provider_id) != 0)
	{
		MsgBuf text;

		msgext_buf_init(&text, arena, 64);
		msgext_buf_printf(&text, "the answer is about message %s, not the one asked for",
						  id);
		msgext_outcome(outcome, reply, MSG_VERDICT_RETRY, NULL, text.data);
		return;
	}
	if (msgext_devino_text(code) == NULL || msgext_devino_is(code, "ok"))
	{
		decide_status(arena, conn, reply, job, result, outcome);
		return;
	}
	if (msgext_devino_is(code, "unknown_message_id") ||
		msgext_devino_is(code, "error-instant-message-provider-id-unknown"))
		verdict = reply->now_us - job->accepted_us < UNKNOWN_ID_PATIENCE_US
					  ? MSG_VERDICT_RETRY
					  : MSG_VERDICT_REJECTED;
	else if (!msgext_devino_code(code, &verdict))
		verdict = MSG_VERDICT_REJECTED;
	msgext_outcome(outcome, reply, verdict, code->text, NULL);
}

/*
 * Asking again costs nothing and ends by itself: only refused credentials stop the
 * channel, and an unreadable page none of it.
 */
static bool
decide_foreign(const MsgJson *answer, const MsgReply *reply, MsgOutcome *outcome,
			   MsgError *error)
{
	if (!msgext_devino_foreign(answer, reply, outcome, error))
		return false;
	switch (reply->status)
	{
		case 401:
		case 402:
		case 403:
		case 407:
			break;
		default:
			msgext_outcome(outcome, reply, MSG_VERDICT_RETRY, outcome->code,
						   outcome->text);
			break;
	}
	return true;
}

bool
msgext_devino_decode_status(MsgArena *arena, const MsgConn *conn, const MsgReply *reply,
							const MsgJob *jobs, int n, MsgOutcome *outcomes,
							MsgError *error)
{
	const MsgJson *answer;
	const MsgJson *code;
	const MsgJson *description;
	const MsgJson *result;
	MsgVerdict verdict;

	if (n != 1)
		return msgext_error(error, "", "", "an answer is about one message, not %d", n);
	answer = msgext_devino_read(arena, reply->body, reply->body_len, error);
	code = msgext_json_get_nocase(answer, "code");
	if (msgext_devino_text(code) == NULL)
		return decide_foreign(answer, reply, outcomes, error);

	if (msgext_devino_is(code, "ok"))
	{
		result = msgext_devino_result(answer);
		if (result == NULL)
			return msgext_error(error, "", "result",
								"the answer is ok, but has no result");
		decide_id(arena, conn, reply, &jobs[0], result, outcomes);
		return true;
	}

	/* "Коды ответа на запрос статусов" */
	description = msgext_json_get_nocase(answer, "description");
	if (msgext_devino_is(code, "validation_error"))
		verdict = msgext_devino_is(description, "login_not_specified")
					  ? MSG_VERDICT_PAUSE_ACCOUNT
					  : MSG_VERDICT_REJECTED;
	else if (!msgext_devino_code(code, &verdict))
		return decide_foreign(answer, reply, outcomes, error);
	msgext_outcome(outcomes, reply, verdict, code->text, msgext_devino_text(description));
	return true;
}
