/*
 * door.c
 *		Which path of a request leads to which server: see door.h.
 */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include "net/door.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct Door
{
	char *server;
	unsigned char key[MSG_DOOR_MAX]; /* server, NUL, token; then zeros */
	size_t key_len;
} Door;

struct MsgDoors
{
	int n;
	Door doors[];
};

MsgDoors *
msgext_doors_create(const MsgDoor *doors, int n, int *lost)
{
	size_t room = sizeof(MsgDoors) + sizeof(Door) * (size_t) n;
	MsgDoors *fresh = calloc(1, room);
	int i;

	*lost = n;
	for (i = 0; i < n && fresh != NULL; i++)
	{
		Door *door = &fresh->doors[fresh->n];
		size_t server_len = strlen(doors[i].server);
		size_t token_len = strlen(doors[i].token);

		if (server_len + 1 + token_len > MSG_DOOR_MAX ||
			(door->server = strdup(doors[i].server)) == NULL)
			continue;
		memcpy(door->key, doors[i].server, server_len);
		memcpy(door->key + server_len + 1, doors[i].token, token_len);
		door->key_len = server_len + 1 + token_len;
		fresh->n++;
		(*lost)--;
	}
	return fresh;
}

void
msgext_doors_free(MsgDoors *doors)
{
	int i;

	for (i = 0; doors != NULL && i < doors->n; i++)
	{
		free(doors->doors[i].server);
		explicit_bzero(&doors->doors[i], sizeof(Door));
	}
	free(doors);
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Appends text up to end, percent-decoded; false when it does not fit or is no text. */
static bool
decode(const char *text, const char *end, unsigned char *key, size_t *len)
{
	while (text < end)
	{
		int c = (unsigned char) *text++;

		if (c == '%')
		{
			int high = text < end ? hex_digit(text[0]) : -1;
			int low = high >= 0 && text + 1 < end ? hex_digit(text[1]) : -1;

			if (low < 0)
				return false;
			c = high * 16 + low;
			text += 2;
		}
		if (c == '\0' || *len == MSG_DOOR_MAX)
			return false;
		key[(*len)++] = (unsigned char) c;
	}
	return true;
}

/*
 * Looks at every door, and at each for as long as
 * the path is: the time tells neither which servers there are nor how much of a token
 * was right.
 */
const char *
msgext_doors_find(const MsgDoors *doors, const char *path)
{
	unsigned char key[MSG_DOOR_MAX];
	const char *slash = path[0] == '/' ? strchr(path + 1, '/') : NULL;
	const char *found = NULL;
	size_t len = 0;
	bool whole;
	int i;
	size_t k;

	if (slash == NULL)
		return NULL;
	whole = decode(path + 1, slash, key, &len) && len < MSG_DOOR_MAX;
	if (whole)
	{
		key[len++] = '\0';
		whole = decode(slash + 1, slash + 1 + strlen(slash + 1), key, &len);
	}
	for (i = 0; doors != NULL && i < doors->n; i++)
	{
		const Door *door = &doors->doors[i];
		size_t difference = door->key_len ^ len;

		for (k = 0; k < len; k++)
			difference |= (size_t) (door->key[k] ^ key[k]);
		if (difference == 0 && whole)
			found = door->server;
	}
	return found;
}
