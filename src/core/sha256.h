/*
 * sha256.h
 *		SHA-256 (FIPS 180-4) of bytes in memory, for what is said about them to people.
 *
 * Codecs have no library of digests; what PostgreSQL's side needs it takes from there.
 */
#ifndef MSGEXT_SHA256_H
#define MSGEXT_SHA256_H

#include <stddef.h>

#define MSG_SHA256_HEX 64

/* Writes MSG_SHA256_HEX digits and a NUL. */
extern void msgext_sha256_hex(const char *bytes, size_t len, char *hex);

#endif /* MSGEXT_SHA256_H */
