/*
 * answer.c
 *		Reading what the provider writes, in every spelling it is known to use: see
 *		answer.h.
 */
#include "providers/devino/answer.h"

#include <string.h>

#include "core/ascii.h"
#include "core/lengthof.h"
#include "core/timestamp.h"
#include "core/verdict.h"
#include "providers/devino/devino.h"

const char *const msgext_devino_id_names[] = {"messageId", "id", "providerId", NULL};

static const char *const status_names[] = {"status", "state", NULL};
static const char *const time_names[] = {"statusAt", "receivedAt", "time", NULL};
static const char *const viber_code_names[] = {"code", "errorCode", NULL};
static const char *const code_names[] = {"errorCode", NULL};

/*
 * "Коды ответа на запрос отправки сообщения" but validation_error, which its
 * description divides; "Коды валидации сообщения"; "Коды возврата обработки viber
 * сообщения". The last three lines are of the provider's other APIs, from where they may
 * leak through.
 */
static const struct
{
	const char *code;
	MsgVerdict verdict;
} codes[] = {
	{"queue_full", MSG_VERDICT_RETRY},
	{"system_error", MSG_VERDICT_RETRY},
	{"error-system", MSG_VERDICT_RETRY},

	{"subject_not_specified", MSG_VERDICT_REJECTED},
	{"subject_invalid", MSG_VERDICT_REJECTED},
	{"priority_not_specified", MSG_VERDICT_REJECTED},
	{"priority_invalid", MSG_VERDICT_REJECTED},
	{"routes_not_specified", MSG_VERDICT_REJECTED},
	{"routes_invalid", MSG_VERDICT_REJECTED},
	{"vp_invalid", MSG_VERDICT_REJECTED},
	{"phone_not_specified", MSG_VERDICT_REJECTED},
	{"phone_invalid", MSG_VERDICT_REJECTED},
	{"text_not_specified", MSG_VERDICT_REJECTED},
	{"text_invalid", MSG_VERDICT_REJECTED},
	{"sms_text_not_specified", MSG_VERDICT_REJECTED},
	{"sms_subject_not_specified", MSG_VERDICT_REJECTED},
	{"sms_validity_period_not_specified", MSG_VERDICT_REJECTED},
	{"invalid_sms_validity_period", MSG_VERDICT_REJECTED},

	{"error-instant-message-client-id-not-unique", MSG_VERDICT_REJECTED},
	{"error-subject-format", MSG_VERDICT_REJECTED},
	{"error-subject-unknown", MSG_VERDICT_REJECTED},
	{"error-subject-not-specified", MSG_VERDICT_REJECTED},
	{"error-address-format", MSG_VERDICT_REJECTED},
	{"error-address-unknown", MSG_VERDICT_REJECTED},
	{"error-address-not-specified", MSG_VERDICT_REJECTED},
	{"error-priority-format", MSG_VERDICT_REJECTED},
	{"error-comment-format", MSG_VERDICT_REJECTED},
	{"error-instant-message-type-format", MSG_VERDICT_REJECTED},
	{"error-instant-message-type-not-specified", MSG_VERDICT_REJECTED},
	{"error-content-type-format", MSG_VERDICT_REJECTED},
	{"error-content-not-specified", MSG_VERDICT_REJECTED},
	{"error-validity-period-seconds-format", MSG_VERDICT_REJECTED},
	{"error-instant-message-provider-id-format", MSG_VERDICT_REJECTED},
	{"error-instant-message-provider-id-duplicate", MSG_VERDICT_REJECTED},
	{"error-instant-message-provider-id-unknown", MSG_VERDICT_REJECTED},
	{"error-resend-sms-error", MSG_VERDICT_REJECTED},
	{"error-resend-sms-validity-period-error", MSG_VERDICT_REJECTED},

	/* Later revisions; with hyphens, unlike its neighbours. */
	{"not-enough-credits", MSG_VERDICT_PAUSE},

	{"error-auth", MSG_VERDICT_PAUSE_ACCOUNT},
	{"error-account-locked", MSG_VERDICT_PAUSE_ACCOUNT},
	{"error-syntax", MSG_VERDICT_REJECTED},
	{"error-route-not-found", MSG_VERDICT_REJECTED},
	{"not-permitted", MSG_VERDICT_REJECTED},
};

/* "Описание полей объекта dlvStatus", the same of viberStatus and smsStates. */
static const struct
{
	const char *word;
	MsgState state;
	bool viber_only;
} words[] = {
	{"enqueued", MSG_ACCEPTED, false},
	{"sent", MSG_SENT, false},
	{"delivered", MSG_DELIVERED, false},
	{"read", MSG_READ, false},
	{"visited", MSG_READ, true}, /* followed the link: so it was seen */
	{"undelivered", MSG_UNDELIVERED, false},
	{"undelived", MSG_UNDELIVERED, false}, /* so in an example of the Viber API */
	{"failed", MSG_FAILED, false},
	{"vp_expired", MSG_EXPIRED, false},
	{"cancelled", MSG_CANCELLED, true},
};

const char *
msgext_devino_word(MsgState state)
{
	size_t i;

	for (i = 0; i < lengthof(words); i++)
	{
		if (words[i].state == state && !words[i].viber_only)
			return words[i].word;
	}
	return NULL;
}

MsgJson *
msgext_devino_read(MsgArena *arena, const char *body, size_t len, MsgError *error)
{
	MsgJsonLimits limits = msgext_json_strict;

	limits.trailing_commas = true;
	return msgext_json_parse(arena, body, len, &limits, error);
}

