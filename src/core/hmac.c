/*
 * hmac.c
 *		HMAC with SHA-256: see hmac.h.
 */
#include "core/hmac.h"

#include <string.h>

void
msgext_hmac_begin(MsgHmac *hmac, const void *key, size_t len)
{
	unsigned char inner[MSG_SHA256_BLOCK] = {0};
	unsigned char outer[MSG_SHA256_BLOCK];
	int i;

	/* A key longer than a block is its digest (RFC 2104, 3). */
	if (len > MSG_SHA256_BLOCK)
	{
		msgext_sha256_begin(&hmac->inner);
		msgext_sha256_add(&hmac->inner, key, len);
		msgext_sha256_end(&hmac->inner, inner);
	}
	else if (len > 0)
		memcpy(inner, key, len);
	for (i = 0; i < MSG_SHA256_BLOCK; i++)
	{
		outer[i] = inner[i] ^ 0x5c;
		inner[i] ^= 0x36;
	}
	msgext_sha256_begin(&hmac->inner);
	msgext_sha256_add(&hmac->inner, inner, MSG_SHA256_BLOCK);
	msgext_sha256_begin(&hmac->outer);
	msgext_sha256_add(&hmac->outer, outer, MSG_SHA256_BLOCK);
}

void
msgext_hmac_add(MsgHmac *hmac, const void *bytes, size_t len)
{
	msgext_sha256_add(&hmac->inner, bytes, len);
}

void
msgext_hmac_end(MsgHmac *hmac, unsigned char *digest)
{
	msgext_sha256_end(&hmac->inner, digest);
	msgext_sha256_add(&hmac->outer, digest, MSG_SHA256_LEN);
	msgext_sha256_end(&hmac->outer, digest);
}
