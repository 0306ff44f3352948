/*
 * base64.c
 *		Reading base64: see base64.h.
 */
#include "core/base64.h"

#include <stdint.h>

static bool
is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The six bits a digit stands for, or -1. */
static int
digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	if (c == '/' || c == '_')
		return 63;
	return -1;
}

bool
msgext_base64_size(const char *text, size_t len, size_t *size)
{
	size_t digits = 0;
	size_t pads = 0;
	size_t i;

	for (i = 0; i < len; i++)
	{
		if (is_space(text[i]))
			continue;
		if (text[i] == '=')
			pads++;
		else if (pads > 0 || digit(text[i]) < 0)
			return false;
		else
			digits++;
	}
	if (digits % 4 == 1 || (pads > 0 && (pads > 2 || (digits + pads) % 4 != 0)))
		return false;
	*size = digits / 4 * 3 + (digits % 4 > 0 ? digits % 4 - 1 : 0);
	return true;
}

void
msgext_base64_decode(const char *text, size_t len, char *out)
{
	uint32_t bits = 0;
	int held = 0;
	size_t i;

	for (i = 0; i < len && text[i] != '='; i++)
	{
		if (is_space(text[i]))
			continue;
		bits = bits << 6 | (uint32_t) digit(text[i]);
		held += 6;
		if (held >= 8)
		{
			held -= 8;
			*out++ = (char) (bits >> held & 0xFF);
		}
	}
}
