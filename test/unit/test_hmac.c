/*
 * test_hmac.c
 *		HMAC with SHA-256, by the examples of RFC 4231.
 */
#include "test.h"

#include <string.h>

#include "core/hmac.h"

static const char *
hex(const unsigned char *digest)
{
	static char text[MSG_SHA256_HEX + 1];

	msgext_sha256_write(digest, text);
	return text;
}

static const char *
hmac(const char *key, size_t key_len, const char *data, size_t len)
{
	unsigned char digest[MSG_SHA256_LEN];
	MsgHmac state;

	msgext_hmac_begin(&state, key, key_len);
	msgext_hmac_add(&state, data, len / 2);
	msgext_hmac_add(&state, data + len / 2, len - len / 2);
	msgext_hmac_end(&state, digest);
	return hex(digest);
}

static void
test_rfc4231(void)
{
	static const char fourth[] =
		"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13"
		"\x14\x15\x16\x17\x18\x19";
	static const char large[] =
		"This is a test using a larger than block-size key and a larger than block-size "
		"data. The key needs to be hashed before being used by the HMAC algorithm.";
	static const char first[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	char key[131];
	char data[50];

	test_begin("hmac: RFC 4231, 4.2 to 4.8");
	memset(key, 0x0b, 20);
	CHECK_TEXT(hmac(key, 20, "Hi There", 8),
			   "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	CHECK_TEXT(hmac("Jefe", 4, "what do ya want for nothing?", 28),
			   "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	memset(data, 0xdd, sizeof(data));
	CHECK_TEXT(hmac(key, 20, data, 50),
			   "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
	memset(data, 0xcd, sizeof(data));
	CHECK_TEXT(hmac(fourth, 25, data, 50),
			   "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
	CHECK_TEXT(hmac(key, 131, first, strlen(first)),
			   "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	CHECK_TEXT(hmac(key, 131, large, strlen(large)),
			   "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
	memset(key, 0x0c, 20);
	CHECK(strncmp(hmac(key, 20, "Test With Truncation", 20),
				  "a3b6167473100ee06e0c796c2955552b", 32) == 0);
	test_end();
}

static void
test_same(void)
{
	test_begin("hmac: equal or not, at every byte");
	CHECK(msgext_same_secret("", "", 0));
	CHECK(msgext_same_secret("abcd", "abcd", 4));
	CHECK(!msgext_same_secret("abcd", "Xbcd", 4));
	CHECK(!msgext_same_secret("abcd", "abcX", 4));
	CHECK(msgext_same_secret("abcd", "abcX", 3));
	test_end();
}

void
test_hmac(void)
{
	test_rfc4231();
	test_same();
}
