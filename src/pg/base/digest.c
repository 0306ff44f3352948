/*
 * digest.c
 *		SHA-256 of what is added piece by piece: see digest.h.
 */
#include "postgres.h"

#include "pg/base/bytes.h"
#include "pg/base/digest.h"

static void
check(bool done)
{
	if (!done)
		elog(ERROR, "could not compute a digest");
}

pg_cryptohash_ctx *
msgext_digest_begin(void)
{
	pg_cryptohash_ctx *digest = pg_cryptohash_create(PG_SHA256);

	check(pg_cryptohash_init(digest) == 0);
	return digest;
}

void
msgext_digest_add(pg_cryptohash_ctx *digest, const void *data, size_t len)
{
	check(pg_cryptohash_update(digest, data, len) == 0);
}

void
msgext_digest_add_text(pg_cryptohash_ctx *digest, const char *text)
{
	if (text == NULL)
		text = "";
	msgext_digest_add(digest, text, strlen(text) + 1);
}

bytea *
msgext_digest_end(pg_cryptohash_ctx *digest)
{
	uint8 result[MSG_DIGEST_LEN];

	check(pg_cryptohash_final(digest, result, sizeof(result)) == 0);
	pg_cryptohash_free(digest);
	return msgext_bytes(result, sizeof(result));
}
