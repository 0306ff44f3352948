/*
 * message.c
 *		Payloads: what a message is to become on the wire, checked and written down.
 *
 * A message is the body as it is, or an event of CloudEvents (event.c), by the server's
 * option format; or {"http": {...}}, a request of the caller's own.
 */
#include "providers/webhook/webhook.h"

#include <string.h>

#include "core/http_text.h"
#include "core/lengthof.h"

/* Of {"http": {...}}. */
typedef enum Member
{
	METHOD,
	PATH,
	QUERY,
	HEADERS,
	BODY,
	TEXT,
	FORM,
	PART,
	MEMBERS
} Member;

static const char *const names[MEMBERS] = {"method", "path", "query", "headers",
										   "body",	 "text", "form",  "part"};

static bool
open_request(const MsgJson *http, const MsgJson **members, MsgError *error)
{
	const MsgJson *member;

	memset(members, 0, MEMBERS * sizeof(MsgJson *));
	if (http->type != MSG_JSON_OBJECT)
		return msgext_error(error, "http_invalid", "http", "must be an object");
	for (member = http->first; member != NULL; member = member->next)
	{
		int i = 0;

		while (i < MEMBERS && !msgext_json_is_named(member, names[i]))
			i++;
		if (i == MEMBERS)
			return msgext_error(error, "http_invalid", "http",
								"may have method, path, query, headers, and one of body, "
								"text, form and part");

		/* A null is a member that is left out. */
		if (member->type != MSG_JSON_NULL)
			members[i] = member;
	}
	return true;
}

static bool
take_method(const MsgJson *node, const char **method, MsgError *error)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
	size_t i;

	*method = "POST";
	if (node == NULL)
		return true;
	for (i = 0; i < lengthof(methods); i++)
	{
		if (msgext_json_equals(node, methods[i]))
		{
			*method = methods[i];
			return true;
		}
	}
	return msgext_error(error, "method_invalid", "http.method",
						"must be GET, POST, PUT, PATCH or DELETE");
}

static bool
take_headers(MsgArena *arena, const MsgJson *headers, const char **lines,
			 const char *content_type, MsgError *error)
{
	MsgError inner = {.text = ""};
	const MsgJson *header;
	MsgBuf line;
	int n = 0;

	if (headers != NULL && !msgext_headers_check(headers, false, &inner))
		return msgext_error(error, "header_invalid", "http.headers", "%s%s%s", inner.path,
							inner.path[0] != '\0' ? ": " : "", inner.text);
	for (header = headers != NULL ? headers->first : NULL; header != NULL;
		 header = header->next)
	{
		msgext_buf_init(&line, arena, header->name_len + header->len + 3);
		msgext_buf_printf(&line, "%s: %s", header->name, header->text);
		lines[n++] = line.data;
	}
	if (content_type == NULL || msgext_json_get_nocase(headers, "content-type") != NULL)
		return true;
	msgext_buf_init(&line, arena, 64);
	msgext_buf_printf(&line, "Content-Type: %s", content_type);
	lines[n] = line.data;
	return true;
}

/* Bytes that were given and would not be sent. */
static bool
check_parts(const MsgPayload *payload, int64_t used, MsgError *error)
{
	int n = used == 1 ? 2 : 1;

	if (payload->spare_parts || n > payload->nparts)
		return true;
	return msgext_error(error, "", "parts",
						"hold %d elements, of which the message does not use number %d",
						payload->nparts, n);
}

