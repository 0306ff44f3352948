/*
 * describe.c
 *		What is stored of a message as the payload again, for people.
 */
#include "providers/webhook/webhook.h"

#include <string.h>

#include "core/ascii.h"
#include "core/describe.h"
#include "core/utf8.h"

static char *
decoded(MsgArena *arena, const char *text, size_t len)
{
	char *out = msgext_alloc(arena, len + 1);
	size_t n = 0;
	size_t i;

	for (i = 0; i < len; i++)
	{
		int high = text[i] == '%' && i + 2 < len ? msgext_hex_digit(text[i + 1]) : -1;
		int low = high >= 0 ? msgext_hex_digit(text[i + 2]) : -1;

		out[n++] = low >= 0 ? (char) (high * 16 + low) : text[i];
		i += low >= 0 ? 2 : 0;
	}
	out[n] = '\0';
	return out;
}

/* Pairs of one name that stand together were a list, and become one. */
static MsgJson *
pairs_of(MsgArena *arena, const char *query)
{
	MsgJson *pairs = msgext_json_new(arena, MSG_JSON_OBJECT);

	while (*query != '\0')
	{
		size_t len = strcspn(query, "&");
		size_t name_len = strcspn(query, "=");
		const char *name = decoded(arena, query, name_len < len ? name_len : len);
		const char *value = name_len < len
								? decoded(arena, query + name_len + 1, len - name_len - 1)
								: "";
		MsgJson *text = msgext_json_string(arena, value, strlen(value));
		MsgJson *known = (MsgJson *) msgext_json_get(pairs, name);
		MsgJson *list;

		if (known == NULL)
			msgext_json_set(pairs, name, text);
		else if (known->type == MSG_JSON_ARRAY)
			msgext_json_append(known, text);
		else
		{
			list = msgext_json_new(arena, MSG_JSON_ARRAY);
			msgext_json_append(list, msgext_json_string(arena, known->text, known->len));
			msgext_json_append(list, text);
			msgext_json_set(pairs, name, list);
		}
		query += len + (query[len] == '&');
	}
	return pairs;
}

/* What the caller gave it as: JSON, a text, or bytes. */
static void
put_body(MsgArena *arena, const WebhookFragment *fragment, bool json, MsgJson *http)
{
	MsgError error;
	MsgJson *body = NULL;

	if (fragment->body_len == 0)
		return;
	if (json)
		body = msgext_describe_json(arena, fragment->body, fragment->body_len, &error);
	if (body != NULL)
		msgext_json_set(http, "body", body);
	else if (msgext_utf8_is_text(fragment->body, fragment->body_len))
		msgext_json_set(http, "text",
						msgext_json_string(arena, fragment->body, fragment->body_len));
	else
		msgext_json_set(
			http, "part",
			msgext_describe_bytes(arena, 0, fragment->body, fragment->body_len));
}

static MsgJson *
request_of(MsgArena *arena, const WebhookFragment *fragment)
{
	MsgJson *message = msgext_json_new(arena, MSG_JSON_OBJECT);
	MsgJson *http = msgext_json_new(arena, MSG_JSON_OBJECT);
	MsgJson *headers = msgext_json_new(arena, MSG_JSON_OBJECT);
	size_t path_len = strcspn(fragment->target, "?");
	const char *const *line;
	bool json = false;

	msgext_json_set_text(arena, http, "method", fragment->method);
	if (path_len > 0)
		msgext_json_set_text(arena, http, "path",
							 decoded(arena, fragment->target, path_len));
	if (fragment->target[path_len] == '?')
		msgext_json_set(http, "query", pairs_of(arena, fragment->target + path_len + 1));
	for (line = fragment->lines; *line != NULL; line++)
	{
		size_t len = strcspn(*line, ":");
		const char *name = msgext_strndup(arena, *line, len);

		json |= msgext_ascii_same(name, len, "content-type") &&
				strcmp(*line + len, ": application/json") == 0;
		msgext_json_set_text(arena, headers, name, *line + len + 2);
	}
	if (headers->count > 0)
		msgext_json_set(http, "headers", headers);
	put_body(arena, fragment, json, http);
	msgext_json_set(message, "http", http);
	return message;
}

static MsgJson *
event_of(MsgArena *arena, const WebhookFragment *fragment, MsgError *error)
{
	MsgJson *event = msgext_json_new(arena, MSG_JSON_OBJECT);
	const char *const *line;
	MsgJson *data;

	for (line = fragment->lines; *line != NULL; line++)
	{
		size_t len = strcspn(*line, ":");
		const char *value = *line + len + 2;
		MsgJson *plain;

		if ((*line)[len + 1] == ' ')
			msgext_json_set_text(arena, event, msgext_strndup(arena, *line, len), value);
		else
		{
			plain = msgext_describe_json(arena, value, strlen(value), error);
			if (plain == NULL)
				return NULL;
			msgext_json_set(event, msgext_strndup(arena, *line, len), plain);
		}
	}
	if (fragment->body_len == 0)
		return event;
	data = msgext_describe_json(arena, fragment->body, fragment->body_len, error);
	if (data == NULL)
		return NULL;
	msgext_json_set(event, "data", data);
	return event;
}

MsgJson *
msgext_webhook_describe(MsgArena *arena, const char *bytes, size_t len, MsgError *error)
{
	WebhookFragment fragment;

	if (!msgext_webhook_get(arena, bytes, len, &fragment))
	{
		msgext_error(error, "", "", "is no stored message");
		return NULL;
	}
	switch (fragment.format)
	{
		case WEBHOOK_HTTP:
			return request_of(arena, &fragment);
		case WEBHOOK_STRUCTURED:
		case WEBHOOK_BINARY:
			return event_of(arena, &fragment, error);
		case WEBHOOK_PLAIN:
			break;
	}
	return msgext_describe_json(arena, fragment.body, fragment.body_len, error);
}
