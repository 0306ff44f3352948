/*
 * pb.c
 *		What both directions of the conversion share: names, limits, text. See pb.h.
 */
#include "core/pb.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/utf8.h"

const MsgPbLimits msgext_pb_usual = {
	.size = 64 * 1024 * 1024, .depth = 32, .values = 100000};

static char
upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char) (c - 'a' + 'A') : c;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

/* Is name the field's name in lowerCamelCase: fromBoxId for FromBoxId or from_box_id? */
static bool
is_camel(const char *field, const char *name, size_t len)
{
	size_t i = 0;
	bool word = false;

	for (; *field != '\0'; field++)
	{
		char c = *field;

		if (c == '_')
		{
			word = true;
			continue;
		}
		if (i == 0)
			c = lower(c);
		else if (word)
			c = upper(c);
		word = false;
		if (i == len || name[i++] != c)
			return false;
	}
	return i == len;
}

static bool
is_name(const char *field, const char *name, size_t len)
{
	return (strlen(field) == len && memcmp(field, name, len) == 0) ||
		   is_camel(field, name, len);
}

int
msgext_pb_find(const ProtobufCMessageDescriptor *type, const char *name, size_t len)
{
	unsigned i;

	for (i = 0; i < type->n_fields; i++)
	{
		if (is_name(type->fields[i].name, name, len))
			return (int) i;
	}
	return -1;
}

const MsgJson *
msgext_pb_member(const MsgJson *object, const char *field)
{
	const MsgJson *member;

	if (!msgext_json_is(object, MSG_JSON_OBJECT))
		return NULL;
	for (member = object->first; member != NULL; member = member->next)
	{
		if (member->type != MSG_JSON_NULL &&
			is_name(field, member->name, member->name_len))
			return member;
	}
	return NULL;
}

static void
put_place(MsgBuf *path, const MsgPbPlace *place)
{
	if (place == NULL)
		return;
	put_place(path, place->up);
	if (path->len > 0)
		msgext_buf_putc(path, '.');
	msgext_buf_puts(path, place->name);
	if (place->index >= 0)
		msgext_buf_printf(path, "[%d]", place->index);
}

bool
msgext_pb_refuse(MsgArena *arena, MsgError *error, const MsgPbPlace *place,
				 const char *format, ...)
{
	char text[sizeof(error->text)];
	va_list args;
	MsgBuf path;

	msgext_buf_init(&path, arena, 64);
	put_place(&path, place);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return msgext_error(error, "", path.data, "%s", text);
}

const char *
msgext_pb_text(MsgArena *arena, const char *bytes, size_t len, size_t *text_len)
{
	const char *end = bytes + len;
	const char *at = bytes;
	const char *run;
	size_t step;
	MsgBuf text;

	while (at < end && (step = msgext_utf8_char(at, end)) > 0)
		at += step;
	*text_len = len;
	if (at == end)
		return msgext_strndup(arena, bytes, len);

	msgext_buf_init(&text, arena, len + 16);
	for (at = run = bytes; at < end;)
	{
		step = msgext_utf8_char(at, end);
		if (step == 0)
		{
			msgext_buf_append(&text, run, (size_t) (at - run));
			msgext_buf_puts(&text, "\xEF\xBF\xBD");
			run = at + 1;
			step = 1;
		}
		at += step;
	}
	msgext_buf_append(&text, run, (size_t) (end - run));
	*text_len = text.len;
	return text.data;
}
