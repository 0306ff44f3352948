/*
 * test_mask.c
 *		A secret is masked however a writer of JSON or XML spells it, and nothing else is.
 */
#include "test.h"

#include <string.h>

#include "core/mask.h"

/* What is left of text. */
static const char *
masked(const char *text, const char *secret)
{
	const char *secrets[] = {secret, NULL};
	static char copy[256];

	strcpy(copy, text);
	msgext_mask(copy, strlen(copy), secrets);
	return copy;
}

void
test_mask(void)
{
	test_begin("mask: as it is");
	CHECK_TEXT(masked("a secret here", "secret"), "a ****** here");
	CHECK_TEXT(masked("secretsecret", "secret"), "************");
	CHECK_TEXT(masked("secre", "secret"), "secre");
	CHECK_TEXT(masked("", "secret"), "");
	CHECK_TEXT(masked("1234", "1234"), "****");
	CHECK_TEXT(masked("123", "123"), "123");
	test_end();

	test_begin("mask: escaped");
	CHECK_TEXT(masked("{\"a\":\"p\\/s\\\"w\\u00f6\"}", "p/s\"w\xc3\xb6"),
			   "{\"a\":\"*************\"}");
	CHECK_TEXT(masked("x p\\/s\\\"w\xc3\xb6 x", "p/s\"w\xc3\xb6"), "x ********* x");
	CHECK_TEXT(masked("\\u0073\\u0065CRET", "seCRET"), "****************");
	CHECK_TEXT(masked("\\ud83d\\ude00 ok", "\xf0\x9f\x98\x80 ok"), "***************");
	CHECK_TEXT(masked("ab\\tcd", "ab\tcd"), "******");
	test_end();

	test_begin("mask: escaped as in XML");
	CHECK_TEXT(masked("<a>p&amp;s&lt;1&gt;</a>", "p&s<1>"), "<a>****************</a>");
	CHECK_TEXT(masked("&quot;&apos;ab", "\"'ab"), "**************");
	CHECK_TEXT(masked("p&#38;s&#x3c;1&#X3e;", "p&s<1"), "**************&#X3e;");
	CHECK_TEXT(masked("&#x1F600; ok", "\xf0\x9f\x98\x80 ok"), "************");
	CHECK_TEXT(masked("a&amp;amp;b", "a&amp;b"), "***********");
	CHECK_TEXT(masked("a&amp;b", "a&amp;b"), "*******");
	CHECK_TEXT(masked("ab&", "ab&c"), "ab&");
	CHECK_TEXT(masked("abc&#", "abc&"), "****#");
	CHECK_TEXT(masked("abc&#9", "abc\t"), "abc&#9");
	CHECK_TEXT(masked("abc&#xD800;&#99999999999;", "abc\xf0"),
			   "abc&#xD800;&#99999999999;");
	test_end();

	test_begin("mask: as in a form");
	CHECK_TEXT(masked("password=p%26s%3D1+2&x", "p&s=1 2"), "password=***********&x");
	CHECK_TEXT(masked("p%c3%B6pp%2", "p\xc3\xb6pp"), "*********%2");
	CHECK_TEXT(masked("a%2Bb+c", "a+b c"), "*******");
	CHECK_TEXT(masked("ab+cd", "ab+cd"), "*****");
	CHECK_TEXT(masked("abc%4", "abcd"), "abc%4");
	test_end();

	test_begin("mask: backslashes of its own");
	CHECK_TEXT(masked("a\\nbc", "a\\nbc"), "*****");
	CHECK_TEXT(masked("a\\\\nbc", "a\\nbc"), "******");
	CHECK_TEXT(masked("ab\\\\cd", "ab\\\\cd"), "******");
	CHECK_TEXT(masked("ab\\\\\\\\cd", "ab\\\\cd"), "********");
	test_end();

	test_begin("mask: what is not it");
	CHECK_TEXT(masked("p\\\\/s", "p/ss"), "p\\\\/s");
	CHECK_TEXT(masked("\\u00f", "\xc3\xb6yyy"), "\\u00f");
	CHECK_TEXT(masked("\\ud83dabc", "\xf0\x9f\x98\x80"), "\\ud83dabc");
	CHECK_TEXT(masked("secr\\", "secret"), "secr\\");
	test_end();

	test_begin("mask: several");
	{
		const char *secrets[] = {"abcd", "abcdef", "x1", "-ef-", NULL};
		char text[] = "abcde abcd\\u0065f x1 abcd-ef-";

		msgext_mask(text, strlen(text), secrets);
		CHECK_TEXT(text, "****e *********** x1 ********");
	}
	test_end();
}
