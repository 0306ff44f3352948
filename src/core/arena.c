/*
 * arena.c
 *		What works on any arena: zeroed memory and copies of strings.
 */
#include "core/arena.h"

#include <string.h>

void *
msgext_alloc0(MsgArena *arena, size_t size)
{
	void *memory = msgext_alloc(arena, size);

	memset(memory, 0, size);
	return memory;
}

char *
msgext_strndup(MsgArena *arena, const char *text, size_t len)
{
	char *copy = msgext_alloc(arena, len + 1);

	if (len > 0)
		memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

char *
msgext_strdup(MsgArena *arena, const char *text)
{
	return msgext_strndup(arena, text, strlen(text));
}
