/*
 * decode.c
 *		Answers to POST /send/vk.
 *
 * Owns the decision of the answer's two levels: the outer code is about the request,
 * result.code about the message, and only both together accept it. The body decides
 * before the HTTP status, which the document does not mention at all.
 */
#include "providers/devino/devino.h"

#include <string.h>

#include "providers/devino/answer.h"

/* The request was taken: was the message? ("Коды валидации сообщения") */
static void
decide_message(MsgArena *arena, const MsgJson *answer, const MsgReply *reply,
			   MsgOutcome *outcome)
{
	const MsgJson *result = msgext_devino_result(answer);
	const MsgJson *code = msgext_json_get_nocase(result, "code");
	const char *text = msgext_devino_text(msgext_json_get_nocase(result, "description"));
	MsgVerdict verdict;

	if (msgext_devino_text(code) == NULL)
	{
		msgext_outcome(outcome, reply, MSG_VERDICT_UNSURE, NULL,
					   "the answer is ok, but has no code for the message");
		return;
	}
	if (!msgext_devino_is(code, "ok"))
	{
		/* Nothing is documented for a wrong template, so other codes must be expected. */
		if (!msgext_devino_code(code, &verdict))
			verdict = MSG_VERDICT_REJECTED;
		msgext_outcome(outcome, reply, verdict, code->text, text);
		outcome->inherent =
			verdict == MSG_VERDICT_REJECTED && msgext_devino_is_malformed(code);
		return;
	}
	msgext_outcome(outcome, reply, MSG_VERDICT_ACCEPTED, NULL, NULL);
	outcome->provider_id =
		msgext_devino_id(arena, msgext_json_get_nocase(result, "messageId"));
	if (outcome->provider_id == NULL)
		msgext_outcome(outcome, reply, MSG_VERDICT_UNSURE, NULL,
					   "the answer is ok, but has no usable messageId");
}

bool
msgext_devino_decode_send(MsgArena *arena, const MsgConn *conn, const MsgReply *reply,
						  const MsgJob *jobs, int n, MsgOutcome *outcomes,
						  MsgError *error)
{
	const MsgJson *answer;
	const MsgJson *code;
	const MsgJson *description;
	MsgVerdict verdict;

	(void) conn;
	(void) jobs;
	if (n != 1)
		return msgext_error(error, "", "", "an answer is about one message, not %d", n);
	answer = msgext_devino_read(arena, reply->body, reply->body_len, error);
	code = msgext_json_get_nocase(answer, "code");
	if (msgext_devino_text(code) == NULL)
		return msgext_devino_foreign(answer, reply, outcomes, error);
	if (msgext_devino_is(code, "ok"))
	{
		decide_message(arena, answer, reply, outcomes);
		return true;
	}

	/* "Коды ответа на запрос отправки сообщения": validation_error has three meanings. */
	description = msgext_json_get_nocase(answer, "description");
	if (msgext_devino_is(code, "validation_error"))
		verdict = msgext_devino_is(description, "login_not_specified")
					  ? MSG_VERDICT_PAUSE_ACCOUNT
					  : MSG_VERDICT_REJECTED;
	else if (!msgext_devino_code(code, &verdict))
	{
		/* An unknown word of a proxy or a framework: its status says how it is meant. */
		if (reply->status >= 400)
			return msgext_devino_foreign(answer, reply, outcomes, error);
		verdict = MSG_VERDICT_REJECTED;
	}
	msgext_outcome(outcomes, reply, verdict, code->text, msgext_devino_text(description));
	outcomes->inherent =
		verdict == MSG_VERDICT_REJECTED && msgext_devino_is_malformed(code);
	return true;
}
