/*
 * sha256.c
 *		SHA-256: see sha256.h.
 */
#include "core/sha256.h"

#include <stdio.h>
#include <string.h>

static const uint32_t k[MSG_SHA256_BLOCK] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2};

static inline uint32_t
rotate(uint32_t value, int bits)
{
	return value >> bits | value << (32 - bits);
}

/*
 * One round, of words that the standard calls a to h. The next one has them one further:
 * none is moved.
 */
static inline void
take_word(uint32_t a, uint32_t b, uint32_t c, uint32_t *d, uint32_t e, uint32_t f,
		  uint32_t g, uint32_t *h, uint32_t word)
{
	uint32_t first =
		*h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + word;

	*d += first;
	*h = first + (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
		 ((a & b) ^ (a & c) ^ (b & c));
}

/* One block of 64 bytes into the state. */
static void
take_block(uint32_t *state, const unsigned char *block)
{
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
	uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
	uint32_t w[MSG_SHA256_BLOCK];
	int i;

	for (i = 0; i < 16; i++)
		w[i] = (uint32_t) block[4 * i] << 24 | (uint32_t) block[4 * i + 1] << 16 |
			   (uint32_t) block[4 * i + 2] << 8 | block[4 * i + 3];
	for (; i < MSG_SHA256_BLOCK; i++)
		w[i] = (rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10) + w[i - 7] +
			   (rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3) +
			   w[i - 16];
	for (i = 0; i < MSG_SHA256_BLOCK; i += 8)
	{
		take_word(a, b, c, &d, e, f, g, &h, k[i] + w[i]);
		take_word(h, a, b, &c, d, e, f, &g, k[i + 1] + w[i + 1]);
		take_word(g, h, a, &b, c, d, e, &f, k[i + 2] + w[i + 2]);
		take_word(f, g, h, &a, b, c, d, &e, k[i + 3] + w[i + 3]);
		take_word(e, f, g, &h, a, b, c, &d, k[i + 4] + w[i + 4]);
		take_word(d, e, f, &g, h, a, b, &c, k[i + 5] + w[i + 5]);
		take_word(c, d, e, &f, g, h, a, &b, k[i + 6] + w[i + 6]);
		take_word(b, c, d, &e, f, g, h, &a, k[i + 7] + w[i + 7]);
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

void
msgext_sha256_begin(MsgSha256 *hash)
{
	static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
									  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

	memcpy(hash->state, start, sizeof(start));
	hash->len = 0;
}

void
msgext_sha256_add(MsgSha256 *hash, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	size_t used = hash->len % MSG_SHA256_BLOCK;

	hash->len += len;
	while (len > 0)
	{
		size_t n = MSG_SHA256_BLOCK - used < len ? MSG_SHA256_BLOCK - used : len;

		if (n == MSG_SHA256_BLOCK)
			take_block(hash->state, at);
		else
		{
			memcpy(hash->block + used, at, n);
			if (used + n == MSG_SHA256_BLOCK)
				take_block(hash->state, hash->block);
		}
		used = (used + n) % MSG_SHA256_BLOCK;
		at += n;
		len -= n;
	}
}

void
msgext_sha256_end(MsgSha256 *hash, unsigned char *digest)
{
	static const unsigned char padding[MSG_SHA256_BLOCK] = {0x80};
	uint64_t bits = hash->len * 8;
	size_t used = hash->len % MSG_SHA256_BLOCK;
	unsigned char length[8];
	int i;

	for (i = 0; i < 8; i++)
		length[i] = (unsigned char) (bits >> (56 - 8 * i));
	msgext_sha256_add(hash, padding, (used < 56 ? 56 : 56 + MSG_SHA256_BLOCK) - used);
	msgext_sha256_add(hash, length, sizeof(length));
	for (i = 0; i < MSG_SHA256_LEN; i++)
		digest[i] = (unsigned char) (hash->state[i / 4] >> (24 - 8 * (i % 4)));
}

void
msgext_sha256_write(const unsigned char *digest, char *hex)
{
	int i;

	for (i = 0; i < MSG_SHA256_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

void
msgext_sha256_hex(const char *bytes, size_t len, char *hex)
{
	unsigned char digest[MSG_SHA256_LEN];
	MsgSha256 hash;

	msgext_sha256_begin(&hash);
	msgext_sha256_add(&hash, bytes, len);
	msgext_sha256_end(&hash, digest);
	msgext_sha256_write(digest, hex);
}
