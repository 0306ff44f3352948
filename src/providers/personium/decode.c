/*
 * decode.c
 *		Answers to POST __message/send, and to the look at what was stored that may
 *		follow it.
 *
 * Owns what becomes of the whole message. "201" is not the end: it means that the sending
 * cell has stored the message, and Result says who has it. A 409 for an id that was
 * under way before means the same without saying: then the stored copy is looked at.
 */
#include "providers/personium/personium.h"

#include <string.h>

#include "providers/personium/answer.h"
#include "providers/personium/delivery.h"
#include "providers/personium/result.h"

/* "Entity already exists": of this __id, in the sending cell. */
#define KNOWN_ID "PR409-OD-0003"

/* One of the targets could not be connected to; the call ended there. */
#define NO_CONNECTION "PR500-SM-0001"

/* Nothing is stored under this id. */
#define NOT_STORED "PR404-OD-0002"

/* split_targets: has somebody not had a turn since the one asked just now? */
static bool
others_wait(const PersoniumDelivery *delivery)
{
	int i;

	for (i = 0; delivery->split && i < delivery->n; i++)
	{
		const PersoniumTarget *target = &delivery->targets[i];

		if ((target->fate == PERSONIUM_OPEN || target->fate == PERSONIUM_WAITING) &&
			target->tries <= delivery->tries)
			return true;
	}
	return false;
}

static bool
any_doubtful(const PersoniumDelivery *delivery)
{
	int i;

	for (i = 0; i < delivery->n; i++)
	{
		if (delivery->targets[i].fate == PERSONIUM_WAITING &&
			delivery->targets[i].doubtful)
			return true;
	}
	return false;
}

/* Somebody is still to be reached. */
static MsgVerdict
goes_on(const PersoniumDelivery *delivery)
{
	if (others_wait(delivery))
		return MSG_VERDICT_CONTINUE;
	return any_doubtful(delivery) ? MSG_VERDICT_UNSURE : MSG_VERDICT_RETRY;
}

/* Is there a target of which nothing at all was said? Then its status is asked for. */
static bool
silent(const PersoniumDelivery *delivery)
{
	int i;

	for (i = 0; i < delivery->n; i++)
	{
		if (delivery->targets[i].fate == PERSONIUM_UNKNOWN &&
			delivery->targets[i].code == NULL)
			return true;
	}
	return delivery->n == 0 || delivery->unnameable;
}

/* Would every target that failed have failed before? */
static bool
all_inherent(const PersoniumDelivery *delivery)
{
	int i;

	for (i = 0; i < delivery->n; i++)
	{
		if (delivery->targets[i].fate == PERSONIUM_FAILED &&
			!msgext_personium_is_inherent(delivery->targets[i].code))
			return false;
	}
	return true;
}

/* What the message is, now that its targets are as they are. */
static void
sum_up(const PersoniumDelivery *delivery, const MsgReply *reply, MsgOutcome *outcome)
{
	bool open = msgext_personium_first(delivery, PERSONIUM_OPEN) != NULL ||
				msgext_personium_first(delivery, PERSONIUM_WAITING) != NULL;
	bool reached = msgext_personium_first(delivery, PERSONIUM_DELIVERED) != NULL;
	const PersoniumTarget *unknown = msgext_personium_first(delivery, PERSONIUM_UNKNOWN);
	const PersoniumTarget *bad =
		msgext_personium_first(delivery, open ? PERSONIUM_WAITING : PERSONIUM_FAILED);
	MsgVerdict verdict = MSG_VERDICT_ACCEPTED;

	if (open)
		verdict = goes_on(delivery);
	else if (unknown != NULL)
		bad = unknown;
	else if (!reached && delivery->n > 0)
		verdict = MSG_VERDICT_REJECTED;
	msgext_outcome(outcome, reply, verdict, bad != NULL ? bad->code : NULL,
				   bad != NULL ? bad->reason : NULL);
	outcome->detail = msgext_personium_detail(delivery, verdict != MSG_VERDICT_ACCEPTED);
	outcome->inherent = verdict == MSG_VERDICT_REJECTED && all_inherent(delivery);
	if (verdict != MSG_VERDICT_ACCEPTED)
		return;
	outcome->provider_id = delivery->id != NULL ? delivery->id : delivery->key;
	if (silent(delivery))
		return;
	outcome->reached = MSG_DELIVERED;
	if (bad != NULL)
		outcome->reached = bad == unknown ? MSG_UNKNOWN : MSG_UNDELIVERED;
}

/*
 * The sending cell has a message of this id: no other may be sent under it, unless to
 * those that may have it.
 */
static void
use_up_id(PersoniumDelivery *delivery)
{
	int i;

	for (i = 0; i < delivery->n; i++)
	{
		if (delivery->targets[i].asked &&
			msgext_personium_holds(delivery, &delivery->targets[i]))
			return;
	}
	if (delivery->target == NULL)
	{
		delivery->round++;
		delivery->again = false;
	}
	for (i = 0; delivery->target != NULL && i < delivery->n; i++)
		delivery->targets[i].round += delivery->targets[i].asked;
}

