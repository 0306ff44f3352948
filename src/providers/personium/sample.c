/*
 * sample.c
 *		What the provider would answer, for tests: a stored message with the result of
 *		each target, or an error.
 *
 * What was asked follows from the job, as it does for the request: the message to be
 * sent, or the stored copy of it.
 */
#include "providers/personium/personium.h"

#include <string.h>

#include "providers/personium/answer.h"
#include "providers/personium/delivery.h"

#define JSON_HEADERS "Content-Type: application/json\n"

/* Where a relation was asked, the answer says who its cells are. */
#define RELATION_CELL "https://cell.example/"

static void
put_text(MsgBuf *out, const char *name, const char *value)
{
	msgext_buf_printf(out, "\"%s\":", name);
	msgext_json_write_string(out, value, strlen(value));
}

static void
put_result(MsgBuf *out, const char *url, int code)
{
	if (out->data[out->len - 1] != '[')
		msgext_buf_putc(out, ',');
	msgext_buf_putc(out, '{');
	put_text(out, "To", url);
	msgext_buf_printf(out, ",\"Code\":\"%d\",\"Reason\":\"%s\"}", code,
					  code == 201 ? "Created." : "Refused.");
}

/* {"d": {"results": …}}: the message as the sending cell has stored it. */
static void
put_stored(MsgBuf *out, const PersoniumDelivery *delivery, const char *id, int code)
{
	bool send = false;
	int i;

	/* A status request asks for all of them. */
	for (i = 0; i < delivery->n; i++)
		send |= delivery->targets[i].asked;
	msgext_buf_puts(out, "{\"d\":{\"results\":{");
	put_text(out, "__id", id);
	msgext_buf_puts(out, ",\"Type\":\"message\",\"Result\":[");
	for (i = 0; i < delivery->n; i++)
		if (delivery->targets[i].asked || !send)
			put_result(out, delivery->targets[i].url, code);
	if (out->data[out->len - 1] == '[')
		put_result(out, RELATION_CELL, code);
	msgext_buf_puts(out, "]}}}");
}

static void
answer_stored(MsgArena *arena, const PersoniumDelivery *delivery, const char *id,
			  int status, int code, MsgReply *reply)
{
	MsgBuf out;

	msgext_buf_init(&out, arena, 256);
	put_stored(&out, delivery, id, code);
	msgext_reply(reply, status, JSON_HEADERS, out.data);
}

/* "PR404-OD-0002": its three digits are the HTTP status. */
static void
answer_error(MsgArena *arena, const char *code, MsgReply *reply)
{
	int status = 400;
	MsgBuf out;

	if (strncmp(code, "PR", 2) == 0 && strspn(code + 2, "0123456789") >= 3)
		status = (code[2] - '0') * 100 + (code[3] - '0') * 10 + (code[4] - '0');
	msgext_buf_init(&out, arena, 128);
	msgext_buf_putc(&out, '{');
	put_text(&out, "code", code);
	msgext_buf_puts(&out, ",\"message\":{\"lang\":\"en\",\"value\":\"A sample.\"}}");
	msgext_reply(reply, status, JSON_HEADERS, out.data);
}

static const char *
code_of(const MsgSample *sample)
{
	if (sample->code != NULL)
		return sample->code;
	switch (sample->verdict)
	{
		case MSG_VERDICT_RETRY:
			return "PR503-SV-0001";
		case MSG_VERDICT_PAUSE:
			return "PR403-AU-0003";
		case MSG_VERDICT_PAUSE_ACCOUNT:
			return "PR401-AU-0006";
		default:
			return "PR400-OD-0006";
	}
}

static void
answer_send(MsgArena *arena, PersoniumDelivery *delivery, const MsgSample *sample,
			MsgReply *reply)
{
	bool taken = sample->verdict == MSG_VERDICT_ACCEPTED;

	msgext_personium_ask(delivery);
	if (!taken)
		answer_error(arena, code_of(sample), reply);
	else if (delivery->lookup != NULL && sample->known)
		answer_stored(arena, delivery, delivery->lookup, 200, 201, reply);
	else if (delivery->lookup != NULL)
		answer_error(arena, "PR404-OD-0002", reply);
	else if (sample->known && delivery->keyed)
		answer_error(arena, "PR409-OD-0003", reply);
	else
		answer_stored(arena, delivery, delivery->key, 201, 201, reply);
}

bool
msgext_personium_sample_reply(MsgArena *arena, const MsgConn *conn, MsgSampleKind kind,
							  const MsgJob *jobs, const MsgSample *samples, int n,
							  MsgReply *reply, MsgError *error)
{
	PersoniumDelivery delivery;

	if (n != 1)
		return msgext_error(error, "", "", "an answer is about one message, not %d", n);
	if (!msgext_personium_recall(arena, conn, &jobs[0], &delivery, error))
		return false;
	switch (kind)
	{
		case MSG_SAMPLE_SEND:
			answer_send(arena, &delivery, &samples[0], reply);
			return true;
		case MSG_SAMPLE_STATUS:
			if (jobs[0].provider_id == NULL)
				return msgext_error(error, "", "",
									"the message has no id at the provider");
			if (samples[0].state != MSG_DELIVERED && samples[0].state != MSG_UNDELIVERED)
				return msgext_error(error, "", "status",
									"a stored message tells \"delivered\" or "
									"\"undelivered\"");
			answer_stored(arena, &delivery, jobs[0].provider_id, 200,
						  samples[0].state == MSG_DELIVERED ? 201 : 403, reply);
			return true;
		default:
			return msgext_error(error, "", "", "the provider pushes nothing");
	}
}
