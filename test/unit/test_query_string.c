/*
 * test_query_string.c
 *		What follows ? in the target of a request.
 */
#include "test.h"

#include <string.h>

#include "core/arena.h"
#include "core/query_string.h"

static MsgArena *arena;

/* As JSON, or "none". */
static const char *
read_text(const char *text)
{
	MsgJson *object = msgext_query_string_read(arena, text);
	MsgBuf buf;

	if (object == NULL)
		return "none";
	msgext_buf_init(&buf, arena, 64);
	msgext_json_write(&buf, object);
	msgext_buf_putc(&buf, '\0');
	return buf.data;
}

void
test_query_string(void)
{
	char many[200] = "";
	int i;

	arena = msgext_arena_std_create();
	test_begin("query string: names and values");
	CHECK_TEXT(read_text(""), "{}");
	CHECK_TEXT(read_text("a=b&c=d"), "{\"a\":\"b\",\"c\":\"d\"}");
	CHECK_TEXT(read_text("a=b%20c+d%2B%c3%a9"), "{\"a\":\"b c d+\xc3\xa9\"}");
	CHECK_TEXT(read_text("a&b=&&=c"), "{\"a\":\"\",\"b\":\"\",\"\":\"c\"}");
	CHECK_TEXT(read_text("a=1&a=2"), "{\"a\":\"2\"}");
	CHECK_TEXT(read_text("a=b=c"), "{\"a\":\"b=c\"}");
	CHECK_TEXT(read_text("%61=%22"), "{\"a\":\"\\\"\"}");
	test_end();

	test_begin("query string: what is none");
	CHECK_TEXT(read_text("a=%"), "none");
	CHECK_TEXT(read_text("a=%4"), "none");
	CHECK_TEXT(read_text("a=%4&b=c"), "none");
	CHECK_TEXT(read_text("a=%zz"), "none");
	CHECK_TEXT(read_text("a=%00"), "none");
	CHECK_TEXT(read_text("a=%ff"), "none");
	CHECK_TEXT(read_text("a=%c3"), "none");
	CHECK_TEXT(read_text("%c3=a"), "none");
	for (i = 0; i < MSG_QUERY_STRING_MAX; i++)
		strcat(many, "a=&");
	CHECK_TEXT(read_text(many), "{\"a\":\"\"}");
	strcat(many, "a=");
	CHECK_TEXT(read_text(many), "none");
	test_end();
	msgext_arena_std_destroy(arena);
}
