/*
 * buf.c
 *		A growing byte buffer in an arena: see buf.h.
 */
#include "core/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
msgext_buf_init(MsgBuf *buf, MsgArena *arena, size_t expected)
{
	buf->arena = arena;
	buf->len = 0;
	buf->room = expected + 1;
	buf->data = msgext_alloc(arena, buf->room);
	buf->data[0] = '\0';
}

void
msgext_buf_grow(MsgBuf *buf, size_t more)
{
	size_t room = buf->room;
	char *grown;

	while (room - buf->len <= more)
		room *= 2;
	grown = msgext_alloc(buf->arena, room);
	memcpy(grown, buf->data, buf->len + 1);
	buf->data = grown;
	buf->room = room;
}

void
msgext_buf_printf(MsgBuf *buf, const char *format, ...)
{
	va_list args;
	int needed;

	va_start(args, format);
	needed = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (needed < 0)
		return;
	msgext_buf_reserve(buf, (size_t) needed);
	va_start(args, format);
	vsnprintf(buf->data + buf->len, (size_t) needed + 1, format, args);
	va_end(args);
	buf->len += (size_t) needed;
}

void
msgext_buf_base64(MsgBuf *buf, const void *bytes, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *in = bytes;

	for (; len >= 3; in += 3, len -= 3)
	{
		msgext_buf_putc(buf, digits[in[0] >> 2]);
		msgext_buf_putc(buf, digits[(in[0] & 3) << 4 | in[1] >> 4]);
		msgext_buf_putc(buf, digits[(in[1] & 15) << 2 | in[2] >> 6]);
		msgext_buf_putc(buf, digits[in[2] & 63]);
	}
	if (len > 0)
	{
		uint8_t second = len == 2 ? in[1] : 0;

		msgext_buf_putc(buf, digits[in[0] >> 2]);
		msgext_buf_putc(buf, digits[(in[0] & 3) << 4 | second >> 4]);
		msgext_buf_putc(buf, len == 2 ? digits[(second & 15) << 2] : '=');
		msgext_buf_putc(buf, '=');
	}
}

void
msgext_buf_percent(MsgBuf *buf, const char *text, size_t len)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t i;

	for (i = 0; i < len; i++)
	{
		unsigned char c = (unsigned char) text[i];

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			c == '-' || c == '.' || c == '_' || c == '~')
			msgext_buf_putc(buf, (char) c);
		else
		{
			msgext_buf_putc(buf, '%');
			msgext_buf_putc(buf, hex[c >> 4]);
			msgext_buf_putc(buf, hex[c & 15]);
		}
	}
}

void
msgext_buf_form(MsgBuf *buf, const char *name, const char *value)
{
	if (buf->len > 0)
		msgext_buf_putc(buf, '&');
	msgext_buf_puts(buf, name);
	msgext_buf_putc(buf, '=');
	msgext_buf_percent(buf, value, strlen(value));
}
