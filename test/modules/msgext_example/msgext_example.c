/*
 * msgext_example.c
 *		A provider in a library of its own: takes {"to": address, "text": text}, posts it with
 *		a Bearer token, and is answered {"ok": true}.
 */
#include "postgres.h"

#include "msgext.h"

#include "core/http_text.h"
#include "core/verdict.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

static const MsgOption options[] = {{.name = "token",
									 .place = MSG_OPTION_MAPPING,
									 .kind = MSG_OPTION_TEXT,
									 .secret = true},
									{.name = NULL}};

static bool
prepare(MsgArena *arena, const MsgConn *conn, const MsgPayload *payload,
		MsgFragment *fragment, MsgError *error)
{
	const MsgJson *to = msgext_json_get(payload->message, "to");
	const MsgJson *text = msgext_json_get(payload->message, "text");
	MsgJson *body = msgext_json_new(arena, MSG_JSON_OBJECT);
	MsgBuf out;

	if (!msgext_json_is(to, MSG_JSON_STRING) || to->len == 0)
		return msgext_error(error, "bad_recipient", "to", "must be a text");
	if (!msgext_json_is(text, MSG_JSON_STRING))
		return msgext_error(error, "bad_text", "text", "must be a text");
	msgext_json_set_text(arena, body, "to", to->text);
	msgext_json_set_text(arena, body, "text", text->text);
	msgext_buf_init(&out, arena, 256);
	msgext_json_write(&out, body);
	memset(fragment, 0, sizeof(*fragment));
	fragment->bytes = out.data;
	fragment->len = out.len;
	fragment->recipient = to->text;
	return true;
}

static bool
encode_send(MsgArena *arena, const MsgConn *conn, const MsgJob *jobs, int n,
			MsgRequest *request, MsgError *error)
{
	const char *token = msgext_conn_option(conn, "token");
	MsgBuf authorization;

	if (token == NULL)
		return msgext_error(error, "", "token", "the user mapping has no token");
	msgext_buf_init(&authorization, arena, 64);
	msgext_buf_printf(&authorization, "Authorization: Bearer %s", token);
	memset(request, 0, sizeof(*request));
	request->method = "POST";
	request->url = conn->url;
	request->headers[request->nheaders++] = authorization.data;
	request->headers[request->nheaders++] = "Content-Type: application/json";
	request->body = jobs[0].fragment;
	request->body_len = jobs[0].fragment_len;
	return true;
}

static bool
decode_send(MsgArena *arena, const MsgConn *conn, const MsgReply *reply,
			const MsgJob *jobs, int n, MsgOutcome *outcomes, MsgError *error)
{
	const MsgJson *answer = msgext_json_parse(arena, reply->body, reply->body_len,
											  &msgext_json_strict, error);
	const MsgJson *ok = msgext_json_get(answer, "ok");

	if (reply->status >= 300)
		msgext_outcome(outcomes, reply, msgext_verdict_http(reply->status), NULL, NULL);
	else if (!msgext_json_is(ok, MSG_JSON_BOOL))
		return answer == NULL ? false : msgext_error(error, "", "ok", "there is none");
	else
	{
		msgext_outcome(outcomes, reply, MSG_VERDICT_ACCEPTED, NULL, NULL);
		outcomes->reached = MSG_DELIVERED;
	}
	outcomes->headers = msgext_headers_json(arena, reply->headers, 2048);
	return true;
}

static const MsgProvider example = {
	.abi = MSG_PROVIDER_ABI,
	.name = "example",
	.title = "Example, a message API",
	.max_batch = 1,
	.options = options,
	.prepare = prepare,
	.encode_send = encode_send,
	.decode_send = decode_send,
};

void
_PG_init(void)
{
	msgext_register_provider(&example);
}
