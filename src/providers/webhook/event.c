/*
 * event.c
 *		Messages that are events of CloudEvents: their attributes checked, and written down
 *		as lines; see webhook.h.
 *
 * id, source and time may be left to encode.c, which makes them of the message's own.
 */
#include "providers/webhook/webhook.h"

#include <stdio.h>
#include <string.h>

#include "core/timestamp.h"
#include "core/utf8.h"

#define ATTRIBUTES_MAX 16
#define NAME_MAX_LEN 20
#define VALUE_MAX_LEN 2048

/* CloudEvents, "Attribute Naming Convention": lower-case letters and digits, up to 20. */
static bool
is_name(const MsgJson *member)
{
	return member->name_len > 0 && member->name_len <= NAME_MAX_LEN &&
		   strspn(member->name, "abcdefghijklmnopqrstuvwxyz0123456789") ==
			   member->name_len;
}

/* "Type System": no control characters, and no more than a whole number of 32 bits. */
static bool
take_value(const MsgJson *member, const char **text, MsgError *error)
{
	int64_t number;
	size_t i;

	if (member->type == MSG_JSON_BOOL)
	{
		*text = member->truth ? "true" : "false";
		return true;
	}
	*text = member->text;
	if (member->type == MSG_JSON_NUMBER)
	{
		if (msgext_json_int64(member, false, &number) && number >= INT32_MIN &&
			number <= INT32_MAX)
			return true;
		return msgext_error(error, "event_invalid", member->name,
							"must be a whole number of 32 bits");
	}
	if (member->type != MSG_JSON_STRING || member->len == 0 ||
		member->len > VALUE_MAX_LEN)
		return msgext_error(error, "event_invalid", member->name,
							"must be a text of 1 to %d bytes", VALUE_MAX_LEN);
	for (i = 0; i < member->len; i++)
	{
		unsigned char c = (unsigned char) member->text[i];

		if (c < 0x20 || c == 0x7f ||
			(c == 0xc2 && (unsigned char) member->text[i + 1] < 0xa0))
			return msgext_error(error, "event_invalid", member->name,
								"must not contain control characters");
	}
	return true;
}

static bool
check_meaning(const MsgJson *member, MsgError *error)
{
	int64_t time_us;

	if (msgext_json_is_named(member, "specversion") && !msgext_json_equals(member, "1.0"))
		return msgext_error(error, "event_invalid", "specversion", "must be 1.0");
	if (msgext_json_is_named(member, "datacontenttype") &&
		!msgext_json_equals(member, "application/json"))
		return msgext_error(error, "event_invalid", "datacontenttype",
							"must be application/json, as the data is");
	if (msgext_json_is_named(member, "time") &&
		!msgext_timestamp_parse(member->text, member->len, 0, &time_us))
		return msgext_error(error, "event_invalid", "time",
							"must be a time as RFC 3339 writes it");
	if ((msgext_json_is_named(member, "type") || msgext_json_is_named(member, "source") ||
		 msgext_json_is_named(member, "subject") || msgext_json_is_named(member, "id") ||
		 msgext_json_is_named(member, "time") ||
		 msgext_json_is_named(member, "dataschema")) &&
		member->type != MSG_JSON_STRING)
		return msgext_error(error, "event_invalid", member->name, "must be a text");
	return true;
}

bool
msgext_webhook_event(MsgArena *arena, const MsgJson *message, WebhookFormat format,
					 WebhookFragment *fragment, MsgError *error)
{
	const char **lines = msgext_alloc0(arena, (WEBHOOK_LINES_MAX + 1) * sizeof(char *));
	const MsgJson *data = msgext_json_get(message, "data");
	const MsgJson *member;
	MsgBuf body;
	int n = 0;

	if (!msgext_json_is(msgext_json_get(message, "type"), MSG_JSON_STRING))
		return msgext_error(error, "event_invalid", "type", "must be a text");
	for (member = message->first; member != NULL; member = member->next)
	{
		const char *text;
		MsgBuf line;

		if (msgext_json_is_named(member, "data"))
			continue;
		if (!is_name(member))
			return msgext_error(error, "event_invalid", "",
								"an attribute's name has up to %d lower-case letters and "
								"digits",
								NAME_MAX_LEN);
		if (member->type == MSG_JSON_NULL)
			continue;
		if (!take_value(member, &text, error) || !check_meaning(member, error))
			return false;
		if (n == ATTRIBUTES_MAX)
			return msgext_error(error, "event_invalid", "",
								"an event has at most %d attributes", ATTRIBUTES_MAX);
		if (msgext_json_is_named(member, "specversion") ||
			msgext_json_is_named(member, "datacontenttype"))
			continue;
		msgext_buf_init(&line, arena, member->name_len + member->len + 8);
		msgext_buf_printf(&line, "%s:%c%s", member->name,
						  member->type == MSG_JSON_STRING ? ' ' : '=', text);
		lines[n++] = line.data;
	}
	msgext_buf_init(&body, arena, 256);
	if (data != NULL)
		msgext_json_write(&body, data);
	fragment->format = format;
	fragment->lines = lines;
	fragment->body = body.data;
	fragment->body_len = body.len;
	return true;
}