/* What is sent, and what kind of thing it is; NULL for nothing. */
static bool
take_body(MsgArena *arena, const MsgPayload *payload, const MsgJson **members,
		  WebhookFragment *fragment, const char **content_type, MsgError *error)
{
	int bodies = (members[BODY] != NULL) + (members[TEXT] != NULL) +
				 (members[FORM] != NULL) + (members[PART] != NULL);
	int64_t part;
	MsgBuf body;

	*content_type = NULL;
	fragment->body = "";
	fragment->body_len = 0;
	if (members[PART] == NULL && !check_parts(payload, 0, error))
		return false;
	if (bodies == 0)
		return true;
	if (bodies > 1)
		return msgext_error(error, "body_invalid", "http",
							"must have only one of body, text, form and part");
	if (strcmp(fragment->method, "GET") == 0)
		return msgext_error(error, "body_invalid", "http.method",
							"must not be GET where there is a body");
	msgext_buf_init(&body, arena, 256);
	if (members[BODY] != NULL)
	{
		*content_type = "application/json";
		msgext_json_write(&body, members[BODY]);
	}
	else if (members[TEXT] != NULL)
	{
		*content_type = "text/plain; charset=utf-8";
		if (members[TEXT]->type != MSG_JSON_STRING)
			return msgext_error(error, "body_invalid", "http.text", "must be a text");
		msgext_buf_append(&body, members[TEXT]->text, members[TEXT]->len);
	}
	else if (members[FORM] != NULL)
	{
		*content_type = "application/x-www-form-urlencoded";
		if (!msgext_webhook_put_pairs(&body, members[FORM], 0, "http.form", error))
			return false;
	}
	else
	{
		*content_type = "application/octet-stream";
		if (!msgext_json_int64(members[PART], false, &part) || part < 1 ||
			part > payload->nparts || payload->parts[part - 1].bytes == NULL)
			return msgext_error(error, "body_invalid", "http.part",
								"must be the number of one of the parts");
		fragment->body = payload->parts[part - 1].bytes;
		fragment->body_len = payload->parts[part - 1].len;
		return check_parts(payload, part, error);
	}
	fragment->body = body.data;
	fragment->body_len = body.len;
	return true;
}

static bool
take_request(MsgArena *arena, const MsgPayload *payload, const MsgJson *http,
			 WebhookFragment *fragment, MsgError *error)
{
	const char **lines = msgext_alloc0(arena, (WEBHOOK_LINES_MAX + 1) * sizeof(char *));
	const MsgJson *members[MEMBERS];
	const char *content_type;
	MsgBuf target;

	fragment->format = WEBHOOK_HTTP;
	fragment->lines = lines;
	msgext_buf_init(&target, arena, 64);
	if (!open_request(http, members, error) ||
		!take_method(members[METHOD], &fragment->method, error) ||
		(members[PATH] != NULL &&
		 !msgext_webhook_put_path(&target, members[PATH], error)) ||
		(members[QUERY] != NULL &&
		 !msgext_webhook_put_pairs(&target, members[QUERY], '?', "http.query", error)) ||
		!take_body(arena, payload, members, fragment, &content_type, error))
		return false;
	fragment->target = target.data;
	return take_headers(arena, members[HEADERS], lines, content_type, error);
}

static void
take_plain(MsgArena *arena, const MsgJson *message, WebhookFragment *fragment)
{
	static const char *const lines[] = {NULL};
	MsgBuf body;

	msgext_buf_init(&body, arena, 256);
	msgext_json_write(&body, message);
	fragment->format = WEBHOOK_PLAIN;
	fragment->lines = lines;
	fragment->body = body.data;
	fragment->body_len = body.len;
}

static WebhookFormat
format_of(const MsgConn *conn)
{
	const char *format = msgext_conn_option(conn, "format");

	if (format != NULL &&
		strcmp(format, msgext_webhook_format_name(WEBHOOK_STRUCTURED)) == 0)
		return WEBHOOK_STRUCTURED;
	if (format != NULL && strcmp(format, msgext_webhook_format_name(WEBHOOK_BINARY)) == 0)
		return WEBHOOK_BINARY;
	return WEBHOOK_PLAIN;
}

bool
msgext_webhook_prepare(MsgArena *arena, const MsgConn *conn, const MsgPayload *payload,
					   MsgFragment *fragment, MsgError *error)
{
	const MsgJson *message = payload->message;
	const MsgJson *http = msgext_json_get(message, "http");
	WebhookFragment stored = {.method = "POST", .target = ""};
	WebhookFormat format = format_of(conn);
	MsgBuf out;

	if (message->type != MSG_JSON_OBJECT)
		return msgext_error(error, "message_invalid", "", "must be an object");
	if (http != NULL && message->count == 1)
	{
		if (!take_request(arena, payload, http, &stored, error))
			return false;
	}
	else if (!check_parts(payload, 0, error))
		return false;
	else if (format == WEBHOOK_PLAIN)
		take_plain(arena, message, &stored);
	else if (!msgext_webhook_event(arena, message, format, &stored, error))
		return false;
	msgext_buf_init(&out, arena, stored.body_len + 128);
	msgext_webhook_put(&out, &stored);
	memset(fragment, 0, sizeof(*fragment));
	fragment->bytes = out.data;
	fragment->len = out.len;
	return true;
}
