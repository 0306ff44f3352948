/*
 * buf.c
 *		A growing byte buffer, JSON strings written into it, and the two ways
 *		in which the simulator gives up (no memory, no sense).
 *
 * Never sees HTTP or a provider.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

void
die(const char *format, ...)
{
	va_list args;

	fputs("simulator: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

void *
must_alloc(size_t size)
{
	void *memory = calloc(1, size);

	if (memory == NULL)
		die("out of memory");
	return memory;
}

/* Room for extra bytes and the NUL behind them. */
void
buf_reserve(Buf *buf, size_t extra)
{
	size_t cap = buf->cap > 0 ? buf->cap : 256;
	char *data;

	if (buf->len + extra < buf->cap)
		return;
	while (cap <= buf->len + extra)
		cap *= 2;
	data = realloc(buf->data, cap);
	if (data == NULL)
		die("out of memory");
	buf->data = data;
	buf->cap = cap;
}

void
buf_append(Buf *buf, const void *data, size_t len)
{
	buf_reserve(buf, len);
	if (len > 0)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void
buf_puts(Buf *buf, const char *text)
{
	buf_append(buf, text, strlen(text));
}

void
buf_putc(Buf *buf, char c)
{
	buf_append(buf, &c, 1);
}

/* Every accepted answer carries a message id, so this one avoids printf. */
void
buf_u64(Buf *buf, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
	{
		digits[--at] = (char) ('0' + number % 10);
		number /= 10;
	} while (number > 0);
	buf_append(buf, digits + at, sizeof(digits) - at);
}

void
buf_printf(Buf *buf, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		die("bad format \"%s\"", format);
	buf_reserve(buf, (size_t) len);
	va_start(args, format);
	vsnprintf(buf->data + buf->len, (size_t) len + 1, format, args);
	va_end(args);
	buf->len += (size_t) len;
}

/* Length of the well-formed UTF-8 sequence at text, 0 if there is none. */
static size_t
utf8_length(const unsigned char *text, size_t len)
{
	size_t need;
	size_t i;

	if (text[0] < 0x80)
		return 1;
	if (text[0] >= 0xC2 && text[0] < 0xE0)
		need = 2;
	else if (text[0] >= 0xE0 && text[0] < 0xF0)
		need = 3;
	else if (text[0] >= 0xF0 && text[0] < 0xF5)
		need = 4;
	else
		return 0;
	if (need > len)
		return 0;
	for (i = 1; i < need; i++)
	{
		if ((text[i] & 0xC0) != 0x80)
			return 0;
	}
	if ((text[0] == 0xE0 && text[1] < 0xA0) || (text[0] == 0xED && text[1] > 0x9F) ||
		(text[0] == 0xF0 && text[1] < 0x90) || (text[0] == 0xF4 && text[1] > 0x8F))
		return 0;
	return need;
}

/*
 * A JSON string. Bytes that are not UTF-8 become U+FFFD, so that the ledger
 * stays readable whatever a client has sent.
 */
void
buf_json_string(Buf *buf, const char *text, size_t len)
{
	size_t i = 0;

	buf_putc(buf, '"');
	while (i < len)
	{
		unsigned char c = (unsigned char) text[i];
		size_t width = utf8_length((const unsigned char *) text + i, len - i);

		if (c == '"' || c == '\\')
		{
			buf_putc(buf, '\\');
			buf_putc(buf, (char) c);
		}
		else if (c < 0x20)
			buf_printf(buf, "\\u%04x", c);
		else if (width > 0)
			buf_append(buf, text + i, width);
		else
			buf_puts(buf, "\\ufffd");
		i += width > 0 ? width : 1;
	}
	buf_putc(buf, '"');
}

/*
 * JSON that is known to be good, without the blanks between its tokens. The
 * tokens stay as they were sent: a parser in between would round numbers.
 */
void
buf_json_compact(Buf *buf, const char *json, size_t len)
{
	bool in_string = false;
	size_t i;

	buf_reserve(buf, len);
	for (i = 0; i < len; i++)
	{
		char c = json[i];

		if (in_string)
		{
			if (c == '\\' && i + 1 < len)
			{
				buf->data[buf->len++] = c;
				c = json[++i];
			}
			else if (c == '"')
				in_string = false;
		}
		else if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
			continue;
		else if (c == '"')
			in_string = true;
		buf->data[buf->len++] = c;
	}
	buf->data[buf->len] = '\0';
}

void
buf_clear(Buf *buf)
{
	buf->len = 0;
	if (buf->data != NULL)
		buf->data[0] = '\0';
}

/* Empties the buffer and keeps its memory for the next user, if it is small. */
void
buf_recycle(Buf *buf, size_t keep)
{
	if (buf->cap > keep)
		buf_free(buf);
	buf_clear(buf);
}

void
buf_free(Buf *buf)
{
	free(buf->data);
	buf->data = NULL;
	buf->len = 0;
	buf->cap = 0;
}
