/*
 * encode.c
 *		Requests: method, url, header fields and body of one message.
 *
 * Header fields come from the message, the server and the mapping; of those with one name
 * the mapping's counts, else the message's.
 */
#include "providers/webhook/webhook.h"

#include <stdio.h>
#include <string.h>

#include "core/ascii.h"
#include "core/http_text.h"
#include "core/timestamp.h"

static bool
has_name(const char *line, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (msgext_ascii_lower(line[i]) != msgext_ascii_lower(name[i]))
			return false;
	return line[len] == ':';
}

/* Adds a field, unless there is one of its name already. */
static void
add_line(MsgRequest *request, const char *line)
{
	size_t len = strcspn(line, ":");
	int i;

	for (i = 0; i < request->nheaders; i++)
		if (has_name(request->headers[i], line, len))
			return;
	if (request->nheaders < MSG_REQUEST_HEADERS)
		request->headers[request->nheaders++] = line;
}

static void
add(MsgArena *arena, MsgRequest *request, const char *name, const char *value)
{
	MsgBuf line;

	msgext_buf_init(&line, arena, strlen(name) + strlen(value) + 3);
	msgext_buf_puts(&line, name);
	msgext_buf_puts(&line, ": ");
	msgext_buf_puts(&line, value);
	add_line(request, line.data);
}

/*
 * What an option takes was checked when it was set; what is read from a file has not been
 * checked by anybody, and must not be a second field, or another host.
 */
static bool
check_secrets(const MsgConn *conn, MsgError *error)
{
	const char *authorization = msgext_conn_option(conn, "authorization");
	const char *path = msgext_conn_option(conn, "secret_path");

	if (authorization != NULL &&
		!msgext_header_is_value(authorization, strlen(authorization)))
		return msgext_error(error, "", "authorization",
							"authorization cannot be sent as a header field");
	if (path != NULL && !msgext_path_check(path))
		return msgext_error(error, "", "secret_path", "secret_path is not a path");
	return true;
}

static bool
add_option(MsgArena *arena, const MsgConn *conn, const char *name, MsgRequest *request,
		   MsgError *error)
{
	const char *text = msgext_conn_option(conn, name);
	const MsgJson *header;
	const MsgJson *headers;
	MsgError inner = {.text = ""};

	if (text == NULL)
		return true;
	headers = msgext_json_parse(arena, text, strlen(text), &msgext_json_strict, &inner);
	if (headers == NULL || !msgext_headers_check(headers, true, &inner))
		return msgext_error(error, "", name, "%s cannot be sent as header fields", name);
	for (header = headers->first; header != NULL; header = header->next)
		add(arena, request, header->name, header->text);
	return true;
}

/*
 * CloudEvents, HTTP binding, 3.1.3.2: in a header field all but printable ASCII is
 * percent-encoded, and so are blank, quote and percent.
 */
static void
add_attribute(MsgArena *arena, MsgRequest *request, const char *name, size_t name_len,
			  const char *value)
{
	MsgBuf line;

	msgext_buf_init(&line, arena, name_len + strlen(value) + 8);
	msgext_buf_puts(&line, "ce-");
	msgext_buf_append(&line, name, name_len);
	msgext_buf_puts(&line, ": ");
	for (; *value != '\0'; value++)
	{
		if (*value > 0x20 && *value < 0x7f && *value != '"' && *value != '%')
			msgext_buf_putc(&line, *value);
		else
			msgext_buf_percent(&line, value, 1);
	}
	add_line(request, line.data);
}

/* An attribute that a message did not give itself, and what it then is. */
typedef struct Attribute
{
	const char *name;
	const char *value;
} Attribute;

static const char *
line_of(const WebhookFragment *fragment, const char *name)
{
	const char *const *line;

	for (line = fragment->lines; *line != NULL; line++)
		if (strncmp(*line, name, strlen(name)) == 0 && (*line)[strlen(name)] == ':')
			return *line;
	return NULL;
}

static void
put_member(MsgBuf *out, const char *name, size_t name_len, const char *value, bool quoted)
{
	msgext_buf_putc(out, out->len > 1 ? ',' : '{');
	msgext_json_write_string(out, name, name_len);
	msgext_buf_putc(out, ':');
	if (quoted)
		msgext_json_write_string(out, value, strlen(value));
	else
		msgext_buf_puts(out, value);
}

