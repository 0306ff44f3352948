/*
 * encode.c
 *		Requests: POST __message/send, GET __ctl/SentMessage.
 *
 * Owns urls, headers and the body's members that belong to an attempt: "__id", and who is
 * still to be reached. No header of a caller's ever gets here: X-Override among them
 * would rewrite the others ("ヘッダオーバライド機能").
 */
#include "providers/personium/personium.h"

#include <inttypes.h>
#include <string.h>

#include "providers/personium/delivery.h"

bool
msgext_personium_deduplicates(const MsgConn *conn)
{
	return strcmp(msgext_conn_option(conn, "client_message_id"), "on") == 0;
}

/* "Authorization: Bearer {AccessToken}" */
static bool
put_headers(MsgArena *arena, const MsgConn *conn, const MsgJob *job, MsgRequest *request,
			MsgError *error)
{
	const char *token = msgext_conn_option(conn, "token");
	MsgBuf header;

	memset(request, 0, sizeof(*request));
	if (token == NULL && conn->session != NULL)
		token = conn->session->token;
	if (token == NULL)
		return msgext_error(error, "", "token",
							"the user mapping has neither token nor login, or there is "
							"no session");
	if (!msgext_personium_is_token(token, strlen(token)))
		return msgext_error(error, "", "token",
							"has characters that cannot stand in a header");
	msgext_buf_init(&header, arena, 256);
	msgext_buf_puts(&header, "Authorization: Bearer ");
	msgext_buf_puts(&header, token);
	request->headers[request->nheaders++] = header.data;
	request->headers[request->nheaders++] = "Accept: application/json";

	/* It stands in the log of the unit, where its operators look for a message. */
	msgext_buf_init(&header, arena, 64);
	msgext_buf_printf(&header, "X-Personium-RequestKey: %" PRId64, job->id);
	request->headers[request->nheaders++] = header.data;
	return true;
}

static void
put_lookup(MsgArena *arena, const MsgConn *conn, const char *id, MsgRequest *request)
{
	MsgBuf url;

	msgext_buf_init(&url, arena, 128);
	msgext_buf_puts(&url, conn->url);
	msgext_buf_puts(&url, "/__ctl/SentMessage('");
	msgext_buf_puts(&url, id);
	msgext_buf_puts(&url, "')");
	request->method = "GET";
	request->url = url.data;
}

/*
 * The server gives up at the first cell that it cannot connect to, and says nothing of
 * the others: so every other repeat goes through the list from its end.
 */
static void
put_targets(MsgBuf *list, const PersoniumDelivery *delivery)
{
	const MsgJob *job = delivery->job;
	bool backwards = job->maybe_sent && job->attempt % 2 == 0;
	int i;

	for (i = 0; i < delivery->n; i++)
	{
		const PersoniumTarget *target =
			&delivery->targets[backwards ? delivery->n - 1 - i : i];

		if (!target->asked)
			continue;
		if (list->len > 0)
			msgext_buf_putc(list, ',');
		msgext_buf_append(list, target->url, target->len);
	}
}

/* Nothing has been said of any target, and all of them are asked at once. */
static bool
goes_whole(const MsgConn *conn, const MsgJob *job)
{
	return job->detail == NULL && !job->maybe_sent &&
		   strcmp(msgext_conn_option(conn, "split_targets"), "off") == 0;
}

/* The beginning of a body, with the id if it is ours to say. */
static void
begin_body(MsgBuf *body, const char *key)
{
	msgext_buf_putc(body, '{');
	if (key == NULL)
		return;
	msgext_buf_puts(body, "\"__id\":\"");
	msgext_buf_puts(body, key);
	msgext_buf_puts(body, "\",");
}

/* The message as it was stored, behind its own key. */
static void
put_whole(MsgArena *arena, const MsgConn *conn, const MsgJob *job, MsgRequest *request)
{
	char key[MSG_KEY_LEN + 1];
	MsgBuf body;

	msgext_buf_init(&body, arena, job->fragment_len + 64);
	msgext_own_key(job->created_us, job->id, key);
	begin_body(&body, msgext_personium_deduplicates(conn) ? key : NULL);
	msgext_buf_append(&body, job->fragment + 1, job->fragment_len - 1);
	request->body = body.data;
	request->body_len = body.len;
}

static void
put_send(MsgArena *arena, const MsgConn *conn, MsgRequest *request)
{
	MsgBuf url;

	msgext_buf_init(&url, arena, 128);
	msgext_buf_puts(&url, conn->url);
	msgext_buf_puts(&url, "/__message/send");
	request->method = "POST";
	request->url = url.data;
	request->headers[request->nheaders++] = "Content-Type: application/json";
}

static void
put_body(MsgArena *arena, const PersoniumDelivery *delivery, MsgRequest *request)
{
	const MsgJson *member;
	MsgBuf body;
	MsgBuf list;

	msgext_buf_init(&body, arena, delivery->job->fragment_len + 64);
	begin_body(&body, delivery->keyed ? delivery->key : NULL);
	msgext_buf_init(&list, arena, 256);
	put_targets(&list, delivery);
	if (list.len > 0)
	{
		msgext_buf_puts(&body, "\"To\":");
		msgext_json_write_string(&body, list.data, list.len);
		msgext_buf_putc(&body, ',');
	}
	for (member = delivery->message->first; member != NULL; member = member->next)
	{
		if (strcmp(member->name, "To") == 0 ||
			(strcmp(member->name, "ToRelation") == 0 && !delivery->relation_asked))
			continue;
		msgext_json_write_string(&body, member->name, member->name_len);
		msgext_buf_putc(&body, ':');
		msgext_json_write(&body, member);
		msgext_buf_putc(&body, ',');
	}

	/* In place of the last comma. */
	body.data[body.len - 1] = '}';
	request->body = body.data;
	request->body_len = body.len;
}

bool
msgext_personium_encode_send(MsgArena *arena, const MsgConn *conn, const MsgJob *jobs,
							 int n, MsgRequest *request, MsgError *error)
{
	PersoniumDelivery delivery;

	if (n != 1)
		return msgext_error(error, "", "", "a request takes one message, not %d", n);
	if (!put_headers(arena, conn, &jobs[0], request, error))
		return false;
	if (goes_whole(conn, &jobs[0]))
	{
		put_send(arena, conn, request);
		put_whole(arena, conn, &jobs[0], request);
		return true;
	}
	if (!msgext_personium_recall(arena, conn, &jobs[0], &delivery, error))
		return false;
	msgext_personium_ask(&delivery);
	if (delivery.lookup != NULL)
	{
		put_lookup(arena, conn, delivery.lookup, request);
		return true;
	}
	if (delivery.message == NULL || delivery.named_by_answer != delivery.relation_asked)
		return msgext_error(error, "", "To", "the message has nobody left to go to");
	put_send(arena, conn, request);
	put_body(arena, &delivery, request);
	return true;
}

bool
msgext_personium_encode_status(MsgArena *arena, const MsgConn *conn, const MsgJob *jobs,
							   int n, MsgRequest *request, MsgError *error)
{
	MsgJson id = {.type = MSG_JSON_STRING};

	if (n != 1)
		return msgext_error(error, "", "", "a request takes one message, not %d", n);
	id.text = jobs[0].provider_id != NULL ? jobs[0].provider_id : "";
	id.len = strlen(id.text);
	if (!msgext_personium_is_id(&id))
		return msgext_error(error, "", "", "the message has no id at the provider");
	if (!put_headers(arena, conn, &jobs[0], request, error))
		return false;
	put_lookup(arena, conn, id.text, request);
	return true;
}
