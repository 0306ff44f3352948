/*
 * test_base64.c
 *		Reading base64: RFC 4648's vectors, what is forgiven, what is not.
 */
#include "test.h"

#include <string.h>

#include "core/base64.h"
#include "core/buf.h"

/* What text stands for, or NULL. */
static const char *
decoded(const char *text)
{
	size_t size;
	char *out;

	if (!msgext_base64_size(text, strlen(text), &size))
		return NULL;
	out = msgext_alloc0(test_arena, size + 1);
	msgext_base64_decode(text, strlen(text), out);
	return out;
}

void
test_base64(void)
{
	unsigned char bytes[256];
	MsgBuf text;
	char back[256];
	size_t size;
	size_t len;
	int i;

	test_begin("base64: the vectors of RFC 4648");
	CHECK_TEXT(decoded(""), "");
	CHECK_TEXT(decoded("Zg=="), "f");
	CHECK_TEXT(decoded("Zm8="), "fo");
	CHECK_TEXT(decoded("Zm9v"), "foo");
	CHECK_TEXT(decoded("Zm9vYg=="), "foob");
	CHECK_TEXT(decoded("Zm9vYmE="), "fooba");
	CHECK_TEXT(decoded("Zm9vYmFy"), "foobar");
	test_end();

	test_begin("base64: no padding, line breaks, the other alphabet");
	CHECK_TEXT(decoded("Zg"), "f");
	CHECK_TEXT(decoded("Zm8"), "fo");
	CHECK_TEXT(decoded("Zm9v\nYm\r\nFy \t"), "foobar");
	CHECK_TEXT(decoded(" Z g = = "), "f");
	CHECK_TEXT(decoded("Pz8/Pj4+"), "\?\?\?>>>");
	CHECK_TEXT(decoded("Pz8_Pj4-"), "\?\?\?>>>");
	test_end();

	test_begin("base64: what is none");
	CHECK_TEXT(decoded("Z"), NULL);
	CHECK_TEXT(decoded("Zm9vY"), NULL);
	CHECK_TEXT(decoded("Zg="), NULL);
	CHECK_TEXT(decoded("Zg==="), NULL);
	CHECK_TEXT(decoded("Zm9v="), NULL);
	CHECK_TEXT(decoded("=Zg="), NULL);
	CHECK_TEXT(decoded("===="), NULL);
	CHECK_TEXT(decoded("Zg==Zg=="), NULL);
	CHECK_TEXT(decoded("Zm9*"), NULL);
	CHECK_TEXT(decoded("Zm9\xC3\xA9"), NULL);
	test_end();

	test_begin("base64: every length comes back");
	for (i = 0; i < 256; i++)
		bytes[i] = (unsigned char) (i * 167 + 3);
	for (len = 0; len <= sizeof(bytes); len++)
	{
		msgext_buf_init(&text, test_arena, 0);
		msgext_buf_base64(&text, bytes, len);
		CHECK(msgext_base64_size(text.data, text.len, &size) && size == len);
		msgext_base64_decode(text.data, text.len, back);
		CHECK(memcmp(back, bytes, len) == 0);
	}
	test_end();
}