/* An event as one JSON object, or its attributes as header fields. */
static void
wrap_event(MsgArena *arena, const WebhookFragment *fragment, const Attribute *own,
		   MsgRequest *request)
{
	bool binary = fragment->format == WEBHOOK_BINARY;
	const char *const *line;
	MsgBuf out;

	msgext_buf_init(&out, arena, fragment->body_len + 512);
	for (; own->name != NULL; own++)
	{
		if (line_of(fragment, own->name) != NULL)
			continue;
		if (binary)
			add_attribute(arena, request, own->name, strlen(own->name), own->value);
		else
			put_member(&out, own->name, strlen(own->name), own->value, true);
	}
	for (line = fragment->lines; *line != NULL; line++)
	{
		size_t len = strcspn(*line, ":");
		const char *value = *line + len + 2;

		if (binary)
			add_attribute(arena, request, *line, len, value);
		else
			put_member(&out, *line, len, value, (*line)[len + 1] == ' ');
	}
	if (binary)
	{
		if (fragment->body_len > 0)
			add_line(request, "Content-Type: application/json");
		return;
	}
	if (fragment->body_len > 0)
	{
		put_member(&out, "datacontenttype", 15, "application/json", true);
		msgext_buf_puts(&out, ",\"data\":");
		msgext_buf_append(&out, fragment->body, fragment->body_len);
	}
	msgext_buf_putc(&out, '}');
	add_line(request, "Content-Type: application/cloudevents+json; charset=utf-8");
	request->body = out.data;
	request->body_len = out.len;
}

static void
add_event(MsgArena *arena, const MsgConn *conn, const MsgJob *job, const char *id,
		  const WebhookFragment *fragment, MsgRequest *request)
{
	const char *source = msgext_conn_option(conn, "source");
	char created[32];
	MsgBuf fallback;
	Attribute own[] = {{"specversion", "1.0"},
					   {"id", id},
					   {"source", source},
					   {"time", created},
					   {NULL, NULL}};

	/* A source is a URI reference; the server's name is one when it is encoded. */
	msgext_buf_init(&fallback, arena, 64);
	msgext_buf_putc(&fallback, '/');
	msgext_buf_percent(&fallback, conn->server, strlen(conn->server));
	if (source == NULL)
		own[2].value = fallback.data;
	msgext_timestamp_format(job->created_us, created);
	wrap_event(arena, fragment, own, request);
}

static bool
add_signature(MsgArena *arena, const MsgConn *conn, const MsgJob *job, const char *id,
			  MsgRequest *request, MsgError *error)
{
	const char *signature = msgext_conn_option(conn, "signature");
	const char *signatures;
	char timestamp[24];

	if (signature == NULL || strcmp(signature, "standard") != 0)
		return true;
	snprintf(timestamp, sizeof(timestamp), "%lld", (long long) (job->now_us / 1000000));
	if (!msgext_webhook_sign(arena, conn, id, timestamp, request->body, request->body_len,
							 &signatures, error))
		return false;
	add(arena, request, "webhook-timestamp", timestamp);
	add(arena, request, "webhook-signature", signatures);
	return true;
}

bool
msgext_webhook_encode_send(MsgArena *arena, const MsgConn *conn, const MsgJob *jobs,
						   int n, MsgRequest *request, MsgError *error)
{
	const char *authorization = msgext_conn_option(conn, "authorization");
	WebhookFragment fragment;
	char id[WEBHOOK_ID_LEN + 1] = "msg_";
	const char *const *line;

	if (n != 1)
		return msgext_error(error, "", "", "a request takes one message, not %d", n);
	if (!msgext_webhook_get(arena, jobs[0].fragment, jobs[0].fragment_len, &fragment))
		return msgext_error(error, "", "", "the stored message cannot be read");
	if (!check_secrets(conn, error))
		return false;
	msgext_own_key(jobs[0].created_us, jobs[0].id, id + 4);
	memset(request, 0, sizeof(*request));
	request->method = fragment.method;
	request->url = msgext_webhook_url(arena, conn, fragment.target);
	request->body = fragment.body;
	request->body_len = fragment.body_len;
	add(arena, request, "webhook-id", id);
	if (authorization != NULL)
		add(arena, request, "Authorization", authorization);
	if (!add_option(arena, conn, "secret_headers", request, error))
		return false;
	if (fragment.format == WEBHOOK_STRUCTURED || fragment.format == WEBHOOK_BINARY)
		add_event(arena, conn, &jobs[0], id, &fragment, request);
	else
		for (line = fragment.lines; *line != NULL; line++)
			add_line(request, *line);
	if (!add_signature(arena, conn, &jobs[0], id, request, error) ||
		!add_option(arena, conn, "headers", request, error))
		return false;

	/* Of what has none, or no body, the client is not to make up a type. */
	add_line(request, fragment.format == WEBHOOK_PLAIN ? "Content-Type: application/json"
													   : "Content-Type:");
	return true;
}
