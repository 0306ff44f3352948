/*
 * utf8.c
 *		UTF-8 by RFC 3629: see utf8.h.
 */
#include "core/utf8.h"

#include <stdbool.h>

static bool
is_tail(unsigned char c)
{
	return (c & 0xC0) == 0x80;
}

size_t
msgext_utf8_char(const char *text, const char *end)
{
	const unsigned char *c = (const unsigned char *) text;
	size_t left = (size_t) (end - text);

	if (left == 0)
		return 0;
	if (c[0] < 0x80)
		return 1;

	/* C0 and C1 could only start an overlong form of ASCII. */
	if (c[0] < 0xC2)
		return 0;
	if (c[0] < 0xE0)
		return left >= 2 && is_tail(c[1]) ? 2 : 0;
	if (c[0] < 0xF0)
	{
		if (left < 3 || !is_tail(c[1]) || !is_tail(c[2]))
			return 0;
		if (c[0] == 0xE0 && c[1] < 0xA0) /* overlong */
			return 0;
		if (c[0] == 0xED && c[1] > 0x9F) /* a surrogate */
			return 0;
		return 3;
	}
	if (c[0] < 0xF5)
	{
		if (left < 4 || !is_tail(c[1]) || !is_tail(c[2]) || !is_tail(c[3]))
			return 0;
		if (c[0] == 0xF0 && c[1] < 0x90) /* overlong */
			return 0;
		if (c[0] == 0xF4 && c[1] > 0x8F) /* above U+10FFFF */
			return 0;
		return 4;
	}
	return 0;
}

size_t
msgext_utf8_put(uint32_t code_point, char *out)
{
	if (code_point < 0x80)
	{
		out[0] = (char) code_point;
		return 1;
	}
	if (code_point < 0x800)
	{
		out[0] = (char) (0xC0 | code_point >> 6);
		out[1] = (char) (0x80 | (code_point & 0x3F));
		return 2;
	}
	if (code_point < 0x10000)
	{
		out[0] = (char) (0xE0 | code_point >> 12);
		out[1] = (char) (0x80 | (code_point >> 6 & 0x3F));
		out[2] = (char) (0x80 | (code_point & 0x3F));
		return 3;
	}
	out[0] = (char) (0xF0 | code_point >> 18);
	out[1] = (char) (0x80 | (code_point >> 12 & 0x3F));
	out[2] = (char) (0x80 | (code_point >> 6 & 0x3F));
	out[3] = (char) (0x80 | (code_point & 0x3F));
	return 4;
}

bool
msgext_utf8_is_text(const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end)
	{
		size_t n = msgext_utf8_char(text, end);

		if (n == 0 || *text == '\0')
			return false;
		text += n;
	}
	return true;
}

size_t
msgext_utf8_count(const char *text, size_t len)
{
	size_t count = 0;
	size_t i;

	for (i = 0; i < len; i++)
		count += !is_tail((unsigned char) text[i]);
	return count;
}
