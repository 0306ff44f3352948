/*
 * status.c
 *		Answers to GET __ctl/SentMessage: what the sending cell has stored.
 *
 * Asked of messages of which no answer names all targets. There is no report of
 * delivery and none of reading: what Result says is the last word, and a target that
 * failed in it is not sent to again.
 */
#include "providers/personium/personium.h"

#include <string.h>

#include "providers/personium/answer.h"
#include "providers/personium/result.h"

/* What was stored just now may not be found everywhere yet. */
#define PATIENCE_US (10 * 60 * INT64_C(1000000))

static MsgState
sum(PersoniumDelivery *delivery)
{
	int i;

	for (i = 0; i < delivery->n; i++)
	{
		PersoniumTarget *target = &delivery->targets[i];

		if (target->fate == PERSONIUM_WAITING)
			target->fate = target->doubtful ? PERSONIUM_UNKNOWN : PERSONIUM_FAILED;
	}
	if (delivery->n == 0 || msgext_personium_first(delivery, PERSONIUM_UNKNOWN) != NULL)
		return MSG_ACCEPTED;
	if (msgext_personium_first(delivery, PERSONIUM_FAILED) != NULL)
		return MSG_UNDELIVERED;
	return MSG_DELIVERED;
}

static bool
decide_stored(MsgArena *arena, PersoniumDelivery *delivery, const MsgReply *reply,
			  const PersoniumAnswer *answer, MsgOutcome *outcome, MsgError *error)
{
	const MsgJson *id = msgext_json_get(answer->stored, "__id");
	const PersoniumTarget *failed;
	MsgEvent *event;

	if (id != NULL && !msgext_json_equals(id, delivery->job->provider_id))
		return msgext_error(error, "", "", "the answer is not the message asked for");
	delivery->named_by_answer = delivery->n == 0;
	msgext_personium_result(delivery, answer->stored);

	event = msgext_alloc0(arena, sizeof(*event));
	event->provider_id = delivery->job->provider_id;
	event->state = sum(delivery);
	event->at_us = msgext_personium_published(answer->stored);
	failed = msgext_personium_first(delivery, PERSONIUM_FAILED);
	event->status = event->state == MSG_DELIVERED ? "201" : "";
	if (event->state == MSG_UNDELIVERED)
	{
		event->status = failed->code != NULL ? failed->code : "";
		event->code = failed->code;
		event->error = failed->reason;
	}
	event->raw = reply->body;
	event->raw_len = reply->body_len;
	event->detail = msgext_personium_detail(delivery, false);
	msgext_outcome(outcome, reply, MSG_VERDICT_PROGRESS, NULL, NULL);
	outcome->provider_id = delivery->job->provider_id;
	outcome->events = event;
	return true;
}

/* What stops the asking concerns this message; the channel stops for credentials only. */
static MsgVerdict
decide_failure(const MsgConn *conn, const MsgReply *reply, const MsgJob *job,
			   const PersoniumAnswer *answer)
{
	switch (reply->status)
	{
		case 401:
			return msgext_personium_failure(conn, reply, answer);
		case 404: /* PR404-OD-0002: deleted, or not there yet */
			return reply->now_us - job->accepted_us < PATIENCE_US ? MSG_VERDICT_RETRY
																  : MSG_VERDICT_REJECTED;
		case 400:
		case 403:
			return MSG_VERDICT_REJECTED;
		default:
			return MSG_VERDICT_RETRY;
	}
}

bool
msgext_personium_decode_status(MsgArena *arena, const MsgConn *conn,
							   const MsgReply *reply, const MsgJob *jobs, int n,
							   MsgOutcome *outcomes, MsgError *error)
{
	PersoniumDelivery delivery;
	PersoniumAnswer answer;
	bool readable;

	if (n != 1)
		return msgext_error(error, "", "", "an answer is about one message, not %d", n);
	if (!msgext_personium_recall(arena, conn, &jobs[0], &delivery, error))
		return false;
	readable = msgext_personium_answer(arena, reply, &answer, error);
	if (reply->status == 200 && answer.code == NULL)
	{
		if (!readable)
			return false;
		if (answer.stored == NULL)
			return msgext_error(error, "", "", "the answer has no message in it");
		return decide_stored(arena, &delivery, reply, &answer, outcomes, error);
	}
	msgext_outcome(outcomes, reply, decide_failure(conn, reply, &jobs[0], &answer),
				   answer.code, answer.text);
	return true;
}
