/*
 * test_mask.c
 *		A secret is masked however a writer of JSON or XML spells it, and nothing else is.
 */
#include "test.h"

#include <string.h>
#include <time.h>

#include "core/buf.h"
#include "core/mask.h"

/* What is left of text. */
static const char *
masked(const char *text, const char *secret)
{
	const char *list[] = {secret, NULL};
	static char copy[256];
	MsgSecrets secrets;

	msgext_secrets_init(&secrets, test_arena, list);
	strcpy(copy, text);
	msgext_mask(copy, strlen(copy), &secrets);
	return copy;
}

/*
 * Masks 1 MiB of word again and again, with n secrets of len bytes of it and a letter
 * that never follows. Returns the milliseconds that the processor took.
 */
static long
mask_long(const char *word, int len, int n)
{
	size_t size = 1024 * 1024;
	const char **list = msgext_alloc0(test_arena, (size_t) (n + 1) * sizeof(char *));
	MsgSecrets secrets;
	MsgBuf text;
	clock_t start;
	int i;

	msgext_buf_init(&text, test_arena, size + 16);
	while (text.len < size)
		msgext_buf_puts(&text, word);
	for (i = 0; i < n; i++)
	{
		MsgBuf secret;

		msgext_buf_init(&secret, test_arena, (size_t) len + 16);
		msgext_buf_append(&secret, text.data, (size_t) len);
		msgext_buf_printf(&secret, "Z%d", i);
		list[i] = secret.data;
	}
	start = clock();
	msgext_secrets_init(&secrets, test_arena, list);
	msgext_mask(text.data, text.len, &secrets);
	return (long) ((clock() - start) * 1000 / CLOCKS_PER_SEC);
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
	CHECK_TEXT(masked("a]]><![CDATA[bcd", "abcd"), "****************");
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
		const char *list[] = {"abcd", "abcdef", "x1", "-ef-", NULL};
		char text[] = "abcde abcd\\u0065f x1 abcd-ef-";
		MsgSecrets secrets;

		msgext_secrets_init(&secrets, test_arena, list);
		msgext_mask(text, strlen(text), &secrets);
		CHECK_TEXT(text, "****e *********** x1 ********");
	}
	test_end();

	test_begin("mask: what can be read in two ways");
	CHECK_TEXT(masked("a+b%20c", "a+b c"), "*******");
	CHECK_TEXT(masked("&amp;&amp;&amp;x", "&amp;&&x"), "****************");
	CHECK_TEXT(masked("&amp;amp;&amp;x", "&amp;&x"), "***************");
	CHECK_TEXT(masked("%2525", "%25"), "%2525");
	CHECK_TEXT(masked("%2525ab", "%25ab"), "*******");
	test_end();

	test_begin("mask: many secrets, and texts that take long to search");
	CHECK(mask_long("abcd", 4, 2000) < 1000);
	CHECK(mask_long("a", 2000, 10) < 1000);
	CHECK(mask_long("&amp;", 2000, 10) < 1000);
	CHECK(mask_long("%25", 2000, 1) < 1000);
	test_end();
}