/* The stored copy is asked for next, and nothing sent before it has answered. */
static void
look_up(PersoniumDelivery *delivery, const char *id, const MsgReply *reply,
		const PersoniumAnswer *answer, MsgOutcome *outcome)
{
	msgext_outcome(outcome, reply, MSG_VERDICT_CONTINUE, answer->code, answer->text);
	delivery->lookup = id;
	outcome->detail = msgext_personium_detail(delivery, true);
}

/*
 * A target that was asked and is not in Result: the stored copy may have it. What is not
 * there either nobody can say.
 */
static void
decide_stored(PersoniumDelivery *delivery, const MsgReply *reply,
			  const PersoniumAnswer *answer, MsgOutcome *outcome)
{
	bool looked = delivery->lookup != NULL;
	bool missing = false;
	int told = 0;
	int i;

	if (answer->stored != NULL)
		msgext_personium_result(delivery, answer->stored);
	for (i = 0; i < delivery->n; i++)
	{
		missing |= delivery->targets[i].asked && !delivery->targets[i].told;
		told += delivery->targets[i].told;
	}
	missing |= told == 0 || delivery->unnameable;
	if (missing && !looked)
	{
		look_up(delivery, delivery->id, reply, answer, outcome);
		return;
	}
	for (i = 0; i < delivery->n; i++)
	{
		PersoniumTarget *target = &delivery->targets[i];

		if (!target->asked || target->told)
			continue;
		target->fate = PERSONIUM_UNKNOWN;
		target->tries++;
		target->code = NULL;
		target->reason = "no answer tells whether it has the message";
	}
	if (delivery->relation_asked)
		delivery->relation_open = false;
	use_up_id(delivery);
	delivery->lookup = NULL;
	sum_up(delivery, reply, outcome);
	outcome->at_us = msgext_personium_published(answer->stored);
}

/* Does the address of what was stored name another id? */
static bool
contradicts(const MsgJson *stored, const char *id)
{
	static const char entity[] = "SentMessage('";
	const MsgJson *uri = msgext_json_get(msgext_json_get(stored, "__metadata"), "uri");
	const char *at =
		msgext_json_is(uri, MSG_JSON_STRING) ? strstr(uri->text, entity) : NULL;
	size_t len = strlen(id);

	if (at == NULL)
		return false;
	at += strlen(entity);
	return strncmp(at, id, len) != 0 || at[len] != '\'';
}

static bool
decide_success(PersoniumDelivery *delivery, const MsgReply *reply,
			   const PersoniumAnswer *answer, MsgOutcome *outcome, MsgError *error)
{
	const MsgJson *id = msgext_json_get(answer->stored, "__id");
	bool keyed;
	bool ours;

	if (delivery->lookup != NULL)
	{
		if (id != NULL && !msgext_json_equals(id, delivery->lookup))
			return msgext_error(error, "", "", "the answer is not the message asked for");
		delivery->id = delivery->lookup;
		decide_stored(delivery, reply, answer, outcome);
		return true;
	}
	if (!msgext_personium_is_id(id))
	{
		msgext_outcome(outcome, reply, MSG_VERDICT_UNSURE, NULL,
					   "the answer has no usable __id");
		return true;
	}
	keyed = delivery->keyed;
	ours = keyed && msgext_json_equals(id, delivery->key);
	if (!ours && contradicts(answer->stored, id->text))
	{
		msgext_outcome(outcome, reply, MSG_VERDICT_UNSURE, NULL,
					   "the answer has two different ids");
		return true;
	}
	delivery->id = id->text;
	delivery->keyed = ours;
	decide_stored(delivery, reply, answer, outcome);
	outcome->key_ignored = keyed && !ours;
	return true;
}

/* The look at the stored copy failed: to look again does no harm. */
static void
decide_lookup(PersoniumDelivery *delivery, MsgVerdict verdict, const MsgReply *reply,
			  const PersoniumAnswer *answer, MsgOutcome *outcome)
{
	if (verdict == MSG_VERDICT_REJECTED)
	{
		delivery->id = delivery->lookup;
		decide_stored(delivery, reply, answer, outcome);
		return;
	}
	if (answer->code != NULL && strcmp(answer->code, NOT_STORED) == 0)
	{
		/*
		 * Not arrived, broken off, or not yet done. What is gone again is no good sign.
		 */
		verdict =
			delivery->lookup == delivery->key ? MSG_VERDICT_CONTINUE : MSG_VERDICT_UNSURE;
		delivery->lookup = NULL;
		delivery->again = true;
		msgext_outcome(outcome, reply, verdict, answer->code, answer->text);
		outcome->detail = msgext_personium_detail(delivery, true);
		return;
	}
	msgext_outcome(outcome, reply, verdict, answer->code, answer->text);
}

