/*
 * query_string.c
 *		What follows ? in the target of a request: see query_string.h.
 */
#include "core/query_string.h"

#include <string.h>

#include "core/ascii.h"
#include "core/utf8.h"

/* A piece of it, decoded; NULL when it is none. */
static char *
decode(MsgArena *arena, const char *at, const char *end)
{
	char *text = msgext_alloc0(arena, (size_t) (end - at) + 1);
	size_t len = 0;

	for (; at < end; at++)
	{
		char c = *at;

		if (c == '+')
			c = ' ';
		else if (c == '%')
		{
			int high = end - at > 2 ? msgext_hex_digit(at[1]) : -1;
			int low = high >= 0 ? msgext_hex_digit(at[2]) : -1;

			if (low < 0)
				return NULL;
			c = (char) (high * 16 + low);
			at += 2;
		}
		text[len++] = c;
	}
	return msgext_utf8_is_text(text, len) ? text : NULL;
}

MsgJson *
msgext_query_string_read(MsgArena *arena, const char *text)
{
	MsgJson *object = msgext_json_new(arena, MSG_JSON_OBJECT);
	int n = 0;

	while (*text != '\0')
	{
		const char *end = text + strcspn(text, "&");
		const char *equals = memchr(text, '=', (size_t) (end - text));
		char *name = decode(arena, text, equals != NULL ? equals : end);
		char *value = decode(arena, equals != NULL ? equals + 1 : end, end);

		if (name == NULL || value == NULL || ++n > MSG_QUERY_STRING_MAX)
			return NULL;
		if (end > text)
			msgext_json_set_text(arena, object, name, value);
		text = *end == '&' ? end + 1 : end;
	}
	return object;
}
