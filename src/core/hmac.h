/*
 * hmac.h
 *		HMAC with SHA-256 (RFC 2104), for signatures of requests and pushes; and a
 *		comparison whose time tells nothing.
 */
#ifndef MSGEXT_HMAC_H
#define MSGEXT_HMAC_H

#include <stdbool.h>
#include <stddef.h>

#include "core/sha256.h"

typedef struct MsgHmac
{
	MsgSha256 inner;
	MsgSha256 outer;
} MsgHmac;

/* A key of any length. digest has room for MSG_SHA256_LEN bytes. */
extern void msgext_hmac_begin(MsgHmac *hmac, const void *key, size_t len);
extern void msgext_hmac_add(MsgHmac *hmac, const void *bytes, size_t len);
extern void msgext_hmac_end(MsgHmac *hmac, unsigned char *digest);

/* Are these the same bytes? It takes as long whatever they are. */
static inline bool
msgext_same_secret(const void *a, const void *b, size_t len)
{
	const volatile unsigned char *left = a;
	const volatile unsigned char *right = b;
	unsigned difference = 0;
	size_t i;

	for (i = 0; i < len; i++)
		difference |= (unsigned) (left[i] ^ right[i]);
	return difference == 0;
}

#endif /* MSGEXT_HMAC_H */
