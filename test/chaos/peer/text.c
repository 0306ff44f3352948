/*
 * text.c
 *		Texts that grow, and what is found in others: see peer.h.
 */
#define _GNU_SOURCE

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

unsigned
hash(const char *text)
{
	unsigned h = 2166136261u;

	while (*text != '\0')
		h = (h ^ (unsigned char) *text++) * 16777619u;
	return h;
}

void
append(Text *text, const char *bytes, size_t length)
{
	if (text->length + length + 1 > text->room)
	{
		text->room = (text->length + length + 1) * 2;
		text->bytes = realloc(text->bytes, text->room);
		if (text->bytes == NULL)
			die("memory");
	}
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

void
print(Text *text, const char *format, ...)
{
	char *line;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&line, format, args);
	va_end(args);
	if (length < 0)
		die("memory");
	append(text, line, length);
	free(line);
}

bool
between(const char *text, const char *from, const char *to, char *found, size_t size)
{
	const char *start = strstr(text, from);
	const char *end;

	if (start == NULL)
		return false;
	start += strlen(from);
	end = strstr(start, to);
	if (end == NULL || (size_t) (end - start) >= size)
		return false;
	memcpy(found, start, end - start);
	found[end - start] = '\0';
	return true;
}
