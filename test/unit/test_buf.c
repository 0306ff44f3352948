/*
 * test_buf.c
 *		Growing, base64 and percent-encoding.
 */
#include "test.h"

#include <string.h>

#include "core/buf.h"

static const char *
base64(const char *text, size_t len)
{
	MsgBuf buf;

	msgext_buf_init(&buf, test_arena, 0);
	msgext_buf_base64(&buf, text, len);
	return buf.data;
}

static int released;

static void
count_release(void *object)
{
	released += *(int *) object;
}

void
test_buf(void)
{
	MsgBuf buf;
	int i;

	test_begin("buf: grows from nothing and stays terminated");
	msgext_buf_init(&buf, test_arena, 0);
	CHECK_TEXT(buf.data, "");
	for (i = 0; i < 1000; i++)
	{
		msgext_buf_putc(&buf, (char) ('a' + i % 26));
		CHECK(strlen(buf.data) == buf.len);
	}
	CHECK_INT((int64_t) buf.len, 1000);
	CHECK(memcmp(buf.data + 26, "abc", 3) == 0);
	msgext_buf_append(&buf, NULL, 0);
	CHECK_INT((int64_t) buf.len, 1000);
	test_end();

	test_begin("buf: printf writes what does not fit the room yet");
	msgext_buf_init(&buf, test_arena, 4);
	msgext_buf_printf(&buf, "%s-%d", "0123456789", 42);
	CHECK_TEXT(buf.data, "0123456789-42");
	msgext_buf_puts(&buf, "!");
	CHECK_TEXT(buf.data, "0123456789-42!");
	test_end();

	/* RFC 4648, section 10 */
	test_begin("buf: base64");
	CHECK_TEXT(base64("", 0), "");
	CHECK_TEXT(base64("f", 1), "Zg==");
	CHECK_TEXT(base64("fo", 2), "Zm8=");
	CHECK_TEXT(base64("foo", 3), "Zm9v");
	CHECK_TEXT(base64("foobar", 6), "Zm9vYmFy");
	CHECK_TEXT(base64("\xFF\xFE\xFD\0", 4), "//79AA==");
	CHECK_TEXT(base64("tester:111111", 13), "dGVzdGVyOjExMTExMQ==");
	test_end();

	test_begin("buf: percent-encoding");
	msgext_buf_init(&buf, test_arena, 0);
	msgext_buf_percent(&buf, "aZ09-._~ /?&=+%\xD0\x90", 17);
	CHECK_TEXT(buf.data, "aZ09-._~%20%2F%3F%26%3D%2B%25%D0%90");
	test_end();

	test_begin("arena: releases what it owns, once");
	{
		static int one = 1;
		MsgArena *arena = msgext_arena_std_create();

		arena->own(arena, count_release, &one);
		arena->own(arena, count_release, &one);
		CHECK_INT(released, 0);
		msgext_arena_std_reset(arena);
		CHECK_INT(released, 2);
		msgext_arena_std_destroy(arena);
		CHECK_INT(released, 2);
	}
	test_end();

	test_begin("arena: copies");
	CHECK_TEXT(msgext_strndup(test_arena, "abc", 2), "ab");
	CHECK_TEXT(msgext_strndup(test_arena, NULL, 0), "");
	CHECK_INT(*(int *) msgext_alloc0(test_arena, sizeof(int)), 0);
	test_end();
}
