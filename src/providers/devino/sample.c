/*
 * sample.c
 *		What the provider would answer, for tests: the document's own shapes.
 *
 * Owns which answer stands for which meaning, where the document has several.
 */
#include "providers/devino/devino.h"

#include <inttypes.h>
#include <string.h>

#include "core/timestamp.h"
#include "providers/devino/answer.h"

#define JSON_HEADERS "Content-Type: application/json;charset=UTF-8\n"

static void
put_member(MsgBuf *out, const char *name, const char *value)
{
	msgext_buf_printf(out, "\"%s\":", name);
	msgext_json_write_string(out, value, strlen(value));
}

/* {"code": …, "description": ""} about the request, and result about the message. */
static void
put_send(MsgBuf *out, const MsgSample *sample)
{
	bool taken = sample->verdict == MSG_VERDICT_ACCEPTED;
	const char *code = sample->code;

	msgext_buf_putc(out, '{');
	if (taken || sample->verdict == MSG_VERDICT_REJECTED)
	{
		if (code == NULL)
			code = taken ? "ok" : "phone_invalid";
		msgext_buf_puts(out, "\"code\":\"ok\",\"description\":\"\",\"result\":{");
		put_member(out, "code", code);
		if (taken)
			msgext_buf_printf(out, ",\"messageId\":%" PRId64, sample->number);
		msgext_buf_putc(out, '}');
	}
	else
	{
		if (code == NULL && sample->verdict == MSG_VERDICT_RETRY)
			code = "queue_full";
		else if (code == NULL)
			code = sample->verdict == MSG_VERDICT_PAUSE ? "not-enough-credits"
														: "error-auth";
		put_member(out, "code", code);
		msgext_buf_puts(out, ",\"description\":\"\"");
	}
	msgext_buf_putc(out, '}');
}

static void
put_status(MsgBuf *out, const MsgJob *job, const char *channel, const char *word,
		   const char *at)
{
	const char *id = job->provider_id;

	msgext_buf_printf(out,
					  "{\"code\":\"ok\",\"description\":\"\",\"result\":{"
					  "\"providerId\":%s,\"code\":\"ok\",",
					  id);
	if (strcmp(channel, DEVINO_VIBER) == 0)
		msgext_buf_printf(out, "\"viberStatus\":{\"id\":%s,", id);
	else if (strcmp(channel, DEVINO_SMS) == 0)
		msgext_buf_printf(out, "\"smsStates\":[{\"id\":%s,", id);
	put_member(out, "status", word);
	msgext_buf_putc(out, ',');
	put_member(out, "statusAt", at);
	if (strcmp(channel, DEVINO_VIBER) == 0)
		msgext_buf_putc(out, '}');
	else if (strcmp(channel, DEVINO_SMS) == 0)
		msgext_buf_puts(out, "}]");
	msgext_buf_puts(out, "}}");
}

/* Can this message take it? VK is the only one where it has no list. */
static bool
has_channel(const MsgJob *job, const char *channel)
{
	size_t len = strlen(channel);
	const char *next = job->channels;

	if (next == NULL)
		return strcmp(channel, DEVINO_VK) == 0;
	for (;; next++)
	{
		if (strncmp(next, channel, len) == 0 && (next[len] == ',' || next[len] == '\0'))
			return true;
		next = strchr(next, ',');
		if (next == NULL)
			return false;
	}
}

bool
msgext_devino_sample_reply(MsgArena *arena, const MsgConn *conn, MsgSampleKind kind,
						   const MsgJob *jobs, const MsgSample *samples, int n,
						   MsgReply *reply, MsgError *error)
{
	const char *channel = samples[0].channel != NULL ? samples[0].channel : DEVINO_VK;
	const char *word = msgext_devino_word(samples[0].state);
	char at[32];
	MsgBuf out;

	if (n != 1)
		return msgext_error(error, "", "", "an answer is about one message, not %d", n);
	msgext_buf_init(&out, arena, 128);
	if (kind == MSG_SAMPLE_SEND)
	{
		put_send(&out, &samples[0]);
		msgext_reply(reply, 200, JSON_HEADERS, out.data);
		return true;
	}
	if (word == NULL)
		return msgext_error(error, "", "status", "the provider has no such status");
	if (!has_channel(&jobs[0], channel))
		return msgext_error(error, "", "channel", "the message does not go by %s",
							channel);
	if (jobs[0].provider_id == NULL)
		return msgext_error(error, "", "", "the message has no id at the provider");
	msgext_timestamp_local(samples[0].at_us, msgext_conn_offset(conn), at);
	if (kind == MSG_SAMPLE_STATUS)
		put_status(&out, &jobs[0], channel, word, at);
	else
	{
		/* A push names no channel; it is about the first. */
		if (strcmp(channel, DEVINO_VK) != 0)
			return msgext_error(error, "", "channel", "a push is about VK alone");
		msgext_buf_printf(&out, "[{\"messageId\":%s,", jobs[0].provider_id);
		put_member(&out, "status", word);
		msgext_buf_putc(&out, ',');
		put_member(&out, "receivedAt", at);
		msgext_buf_puts(&out, "}]");
	}
	msgext_reply(reply, 200, JSON_HEADERS, out.data);
	return true;
}
