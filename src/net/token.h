/*
 * token.h
 *		A secret that requests are compared with, in a time that tells nothing of it.
 */
#ifndef MSGEXT_TOKEN_H
#define MSGEXT_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/hmac.h"

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
	bool same = msgext_same_secret(token->bytes, given,
								   len < MSG_TOKEN_ROOM ? len : MSG_TOKEN_ROOM);

	return same && token->len == len;
}

#endif /* MSGEXT_TOKEN_H */
