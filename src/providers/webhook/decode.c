/*
 * decode.c
 *		Answers: what an HTTP status means to a webhook.
 *
 * The body says nothing that we know; the options success and pause_on go first.
 */
#include "providers/webhook/webhook.h"

#include <stdio.h>
#include <string.h>

#include "core/http_text.h"
#include "core/verdict.h"

/* Bytes of header fields that are kept of an answer. */
#define HEADERS_MAX 2048

/*
 * Does the receiver know a repeat? With a signature or as an event every message has an
 * id that the receiver's specification tells it to look at. A bare POST has it too, but
 * whoever takes one need not know.
 */
bool
msgext_webhook_deduplicates(const MsgConn *conn)
{
	const char *idempotent = msgext_conn_option(conn, "idempotent");
	const char *signature = msgext_conn_option(conn, "signature");
	const char *format = msgext_conn_option(conn, "format");

	if (idempotent != NULL)
		return strcmp(idempotent, "on") == 0;
	return (signature != NULL && strcmp(signature, "none") != 0) ||
		   (format != NULL && strcmp(format, "plain") != 0);
}

/* Is it the message that says what is asked of which resource? */
static bool
names_resource(MsgArena *arena, const MsgJob *job)
{
	WebhookFragment fragment;

	return job->fragment != NULL &&
		   msgext_webhook_get(arena, job->fragment, job->fragment_len, &fragment) &&
		   fragment.format == WEBHOOK_HTTP &&
		   (fragment.target[0] == '/' || strcmp(fragment.method, "POST") != 0);
}

static MsgVerdict
judge(MsgArena *arena, const MsgJob *job, int status)
{
	switch (status)
	{
		case 401:
		case 407:
			return MSG_VERDICT_PAUSE_ACCOUNT;

			/* The endpoint is being deployed, or is it the one resource that is not? */
		case 404:
			return names_resource(arena, job) ? MSG_VERDICT_REJECTED : MSG_VERDICT_RETRY;
		case 405:
			return names_resource(arena, job) ? MSG_VERDICT_REJECTED : MSG_VERDICT_PAUSE;

			/* pause_on says whether it is the endpoint; here it is not. */
		case 410:
			return MSG_VERDICT_REJECTED;
	}
	return msgext_verdict_http(status);
}

bool
msgext_webhook_decode_send(MsgArena *arena, const MsgConn *conn, const MsgReply *reply,
						   const MsgJob *jobs, int n, MsgOutcome *outcomes,
						   MsgError *error)
{
	MsgVerdict verdict;
	char code[16];

	if (n != 1)
		return msgext_error(error, "", "", "an answer is about one message, not %d", n);
	if (msgext_statuses_match(msgext_conn_option(conn, "success"), reply->status))
	{
		msgext_outcome(outcomes, reply, MSG_VERDICT_ACCEPTED, NULL, NULL);
		outcomes->reached = MSG_DELIVERED;
	}
	else
	{
		if (msgext_statuses_match(msgext_conn_option(conn, "pause_on"), reply->status))
			verdict = MSG_VERDICT_PAUSE;
		else
			verdict = judge(arena, &jobs[0], reply->status);
		snprintf(code, sizeof(code), "%d", reply->status);
		msgext_outcome(outcomes, reply, verdict, msgext_strdup(arena, code), NULL);
	}
	outcomes->headers = msgext_headers_json(arena, reply->headers, HEADERS_MAX);
	return true;
}