bool
msgext_devino_code(const MsgJson *code, MsgVerdict *verdict)
{
	size_t i;

	for (i = 0; i < lengthof(codes); i++)
	{
		if (msgext_ascii_same(code->text, code->len, codes[i].code))
		{
			*verdict = codes[i].verdict;
			return true;
		}
	}
	return false;
}

bool
msgext_devino_is_malformed(const MsgJson *code)
{
	static const char *const endings[] = {"_invalid", "_not_specified", "-format",
										  "-not-specified", NULL};
	const char *const *ending;

	for (ending = endings; *ending != NULL; ending++)
	{
		size_t len = strlen(*ending);

		if (code->len >= len &&
			msgext_ascii_same(code->text + code->len - len, len, *ending))
			return true;
	}
	return msgext_devino_is(code, "validation_error") ||
		   msgext_devino_is(code, "invalid_sms_validity_period");
}

bool
msgext_devino_is(const MsgJson *node, const char *word)
{
	return msgext_json_is(node, MSG_JSON_STRING) &&
		   msgext_ascii_same(node->text, node->len, word);
}

const char *
msgext_devino_text(const MsgJson *node)
{
	return msgext_json_is(node, MSG_JSON_STRING) && *node->text != '\0' ? node->text
																		: NULL;
}

/* One-element lists are of the revisions up to February 2018. */
const MsgJson *
msgext_devino_result(const MsgJson *answer)
{
	const MsgJson *result = msgext_json_get_nocase(answer, "result");

	if (msgext_json_is(result, MSG_JSON_ARRAY) && result->count == 1)
		result = result->first;
	return msgext_json_is(result, MSG_JSON_OBJECT) ? result : NULL;
}

bool
msgext_devino_foreign(const MsgJson *answer, const MsgReply *reply, MsgOutcome *outcome,
					  MsgError *error)
{
	MsgVerdict verdict = msgext_verdict_http(reply->status);
	const char *code = msgext_devino_text(msgext_json_get_nocase(answer, "code"));
	const char *text = msgext_devino_text(msgext_json_get_nocase(answer, "description"));

	/* Other shapes seen: {"error": "Unauthorized", "message": "..."}. */
	if (code == NULL)
		code = msgext_devino_text(msgext_json_get_nocase(answer, "error"));
	if (text == NULL)
		text = msgext_devino_text(msgext_json_get_nocase(answer, "message"));

	if (reply->status < 400)
	{
		if (verdict == MSG_VERDICT_UNSURE)
			return answer == NULL
					   ? false
					   : msgext_error(error, "", "",
									  "the answer has not the documented form");
	}
	else if (verdict == MSG_VERDICT_RELOGIN)
		verdict = MSG_VERDICT_PAUSE_ACCOUNT; /* there is no session to renew */
	else if (reply->status < 500 && reply->retry_after_ms >= 0)
		verdict = MSG_VERDICT_RETRY; /* who says when to come again has not taken it */
	msgext_outcome(outcome, reply, verdict, code, text);
	return true;
}

const MsgJson *
msgext_devino_any(const MsgJson *node, const char *const *names)
{
	for (; *names != NULL; names++)
	{
		const MsgJson *member = msgext_json_get_nocase(node, *names);

		if (member != NULL && member->type != MSG_JSON_NULL)
			return member;
	}
	return NULL;
}

/* "Long: Положительные числа больше нуля" */
const char *
msgext_devino_id(MsgArena *arena, const MsgJson *node)
{
	int64_t value;

	if (!msgext_json_int64(node, true, &value) || value <= 0)
		return NULL;
	return msgext_strndup(arena, node->text, node->len);
}

static int64_t
event_time(const MsgConn *conn, const MsgJson *node)
{
	const MsgJson *time = msgext_devino_any(node, time_names);
	int64_t time_us;

	if (!msgext_json_is(time, MSG_JSON_STRING) && !msgext_json_is(time, MSG_JSON_NUMBER))
		return 0;
	return msgext_timestamp_parse(time->text, time->len, msgext_conn_offset(conn),
								  &time_us)
			   ? time_us
			   : 0;
}

MsgEvent *
msgext_devino_event(MsgArena *arena, const MsgConn *conn, const MsgJson *node,
					const char *channel)
{
	const MsgJson *status = msgext_devino_any(node, status_names);
	const char *error = msgext_devino_text(msgext_json_get_nocase(node, "error"));
	MsgEvent *event;
	size_t i;

	if (msgext_devino_text(status) == NULL)
		return NULL;
	event = msgext_alloc0(arena, sizeof(*event));
	event->channel = channel != NULL ? channel : DEVINO_VK;
	event->status = status->text;
	event->at_us = event_time(conn, node);

	/* A word that is not documented: the provider has it, more nobody can say. */
	event->state = MSG_ACCEPTED;
	for (i = 0; i < lengthof(words); i++)
	{
		if (!msgext_ascii_same(status->text, status->len, words[i].word))
			continue;
		event->state = words[i].state;
		if (channel == NULL && words[i].viber_only)
			event->channel = DEVINO_VIBER;
		break;
	}

	/* The member "code" of a VK status is the validation code, not a reason. */
	event->code = msgext_devino_text(msgext_devino_any(
		node, channel != NULL && strcmp(channel, DEVINO_VIBER) == 0 ? viber_code_names
																	: code_names));
	if (event->code != NULL && strcmp(event->code, "ok") == 0)
		event->code = NULL;

	/* "error": "Доставлено" comes with DELIVERED: then it is a remark. */
	if (error != NULL && msgext_state_is_final(event->state) &&
		event->state != MSG_DELIVERED && event->state != MSG_READ)
		event->error = error;
	else if (error != NULL)
	{
		event->detail = msgext_json_new(arena, MSG_JSON_OBJECT);
		msgext_json_set_text(arena, event->detail, "info", error);
	}
	return event;
}
