/*
 * test_sha256.c
 *		SHA-256: the vectors of FIPS 180-4, and every length about a block's end.
 */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/sha256.h"

static const char *
digest(const char *bytes, size_t len)
{
	static char hex[MSG_SHA256_HEX + 1];

	msgext_sha256_hex(bytes, len, hex);
	return hex;
}

/* Hashed in pieces of so many bytes. */
static const char *
digest_in_pieces(const MsgBuf *bytes, size_t piece)
{
	static char hex[MSG_SHA256_HEX + 1];
	unsigned char end[MSG_SHA256_LEN];
	MsgSha256 hash;
	size_t at;
	size_t i;

	msgext_sha256_begin(&hash);
	for (at = 0; at < bytes->len; at += piece)
		msgext_sha256_add(&hash, bytes->data + at,
						  bytes->len - at < piece ? bytes->len - at : piece);
	msgext_sha256_end(&hash, end);
	for (i = 0; i < MSG_SHA256_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", end[i]);
	return hex;
}

void
test_sha256(void)
{
	char bytes[256];
	char all[256][MSG_SHA256_HEX + 1];
	MsgBuf joined;
	size_t len;

	test_begin("sha256: vectors");
	CHECK_TEXT(digest("", 0),
			   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	CHECK_TEXT(digest("abc", 3),
			   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	CHECK_TEXT(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56),
			   "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	msgext_buf_init(&joined, test_arena, 1000000);
	while (joined.len < 1000000)
		msgext_buf_putc(&joined, 'a');
	CHECK_TEXT(digest(joined.data, joined.len),
			   "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	for (len = 1; len < joined.len; len = len * 7 + 1)
		CHECK_TEXT(digest_in_pieces(&joined, len),
				   "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	test_end();

	/* The digest of the digests of "", "a", "aa", ... of 255. */
	test_begin("sha256: every length");
	memset(bytes, 'a', sizeof(bytes));
	msgext_buf_init(&joined, test_arena, 1024);
	for (len = 0; len < sizeof(bytes); len++)
	{
		msgext_sha256_hex(bytes, len, all[len]);
		msgext_buf_puts(&joined, all[len]);
	}
	CHECK_TEXT(digest(joined.data, joined.len),
			   "2263341af4cab6597acb0e2e3607d5759e3b484b917611daae0a4f8d8e130d30");
	test_end();
}
