/*
 * test_utf8.c
 *		Every two-byte start and the edges of RFC 3629's table.
 */
#include "test.h"

#include <string.h>

#include "core/utf8.h"

static int64_t
bytes_of(const char *text)
{
	return (int64_t) msgext_utf8_char(text, text + strlen(text));
}

void
test_utf8(void)
{
	char out[4];
	uint32_t c;
	int bad = 0;

	test_begin("utf8: first and last character of each length");
	CHECK_INT(bytes_of("\x01"), 1);
	CHECK_INT(bytes_of("\x7F"), 1);
	CHECK_INT(bytes_of("\xC2\x80"), 2);
	CHECK_INT(bytes_of("\xDF\xBF"), 2);
	CHECK_INT(bytes_of("\xE0\xA0\x80"), 3);
	CHECK_INT(bytes_of("\xED\x9F\xBF"), 3);
	CHECK_INT(bytes_of("\xEE\x80\x80"), 3);
	CHECK_INT(bytes_of("\xEF\xBF\xBF"), 3);
	CHECK_INT(bytes_of("\xF0\x90\x80\x80"), 4);
	CHECK_INT(bytes_of("\xF4\x8F\xBF\xBF"), 4);
	test_end();

	test_begin("utf8: what is no character");
	CHECK_INT(bytes_of(""), 0);
	CHECK_INT(bytes_of("\x80"), 0);
	CHECK_INT(bytes_of("\xC0\x80"), 0);
	CHECK_INT(bytes_of("\xC1\xBF"), 0);
	CHECK_INT(bytes_of("\xE0\x9F\xBF"), 0);
	CHECK_INT(bytes_of("\xED\xA0\x80"), 0);
	CHECK_INT(bytes_of("\xF0\x8F\xBF\xBF"), 0);
	CHECK_INT(bytes_of("\xF4\x90\x80\x80"), 0);
	CHECK_INT(bytes_of("\xF5\x80\x80\x80"), 0);
	CHECK_INT(bytes_of("\xFF"), 0);
	CHECK_INT(bytes_of("\xD0"), 0);
	CHECK_INT(bytes_of("\xE2\x82"), 0);
	CHECK_INT(bytes_of("\xF0\x9F\x98"), 0);
	CHECK_INT(bytes_of("\xF0\x9F\x41\x80"), 0);
	CHECK_INT(bytes_of("\xF0\xC3\x98\x80"), 0);
	CHECK_INT(bytes_of("\xE2\xC3\x98"), 0);
	CHECK_INT(bytes_of("\xD0 "), 0);
	CHECK_INT(bytes_of("\xE2\x82 "), 0);
	CHECK_INT(bytes_of("\xF0\x9F\x98 "), 0);
	test_end();

	test_begin("utf8: every code point is read as it was written");
	for (c = 0; c <= 0x10FFFF; c++)
	{
		size_t len;

		if (c >= 0xD800 && c <= 0xDFFF)
			continue;
		len = msgext_utf8_put(c, out);
		bad += msgext_utf8_char(out, out + len) != len;
		bad += len > 1 && msgext_utf8_char(out, out + len - 1) != 0;
	}
	CHECK_INT(bad, 0);
	test_end();

	test_begin("utf8: what is a text as a whole");
	CHECK_INT(msgext_utf8_is_text("", 0), true);
	CHECK_INT(msgext_utf8_is_text("a\xE2\x82\xAC", 4), true);
	CHECK_INT(msgext_utf8_is_text("a\xE2\x82\xAC", 3), false);
	CHECK_INT(msgext_utf8_is_text("a\0b", 3), false);
	test_end();

	test_begin("utf8: counts characters, not bytes");
	CHECK_INT((int64_t) msgext_utf8_count("", 0), 0);
	CHECK_INT((int64_t) msgext_utf8_count("тест", 8), 4);
	CHECK_INT((int64_t) msgext_utf8_count("a\xE2\x82\xAC\xF0\x9F\x98\x80", 8), 3);
	test_end();
}
