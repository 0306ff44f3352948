/*
 * digest.h
 *		SHA-256 of what is added piece by piece. ERROR where the library cannot compute
 *		it.
 */
#ifndef MSGEXT_DIGEST_H
#define MSGEXT_DIGEST_H

#include "postgres.h"

#include "common/cryptohash.h"
#include "common/sha2.h"

#define MSG_DIGEST_LEN PG_SHA256_DIGEST_LENGTH

/* To be ended, or left to the end of the transaction. */
extern pg_cryptohash_ctx *msgext_digest_begin(void);
extern void msgext_digest_add(pg_cryptohash_ctx *digest, const void *data, size_t len);

/* With its NUL, so that no two lists of texts run into one; NULL is the empty text. */
extern void msgext_digest_add_text(pg_cryptohash_ctx *digest, const char *text);

/* The digest in the current memory context. */
extern bytea *msgext_digest_end(pg_cryptohash_ctx *digest);

#endif /* MSGEXT_DIGEST_H */
