/*
 * json_write.c
 *		The JSON writer: a tree in, compact text out.
 *
 * Whatever the tree holds, the text is valid JSON in valid UTF-8. Owns no layout: there
 * is no white space.
 */
#include "core/json.h"

#include <stdint.h>
#include <string.h>

#include "core/utf8.h"

/* What follows the backslash for a character that needs one, or 0. */
static char
short_escape(unsigned char c)
{
	switch (c)
	{
		case '"':
		case '\\':
			return (char) c;
		case '\b':
			return 'b';
		case '\f':
			return 'f';
		case '\n':
			return 'n';
		case '\r':
			return 'r';
		case '\t':
			return 't';
	}
	return '\0';
}

/* Bytes that stand for themselves: printable ASCII but the quote and the backslash. */
static inline bool
is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/*
 * Are eight bytes plain? No is not always true; the bytes one by one say then. A byte
 * has its high bit set in the sum where it is below 0x20, is one of the two, or is not
 * ASCII, and a borrow from such a byte may set it for its neighbour.
 */
static inline bool
are_plain(const char *at)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return (((word - ones * 0x20) | ((word ^ ones * '"') - ones) |
			 ((word ^ ones * '\\') - ones) | word) &
			ones * 0x80) == 0;
}

/* The first byte that does not stand for itself, or end. */
static inline const char *
skip_plain(const char *at, const char *end)
{
	while (end - at >= 8 && are_plain(at))
		at += 8;
	while (at < end && is_plain((unsigned char) *at))
		at++;
	return at;
}

void
msgext_json_write_string(MsgBuf *buf, const char *text, size_t len)
{
	const char *end = text + len;
	const char *at = skip_plain(text, end);
	const char *run = text;

	if (at == end)
	{
		msgext_buf_quote(buf, text, len);
		return;
	}
	msgext_buf_putc(buf, '"');
	for (; at < end; at = skip_plain(at, end))
	{
		unsigned char c = (unsigned char) *at;
		size_t bytes = c < 0x80 ? 1 : msgext_utf8_char(at, end);

		if (bytes > 1)
		{
			at += bytes;
			continue;
		}
		msgext_buf_append(buf, run, (size_t) (at - run));
		if (bytes == 0)
			msgext_buf_puts(buf, "\xEF\xBF\xBD"); /* U+FFFD for a byte that is no text */
		else if (short_escape(c) != '\0')
		{
			msgext_buf_putc(buf, '\\');
			msgext_buf_putc(buf, short_escape(c));
		}
		else
			msgext_buf_printf(buf, "\\u%04x", c);
		run = ++at;
	}
	msgext_buf_append(buf, run, (size_t) (end - run));
	msgext_buf_putc(buf, '"');
}

static void
write_children(MsgBuf *buf, const MsgJson *node)
{
	const MsgJson *child;

	for (child = node->first; child != NULL; child = child->next)
	{
		if (child != node->first)
			msgext_buf_putc(buf, ',');
		if (node->type == MSG_JSON_OBJECT)
		{
			msgext_json_write_string(buf, child->name, child->name_len);
			msgext_buf_putc(buf, ':');
		}
		msgext_json_write(buf, child);
	}
}

void
msgext_json_write(MsgBuf *buf, const MsgJson *node)
{
	switch (node->type)
	{
		case MSG_JSON_NULL:
			msgext_buf_puts(buf, "null");
			break;
		case MSG_JSON_BOOL:
			msgext_buf_puts(buf, node->truth ? "true" : "false");
			break;
		case MSG_JSON_NUMBER:
			msgext_buf_append(buf, node->text, node->len);
			break;
		case MSG_JSON_STRING:
			msgext_json_write_string(buf, node->text, node->len);
			break;
		case MSG_JSON_ARRAY:
			msgext_buf_putc(buf, '[');
			write_children(buf, node);
			msgext_buf_putc(buf, ']');
			break;
		case MSG_JSON_OBJECT:
			msgext_buf_putc(buf, '{');
			write_children(buf, node);
			msgext_buf_putc(buf, '}');
			break;
	}
}
