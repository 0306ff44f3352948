/*
 * endpoint.c
 *		Which path of a request leads to which server: see endpoint.h.
 */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include "net/endpoint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct Endpoint
{
	char *server;
	MsgToken key; /* server, NUL, token */
} Endpoint;

struct MsgEndpoints
{
	int n;
	Endpoint endpoints[];
};

MsgEndpoints *
msgext_endpoints_create(const MsgEndpoint *endpoints, int n, int *lost)
{
	size_t room = sizeof(MsgEndpoints) + sizeof(Endpoint) * (size_t) n;
	MsgEndpoints *fresh = calloc(1, room);
	int i;

	*lost = n;
	for (i = 0; i < n && fresh != NULL; i++)
	{
		Endpoint *endpoint = &fresh->endpoints[fresh->n];
		size_t server_len = strlen(endpoints[i].server);
		size_t token_len = strlen(endpoints[i].token);

		if (server_len + 1 + token_len > MSG_ENDPOINT_MAX ||
			(endpoint->server = strdup(endpoints[i].server)) == NULL)
			continue;
		memcpy(endpoint->key.bytes, endpoints[i].server, server_len);
		memcpy(endpoint->key.bytes + server_len + 1, endpoints[i].token, token_len);
		endpoint->key.len = server_len + 1 + token_len;
		fresh->n++;
		(*lost)--;
	}
	return fresh;
}

void
msgext_endpoints_free(MsgEndpoints *endpoints)
{
	int i;

	for (i = 0; endpoints != NULL && i < endpoints->n; i++)
	{
		free(endpoints->endpoints[i].server);
		explicit_bzero(&endpoints->endpoints[i], sizeof(Endpoint));
	}
	free(endpoints);
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
		if (c == '\0' || *len == MSG_ENDPOINT_MAX)
			return false;
		key[(*len)++] = (unsigned char) c;
	}
	return true;
}

/*
 * Compares the whole path with every endpoint: the time it takes tells neither which
 * servers there are nor how much of a token was right.
 */
const char *
msgext_endpoints_find(const MsgEndpoints *endpoints, const char *path)
{
	unsigned char key[MSG_ENDPOINT_MAX];
	const char *slash = path[0] == '/' ? strchr(path + 1, '/') : NULL;
	const char *found = NULL;
	size_t len = 0;
	bool whole;
	int i;

	if (slash == NULL)
		return NULL;
	whole = decode(path + 1, slash, key, &len) && len < MSG_ENDPOINT_MAX;
	if (whole)
	{
		key[len++] = '\0';
		whole = decode(slash + 1, slash + 1 + strlen(slash + 1), key, &len);
	}
	for (i = 0; endpoints != NULL && i < endpoints->n; i++)
	{
		const Endpoint *endpoint = &endpoints->endpoints[i];

		if (msgext_token_equals(&endpoint->key, key, len) && whole)
			found = endpoint->server;
	}
	return found;
}
