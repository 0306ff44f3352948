/*
 * token.h
 *		A secret that requests are compared with, in a time that tells nothing of it.
 */
#ifndef MSGEXT_TOKEN_H
#define MSGEXT_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#define MSG_TOKEN_ROOM 1024

typedef struct MsgToken
{
	unsigned char bytes[MSG_TOKEN_ROOM]; /* behind len, zeros */
	size_t len;
} MsgToken;

/* What is longer than any token is none. */
static inline bool
msgext_token_equals(const MsgToken *token, const void *given, size_t len)
{
	const unsigned char *bytes = given;
	size_t difference = token->len ^ len;
	size_t i;

	for (i = 0; i < len && i < MSG_TOKEN_ROOM; i++)
		difference |= (size_t) (token->bytes[i] ^ bytes[i]);
	return difference == 0;
}

#endif /* MSGEXT_TOKEN_H */
