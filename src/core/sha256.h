/*
 * sha256.h
 *		SHA-256 (FIPS 180-4), for digests of bytes and for signatures.
 *
 * Codecs have no library of digests; what PostgreSQL's side needs it takes from there.
 */
#ifndef MSGEXT_SHA256_H
#define MSGEXT_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define MSG_SHA256_LEN 32
#define MSG_SHA256_BLOCK 64
#define MSG_SHA256_HEX 64

typedef struct MsgSha256
{
	uint32_t state[8];
	uint64_t len; /* bytes so far */
	unsigned char block[MSG_SHA256_BLOCK];
} MsgSha256;

extern void msgext_sha256_begin(MsgSha256 *hash);
extern void msgext_sha256_add(MsgSha256 *hash, const void *bytes, size_t len);
extern void msgext_sha256_end(MsgSha256 *hash, unsigned char *digest);

/* Writes MSG_SHA256_HEX digits and a NUL. */
extern void msgext_sha256_write(const unsigned char *digest, char *hex);
/* The same, of the digest of these bytes. */
extern void msgext_sha256_hex(const char *bytes, size_t len, char *hex);

#endif /* MSGEXT_SHA256_H */