/* What was said of the request holds for all who were asked by it. */
static void
note(PersoniumDelivery *delivery, PersoniumFate fate, const PersoniumAnswer *answer)
{
	int i;

	for (i = 0; i < delivery->n; i++)
	{
		PersoniumTarget *target = &delivery->targets[i];

		if (!target->asked)
			continue;
		target->fate = fate;
		target->tries++;
		target->code = answer->code;
		target->reason = answer->text;
	}
}

/*
 * Refused for good. Others that were reached, or are still to be asked, are so all the
 * same. Where a relation was asked nobody has been reached, and nobody will be.
 */
static void
decide_refusal(PersoniumDelivery *delivery, bool collision, const MsgReply *reply,
			   const PersoniumAnswer *answer, MsgOutcome *outcome)
{
	bool alone = true;
	int i;

	for (i = 0; i < delivery->n; i++)
		alone &=
			delivery->targets[i].asked || delivery->targets[i].fate == PERSONIUM_FAILED;
	if (collision)
		use_up_id(delivery);
	msgext_outcome(outcome, reply, MSG_VERDICT_REJECTED, answer->code, answer->text);
	outcome->inherent = msgext_personium_is_inherent(answer->code);
	if (alone || delivery->relation_asked)
	{
		if (collision || delivery->job->detail != NULL)
			outcome->detail = msgext_personium_detail(delivery, true);
		return;
	}
	note(delivery, PERSONIUM_FAILED, answer);
	sum_up(delivery, reply, outcome);
}

/*
 * Sent to again under the id that the sending cell has: it has contacted them, and says
 * no more than it did the first time.
 */
static bool
decide_held(PersoniumDelivery *delivery, const MsgReply *reply, MsgOutcome *outcome)
{
	int held = 0;
	int i;

	for (i = 0; i < delivery->n; i++)
	{
		PersoniumTarget *target = &delivery->targets[i];

		if (!target->asked || !msgext_personium_holds(delivery, target))
			continue;
		target->fate = PERSONIUM_UNKNOWN;
		target->tries++;
		held++;
	}
	if (held == 0)
		return false;
	use_up_id(delivery);
	sum_up(delivery, reply, outcome);
	return true;
}

/* A 409 without a code may be this one too: the look at what is stored will say. */
static bool
is_known_id(const MsgReply *reply, const PersoniumAnswer *answer)
{
	if (answer->code != NULL)
		return strcmp(answer->code, KNOWN_ID) == 0;
	return reply->status == 409;
}

static void
decide_failure(PersoniumDelivery *delivery, const MsgReply *reply,
			   const PersoniumAnswer *answer, MsgOutcome *outcome)
{
	MsgVerdict verdict = msgext_personium_failure(delivery->conn, reply, answer);
	bool known = is_known_id(reply, answer);

	if (delivery->lookup != NULL)
		decide_lookup(delivery, verdict, reply, answer, outcome);
	else if (known && delivery->keyed && decide_held(delivery, reply, outcome))
		return;
	else if (known && delivery->keyed && delivery->job->maybe_sent)
	{
		delivery->again = true;
		look_up(delivery, delivery->key, reply, answer, outcome);
	}
	else if (verdict == MSG_VERDICT_REJECTED)
		decide_refusal(delivery, known, reply, answer, outcome);
	else
	{
		msgext_outcome(outcome, reply, verdict, answer->code, answer->text);
		if (answer->code != NULL && strcmp(answer->code, NO_CONNECTION) == 0)
		{
			/* Others need not wait for one alone; it keeps the id it may have taken. */
			if (delivery->target != NULL)
				note(delivery, PERSONIUM_WAITING, answer);
			outcome->detail = msgext_personium_detail(delivery, true);
		}
	}
}

bool
msgext_personium_decode_send(MsgArena *arena, const MsgConn *conn, const MsgReply *reply,
							 const MsgJob *jobs, int n, MsgOutcome *outcomes,
							 MsgError *error)
{
	bool success = reply->status >= 200 && reply->status < 300;
	PersoniumDelivery delivery;
	PersoniumAnswer answer;

	if (n != 1)
		return msgext_error(error, "", "", "an answer is about one message, not %d", n);
	if (!msgext_personium_recall(arena, conn, &jobs[0], &delivery, error))
		return false;
	msgext_personium_ask(&delivery);
	if (!msgext_personium_answer(arena, reply, &answer, error) && success)
		return false;
	if (!success || answer.code != NULL)
		decide_failure(&delivery, reply, &answer, outcomes);
	else if (answer.stored != NULL)
		return decide_success(&delivery, reply, &answer, outcomes, error);
	else
		msgext_outcome(outcomes, reply, MSG_VERDICT_UNSURE, NULL,
					   "the answer has no message in it");
	return true;
}
