/*
 * target.c
 *		What follows the host in a request's url.
 *
 * Owns the rule that a message never leaves its server: what it names is appended to the
 * server's own url, encoded, and has no step up.
 */
#include "providers/webhook/webhook.h"

#include <string.h>

#define PATH_MAX_LEN 2048
#define PAIRS_MAX 64

/* RFC 3986, 3.3: what needs no encoding within a segment. */
static bool
is_pchar(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		   (c != '\0' && strchr("-._~!$&'()*+,;=:@", c) != NULL);
}

/* Some servers take a backslash for a slash, also where it was encoded. */
static bool
ends_segment(char c)
{
	return c == '/' || c == '\\';
}

static size_t
segment_len(const char *segment, const char *end)
{
	const char *at = segment;

	while (at < end && !ends_segment(*at))
		at++;
	return (size_t) (at - segment);
}

/* Some servers take what follows a semicolon off before they look (RFC 3986, 3.3). */
static bool
is_step(const char *segment, size_t len)
{
	const char *parameters = len > 0 ? memchr(segment, ';', len) : NULL;

	if (parameters != NULL)
		len = (size_t) (parameters - segment);
	return (len == 1 && segment[0] == '.') ||
		   (len == 2 && segment[0] == '.' && segment[1] == '.');
}

bool
msgext_webhook_put_path(MsgBuf *out, const MsgJson *path, MsgError *error)
{
	const char *at;
	const char *end;

	if (path->type != MSG_JSON_STRING || path->len == 0 || path->text[0] != '/')
		return msgext_error(error, "path_invalid", "http.path",
							"must be a text that begins with /");
	if (path->len > PATH_MAX_LEN)
		return msgext_error(error, "path_invalid", "http.path",
							"must have at most %d bytes", PATH_MAX_LEN);
	end = path->text + path->len;
	for (at = path->text; at < end; at++)
	{
		if ((unsigned char) *at < 0x20 || *at == 0x7f)
			return msgext_error(error, "path_invalid", "http.path",
								"must not contain control characters");
		if (ends_segment(*at) && is_step(at + 1, segment_len(at + 1, end)))
			return msgext_error(error, "path_invalid", "http.path",
								"must not have . or .. as a part");
		if (*at == '/' || is_pchar(*at))
			msgext_buf_putc(out, *at);
		else
			msgext_buf_percent(out, at, 1);
	}
	return true;
}

static bool
put_pair(MsgBuf *out, const MsgJson *name, const MsgJson *value, const char *what,
		 MsgError *error)
{
	const char *text = value->text;
	size_t len = value->len;

	if (value->type == MSG_JSON_BOOL)
	{
		text = value->truth ? "true" : "false";
		len = strlen(text);
	}
	else if (value->type != MSG_JSON_STRING && value->type != MSG_JSON_NUMBER)
		return msgext_error(error, "value_invalid", what,
							"must hold texts, numbers and truth values, or lists of "
							"them");
	msgext_buf_percent(out, name->name, name->name_len);
	msgext_buf_putc(out, '=');
	msgext_buf_percent(out, text, len);
	return true;
}

bool
msgext_webhook_put_pairs(MsgBuf *out, const MsgJson *pairs, char separator,
						 const char *what, MsgError *error)
{
	const MsgJson *pair;
	int n = 0;

	if (pairs->type != MSG_JSON_OBJECT)
		return msgext_error(error, "value_invalid", what, "must be an object");
	for (pair = pairs->first; pair != NULL; pair = pair->next)
	{
		const MsgJson *value = pair->type == MSG_JSON_ARRAY ? pair->first : pair;

		/* Null is a pair that is left out. */
		if (pair->type == MSG_JSON_NULL)
			continue;
		while (value != NULL)
		{
			if (++n > PAIRS_MAX)
				return msgext_error(error, "value_invalid", what,
									"must have at most %d values", PAIRS_MAX);
			if (separator != 0)
				msgext_buf_putc(out, separator);
			separator = '&';
			if (!put_pair(out, pair, value, what, error))
				return false;
			value = value != pair ? value->next : NULL;
		}
	}
	return true;
}

const char *
msgext_webhook_url(MsgArena *arena, const MsgConn *conn, const char *target)
{
	const char *base = msgext_conn_option(conn, "secret_path");
	size_t path_len = strcspn(target, "?");
	size_t base_len;
	const char *server;
	MsgBuf url;

	if (base == NULL)
		base = msgext_conn_option(conn, "path");
	if (base == NULL)
		base = "";
	base_len = strcspn(base, "?");

	/* A slash at its end is another address, where nothing follows it. */
	server = base_len + path_len == 0 ? msgext_conn_whole_url(conn) : conn->url;
	msgext_buf_init(&url, arena, strlen(server) + strlen(base) + strlen(target) + 2);
	msgext_buf_puts(&url, server);

	/* A slash at the base's end is the one that the message's path begins with. */
	if (path_len > 0 && base_len > 0 && base[base_len - 1] == '/')
		msgext_buf_append(&url, base, base_len - 1);
	else
		msgext_buf_append(&url, base, base_len);
	msgext_buf_append(&url, target, path_len);
	if (base[base_len] == '?')
		msgext_buf_puts(&url, base + base_len);
	if (target[path_len] == '?')
	{
		msgext_buf_putc(&url, base[base_len] == '?' ? '&' : '?');
		msgext_buf_puts(&url, target + path_len + 1);
	}
	return url.data;
}
