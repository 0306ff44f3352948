/*
 * test_json.c
 *		The reader's grammar and limits, the tree and the writer.
 */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "core/json.h"

static MsgError error;

static MsgJson *
parse_len(const char *text, size_t len, const MsgJsonLimits *limits)
{
	memset(&error, 0, sizeof(error));
	return msgext_json_parse(test_arena, text, len, limits, &error);
}

static MsgJson *
parse(const char *text)
{
	return parse_len(text, strlen(text), &msgext_json_strict);
}

static const char *
written(const MsgJson *node)
{
	MsgBuf buf;

	if (node == NULL)
		return NULL;
	msgext_buf_init(&buf, test_arena, 0);
	msgext_json_write(&buf, node);
	return buf.data;
}

/* Reads and writes. */
static const char *
again(const char *text)
{
	return written(parse(text));
}

/* The byte at which the reader stopped, or -1 when it did not. */
static int64_t
stops_at(const char *text)
{
	return parse(text) == NULL ? (int64_t) error.offset : -1;
}

static void
test_grammar(void)
{
	static const char *const same[] = {"null",
									   "true",
									   "false",
									   "0",
									   "-0",
									   "-1.5e+10",
									   "1E5",
									   "0.25",
									   "\"\"",
									   "[]",
									   "{}",
									   "[1,2,[3,{\"a\":[]}]]",
									   "{\"a\":1,\"b\":{\"c\":null}}",
									   "123456789012345678901234567890",
									   "{\"\":\"\"}",
									   NULL};
	static const struct
	{
		const char *text;
		int64_t offset;
	} bad[] = {{"", 0},
			   {" ", 1},
			   {"nul", 0},
			   {"True", 0},
			   {"01", 0},
			   {"-", 1},
			   {"-a", 1},
			   {"+1", 0},
			   {".5", 0},
			   {"1.", 2},
			   {"1.e5", 2},
			   {"1e", 2},
			   {"1e+", 3},
			   {"0x10", 1},
			   {"1 2", 2},
			   {"[", 1},
			   {"[1", 2},
			   {"[1,", 3},
			   {"[1,]", 3},
			   {"[,1]", 1},
			   {"[1 2]", 3},
			   {"]", 0},
			   {"{", 1},
			   {"{\"a\"", 4},
			   {"{\"a\":", 5},
			   {"{\"a\":1", 6},
			   {"{\"a\":1,}", 7},
			   {"{a:1}", 1},
			   {"{\"a\" 1}", 5},
			   {"{,}", 1},
			   {"{1:2}", 1},
			   {"[1}", 2},
			   {"{\"a\":1]", 6},
			   {"\"", 1},
			   {"\"a", 2},
			   {"\"\\", 2},
			   {"\"\\x\"", 1},
			   {"\"\\u12\"", 1},
			   {"\"\\u", 1},
			   {"\"\\u00g0\"", 1},
			   {"\"\n\"", 1},
			   {"'a'", 0},
			   {"NaN", 0},
			   {"Infinity", 0},
			   {"1// x", 1},
			   {"\"a\xC0\x80\"", 2},
			   {"\"\xED\xA0\x80\"", 1},
			   {"\"\xF4\x90\x80\x80\"", 1},
			   {"\"\x80\"", 1},
			   {"\xEF\xBB", 0},
			   {"\xEF\xBB\xBF", 3},
			   {"[]\xEF\xBB\xBF", 2},
			   {NULL, 0}};
	int i;

	test_begin("json: what is JSON comes back as it was");
	for (i = 0; same[i] != NULL; i++)
		CHECK_TEXT(again(same[i]), same[i]);
	CHECK_TEXT(again(" \t\r\n{ \"a\" : [ 1 , 2 ] } \n"), "{\"a\":[1,2]}");
	CHECK_TEXT(again("\xEF\xBB\xBF[1]"), "[1]");
	test_end();

	test_begin("json: what is none is refused at the right byte");
	for (i = 0; bad[i].text != NULL; i++)
	{
		if (stops_at(bad[i].text) != bad[i].offset)
			test_fail(__FILE__, __LINE__, "%s: %lld, not %lld", bad[i].text,
					  (long long) stops_at(bad[i].text), (long long) bad[i].offset);
		CHECK(error.text[0] != '\0');
	}
	CHECK(parse_len("[1]\0", 4, &msgext_json_strict) == NULL);
	CHECK(parse_len("\"a\0b\"", 5, &msgext_json_strict) == NULL);
	test_end();

	test_begin("json: no prefix of a text is read as the whole");
	{
		static const char text[] = "{\"a\":[1,\"\xD0\x90\\u0041\"],\"b\":{\"c\":false}}";
		size_t len;

		for (len = 0; len < sizeof(text) - 1; len++)
		{
			char *part = msgext_strndup(test_arena, text, len);

			CHECK(parse_len(part, len, &msgext_json_strict) == NULL);
		}
		CHECK(parse_len(text, len, &msgext_json_strict) != NULL);
	}
	test_end();
}

