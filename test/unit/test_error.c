/*
 * test_error.c
 *		Errors are cut between characters, never within one.
 */
#include "test.h"

#include <string.h>

#include "core/error.h"
#include "core/utf8.h"

static bool
is_valid(const char *text)
{
	const char *end = text + strlen(text);
	size_t len;

	while (text < end && (len = msgext_utf8_char(text, end)) > 0)
		text += len;
	return text == end;
}

void
test_error(void)
{
	MsgError error;
	char text[400];
	int shift;

	test_begin("error: fills in and returns false");
	CHECK(!msgext_error(&error, "phone_invalid", "vk.phone", "must be %d digits", 11));
	CHECK_TEXT(error.code, "phone_invalid");
	CHECK_TEXT(error.path, "vk.phone");
	CHECK_TEXT(error.text, "must be 11 digits");
	test_end();

	test_begin("error: a long text is cut between characters");
	for (shift = 0; shift < 4; shift++)
	{
		int i;

		memset(text, 'x', (size_t) shift);
		text[shift] = '\0';
		for (i = 0; i < 90; i++)
			strcat(text, "\xF0\x9F\x98\x80");
		msgext_error(&error, "", text, "%s", text);
		CHECK(is_valid(error.path));
		CHECK(is_valid(error.text));
		CHECK(strlen(error.text) > sizeof(error.text) - 5);
		CHECK(strlen(error.path) > sizeof(error.path) - 5);
	}
	test_end();

	test_begin("error: bytes that are no text end it");
	msgext_error(&error, "", "", "a\xFFz");
	CHECK_TEXT(error.text, "a");
	test_end();
}