static void
test_strings(void)
{
	const MsgJson *node;

	test_begin("json: escapes");
	node = parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"");
	CHECK_TEXT(node != NULL ? node->text : NULL, "\"\\/\b\f\n\r\t");
	node = parse("\"\\u0410\\u00e9\\u20AC\\uD83D\\uDE00\"");
	CHECK_TEXT(node != NULL ? node->text : NULL,
			   "\xD0\x90\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
	node = parse("\"a\\u0000b\"");
	CHECK(node != NULL && node->len == 3 && memcmp(node->text, "a\0b\0", 4) == 0);
	test_end();

	test_begin("json: half a surrogate pair becomes U+FFFD");
	CHECK_TEXT(again("\"\\uD83D\""), "\"\xEF\xBF\xBD\"");
	CHECK_TEXT(again("\"\\uDFFF\\uD800\""), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
	CHECK_TEXT(again("\"\\uDE00x\""), "\"\xEF\xBF\xBDx\"");
	CHECK_TEXT(again("\"\\uD83D\\u0041\""), "\"\xEF\xBF\xBD"
											"A\"");
	CHECK_TEXT(again("\"\\uD83D\\uD83D\\uDE00\""), "\"\xEF\xBF\xBD\xF0\x9F\x98\x80\"");
	CHECK(parse_len("\"\\uD83D\\uDE00", 13, &msgext_json_strict) == NULL);
	CHECK_TEXT(again("\"\\uD83D\\n\""), "\"\xEF\xBF\xBD\\n\"");
	test_end();

	test_begin("json: the writer escapes what must be, and only that");
	CHECK_TEXT(again("\"\\u0001\\u001f\\u007f\\/\\u0410\""),
			   "\"\\u0001\\u001f\x7F/\xD0\x90\"");
	CHECK_TEXT(again("\"\\b\\f\\n\\r\\t\\\"\\\\\""), "\"\\b\\f\\n\\r\\t\\\"\\\\\"");
	CHECK_TEXT(again("{\"a\\nb\":\"\\u0000\"}"), "{\"a\\nb\":\"\\u0000\"}");
	CHECK_TEXT(written(msgext_json_string(test_arena, "a\xFF\xD0", 3)),
			   "\"a\xEF\xBF\xBD\xEF\xBF\xBD\"");
	test_end();
}

static void
test_limits(void)
{
	MsgJsonLimits limits = msgext_json_strict;

	test_begin("json: depth");
	limits.depth = 3;
	CHECK(parse_len("[[[1]]]", 7, &limits) != NULL);
	CHECK(parse_len("[[[[]]]]", 8, &limits) == NULL);
	CHECK_INT((int64_t) error.offset, 3);
	CHECK(parse_len("[[[]],[[]],{\"a\":{}}]", 20, &limits) != NULL);
	limits.depth = 0;
	CHECK(parse_len("1", 1, &limits) != NULL);
	CHECK(parse_len("[]", 2, &limits) == NULL);
	test_end();

	test_begin("json: number of values");
	limits = msgext_json_strict;
	limits.nodes = 4;
	CHECK(parse_len("[1,2,3]", 7, &limits) != NULL);
	CHECK(parse_len("[1,2,3,4]", 9, &limits) == NULL);
	CHECK_INT((int64_t) error.offset, 7);
	test_end();

	test_begin("json: size");
	CHECK_INT((int64_t) msgext_json_strict.size, 1048576);
	CHECK_INT(msgext_json_strict.depth, 32);
	CHECK_INT(msgext_json_strict.nodes, 100000);
	CHECK(!msgext_json_strict.trailing_commas);
	limits = msgext_json_strict;
	limits.size = 7;
	CHECK(parse_len("[1,2,3]", 7, &limits) != NULL);
	CHECK(parse_len("[1,2,3] ", 8, &limits) == NULL);
	test_end();

	test_begin("json: a long list of long strings takes no more than its room");
	{
		MsgBuf buf;
		MsgJson *node;
		int i;

		msgext_buf_init(&buf, test_arena, 0);
		for (i = 0; i < 5000; i++)
			msgext_buf_puts(&buf, i == 0 ? "[1" : ",12,\"\",\"\\u0001\",-3");
		msgext_buf_putc(&buf, ']');
		node = parse_len(buf.data, buf.len, &msgext_json_strict);
		CHECK(node != NULL && node->count == 1 + 4999 * 4);
		CHECK_TEXT(written(node), buf.data);
	}
	test_end();

	test_begin("json: commas before a closing brace, where they are forgiven");
	limits = msgext_json_strict;
	limits.trailing_commas = true;
	CHECK_TEXT(written(parse_len("{\"a\":[1,],}", 11, &limits)), "{\"a\":[1]}");
	CHECK_TEXT(written(parse_len("[1, ]", 5, &limits)), "[1]");
	CHECK_TEXT(written(parse_len("[\",]\",]", 7, &limits)), "[\",]\"]");
	CHECK(parse_len("[,]", 3, &limits) == NULL);
	CHECK(parse_len("[1,,]", 5, &limits) == NULL);
	CHECK(parse_len("{,}", 3, &limits) == NULL);
	CHECK(parse_len("[1],", 4, &limits) == NULL);
	CHECK(parse_len("{\"a\":,}", 7, &limits) == NULL);
	test_end();
}

static bool
to_int(const char *text, bool quoted, int64_t *value)
{
	return msgext_json_int64(parse(text), quoted, value);
}

static void
test_tree(void)
{
	MsgJson *root;
	MsgJson *list;
	int64_t value = 0;

	test_begin("json: looking up members");
	root = parse("{\"a\":1,\"B\":\"x\",\"a\":2,\"b\":\"y\"}");
	CHECK_TEXT(written(msgext_json_get(root, "a")), "2");
	CHECK_TEXT(written(msgext_json_get(root, "B")), "\"x\"");
	CHECK_TEXT(written(msgext_json_get_nocase(root, "B")), "\"y\"");
	CHECK_TEXT(written(msgext_json_get_nocase(root, "A")), "2");
	CHECK(msgext_json_get(root, "c") == NULL);
	CHECK(msgext_json_get(root, "aa") == NULL);
	CHECK(msgext_json_get(NULL, "a") == NULL);
	CHECK(msgext_json_get(msgext_json_get(root, "a"), "a") == NULL);
	CHECK(msgext_json_is(root, MSG_JSON_OBJECT) && !msgext_json_is(root, MSG_JSON_ARRAY));
	CHECK(!msgext_json_is(NULL, MSG_JSON_NULL));
	CHECK(msgext_json_equals(msgext_json_get(root, "B"), "x"));
	CHECK(!msgext_json_equals(msgext_json_get(root, "B"), "xy"));
	CHECK(!msgext_json_equals(msgext_json_get(root, "a"), "2"));
	CHECK(!msgext_json_equals(parse("\"x\\u0000\""), "x"));
	test_end();

	test_begin("json: where a value stood");
	root = parse(" [ {\"a\" : 1} , \"x\" ]");
	CHECK_INT((int64_t) root->first->start, 3);
	CHECK_INT((int64_t) root->first->end, 12);
	CHECK_INT((int64_t) root->last->start, 15);
	CHECK_INT((int64_t) root->last->end, 18);
	test_end();

	test_begin("json: whole numbers are exact");
	CHECK(to_int("3222269333010907000", false, &value));
	CHECK_INT(value, INT64_C(3222269333010907000));
	CHECK(to_int("9223372036854775807", false, &value) && value == INT64_MAX);
	CHECK(to_int("-9223372036854775808", false, &value) && value == INT64_MIN);
	CHECK(to_int("0", false, &value) && value == 0);
	CHECK(to_int("-0", false, &value) && value == 0);
	CHECK(to_int("\"711869146186383364\"", true, &value));
	CHECK_INT(value, INT64_C(711869146186383364));
	CHECK(!to_int("9223372036854775808", false, &value));
	CHECK(!to_int("-9223372036854775809", false, &value));
	CHECK(!to_int("92233720368547758070", false, &value));
	CHECK(!to_int("\"1\"", false, &value));
	CHECK(!to_int("1.0", true, &value) && !to_int("1e3", true, &value));
	CHECK(!to_int("\"\"", true, &value) && !to_int("\" 1\"", true, &value));
	CHECK(!to_int("\"-1\"", true, &value) && !to_int("\"+1\"", true, &value));
	CHECK(!to_int("\"01\"", true, &value) && !to_int("true", true, &value));
	CHECK(!to_int("[1]", true, &value) && !msgext_json_int64(NULL, true, &value));
	CHECK_INT(value, INT64_C(711869146186383364));
	test_end();

	test_begin("json: building");
	root = msgext_json_new(test_arena, MSG_JSON_OBJECT);
	msgext_json_set_text(test_arena, root, "a", "1");
	msgext_json_set_text(test_arena, root, "b", "2");
	msgext_json_set_text(test_arena, root, "a", "3");
	msgext_json_set_text(test_arena, root, "b", "4");
	list = msgext_json_new(test_arena, MSG_JSON_ARRAY);
	msgext_json_append(list, msgext_json_number(test_arena, "-1.50"));
	msgext_json_append(list, msgext_json_number(test_arena, "1;drop"));
	msgext_json_append(list, msgext_json_new(test_arena, MSG_JSON_NULL));
	msgext_json_append(list, msgext_json_new(test_arena, MSG_JSON_NUMBER));
	msgext_json_append(list, msgext_json_new(test_arena, MSG_JSON_STRING));
	msgext_json_append(list, msgext_json_new(test_arena, MSG_JSON_BOOL));
	msgext_json_set(root, "c", list);
	CHECK_TEXT(written(root),
			   "{\"a\":\"3\",\"b\":\"4\",\"c\":[-1.50,\"1;drop\",null,0,\"\",false]}");
	CHECK_INT(root->count, 3);
	msgext_json_set_text(test_arena, root, "A", "5");
	CHECK_INT(root->count, 4);
	CHECK_TEXT(again(written(root)), written(root));
	test_end();
}

void
test_json(void)
{
	test_grammar();
	test_strings();
	test_limits();
	test_tree();
}
