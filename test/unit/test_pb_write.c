/*
 * test_pb_write.c
 *		JSON to protobuf: every kind of field, presence, names, limits, and where a
 *		refusal points to.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/pb.h"
#include "sample.h"

#include "build/test/pb_kinds.pb-c.h"

#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)
#define KINDS (&msgext__test__kinds__descriptor)
#define LEAF (&msgext__test__leaf__descriptor)

static MsgPart parts[3] = {{"one", 3}, {"", 0}, {NULL, 0}};
static int nparts;
static MsgPbLimits limits;

/* The bytes in hexadecimal, or "path: text" of the refusal. */
static const char *
written(const ProtobufCMessageDescriptor *type, const char *json)
{
	MsgPayload payload = {.parts = parts, .nparts = nparts};
	MsgError error = {.path = ""};
	MsgPart out;
	MsgBuf hex;
	size_t i;

	payload.message = sample_json(json, strlen(json));
	msgext_buf_init(&hex, test_arena, 64);
	if (payload.message == NULL)
		return "";
	if (!msgext_pb_encode(test_arena, type, &payload, &limits, &out, &error))
		msgext_buf_printf(&hex, "%s: %s", error.path, error.text);
	else
	{
		for (i = 0; i < out.len; i++)
			msgext_buf_printf(&hex, "%02x", (unsigned char) out.bytes[i]);
	}
	return hex.data;
}

/* Is it refused there? */
static void
check_refused(const ProtobufCMessageDescriptor *type, const char *json, const char *path)
{
	const char *result = written(type, json);
	size_t len = strlen(path);

	if (strncmp(result, path, len) != 0 || result[len] != ':' || result[len + 1] != ' ')
		FAIL("%s: not refused at %s: %s", json, path, result);
}

#define WRITES(json, hex) CHECK_TEXT(written(KINDS, json), hex)
#define REFUSES(json, path) check_refused(KINDS, json, path)

static void
test_kinds(void)
{
	test_begin("pb write: whole numbers");
	WRITES("{}", "");
	WRITES("{\"Int32\": 0}", "0800");
	WRITES("{\"Int32\": 150}", "089601");
	WRITES("{\"Int32\": -1}", "08ffffffffffffffffff01");
	WRITES("{\"Int32\": \"-2147483648\"}", "0880808080f8ffffffff01");
	WRITES("{\"Int32\": 2147483647}", "08ffffffff07");
	WRITES("{\"Int32\": 7.000}", "0807");
	WRITES("{\"Sint32\": -1}", "1001");
	WRITES("{\"Sint32\": 2147483647}", "10feffffff0f");
	WRITES("{\"Sint32\": -2147483648}", "10ffffffff0f");
	WRITES("{\"Sfixed32\": -2}", "1dfeffffff");
	WRITES("{\"Uint32\": 4294967295}", "20ffffffff0f");
	WRITES("{\"Fixed32\": \"1\"}", "2d01000000");
	WRITES("{\"Int64\": -9223372036854775808}", "3080808080808080808001");
	WRITES("{\"Int64\": \"9223372036854775807\"}", "30ffffffffffffffff7f");
	WRITES("{\"Sint64\": -9223372036854775808}", "38ffffffffffffffffff01");
	WRITES("{\"Sfixed64\": -1}", "41ffffffffffffffff");
	WRITES("{\"Uint64\": 18446744073709551615}", "48ffffffffffffffffff01");
	WRITES("{\"Fixed64\": \"18446744073709551615\"}", "51ffffffffffffffff");
	WRITES("{\"Uint32\": -0}", "2000");
	test_end();

	test_begin("pb write: whole numbers that are none, or out of range");
	REFUSES("{\"Int32\": 2147483648}", "Int32");
	REFUSES("{\"Int32\": -2147483649}", "Int32");
	REFUSES("{\"Sint32\": 2147483648}", "Sint32");
	REFUSES("{\"Sfixed32\": 3000000000}", "Sfixed32");
	REFUSES("{\"Uint32\": 4294967296}", "Uint32");
	REFUSES("{\"Uint32\": -1}", "Uint32");
	REFUSES("{\"Int64\": 9223372036854775808}", "Int64");
	REFUSES("{\"Int64\": -9223372036854775809}", "Int64");
	REFUSES("{\"Uint64\": 18446744073709551616}", "Uint64");
	REFUSES("{\"Uint64\": \"-1\"}", "Uint64");
	REFUSES("{\"Int32\": 1.5}", "Int32");
	REFUSES("{\"Int32\": 1e3}", "Int32");
	REFUSES("{\"Int32\": \"1.0\"}", "Int32");
	REFUSES("{\"Int32\": \"\"}", "Int32");
	REFUSES("{\"Int32\": \"-\"}", "Int32");
	REFUSES("{\"Int32\": \"01\"}", "Int32");
	REFUSES("{\"Int32\": \" 1\"}", "Int32");
	REFUSES("{\"Int32\": \"0x1\"}", "Int32");
	REFUSES("{\"Int32\": true}", "Int32");
	REFUSES("{\"Int32\": []}", "Int32");
	REFUSES("{\"Int32\": {}}", "Int32");
	test_end();

	test_begin("pb write: real numbers, truth, enums");
	WRITES("{\"Float\": 1.5}", "5d0000c03f");
	WRITES("{\"Double\": -2}", "6100000000000000c0");
	WRITES("{\"Double\": 1e3}", "610000000000408f40");
	WRITES("{\"Double\": \"-Infinity\"}", "61000000000000f0ff");
	WRITES("{\"Float\": \"Infinity\"}", "5d0000807f");
	REFUSES("{\"Float\": 3.5e38}", "Float");
	REFUSES("{\"Double\": 1e400}", "Double");
	REFUSES("{\"Double\": \"1\"}", "Double");
	WRITES("{\"Bool\": true}", "6801");
	WRITES("{\"Bool\": false}", "6800");
	REFUSES("{\"Bool\": 1}", "Bool");
	REFUSES("{\"Bool\": \"true\"}", "Bool");
	WRITES("{\"Color\": \"GREEN\"}", "7001");
	WRITES("{\"Color\": 5}", "7005");
	WRITES("{\"Color\": \"5\"}", "7005");
	WRITES("{\"Color\": \"UNKNOWN_COLOR\"}", "70ffffffffffffffffff01");
	WRITES("{\"Color\": -1}", "70ffffffffffffffffff01");
	REFUSES("{\"Color\": \"green\"}", "Color");
	REFUSES("{\"Color\": 4}", "Color");
	REFUSES("{\"Color\": 4294967297}", "Color");
	REFUSES("{\"Color\": \"RED\\u0000\"}", "Color");
	REFUSES("{\"Color\": {}}", "Color");
	CHECK_TEXT(written(KINDS, "{\"Color\": \"\"}"),
			   "Color: must be one of UNKNOWN_COLOR, RED, GREEN, BLUE");
	test_end();

	test_begin("pb write: text and bytes");
	WRITES("{\"String\": \"\"}", "7a00");
	WRITES("{\"String\": \"\\u00e9\\u0000\"}", "7a03c3a900");
	REFUSES("{\"String\": 1}", "String");
	WRITES("{\"Bytes\": \"\"}", "820100");
	WRITES("{\"Bytes\": \"AP8=\"}", "82010200ff");
	REFUSES("{\"Bytes\": \"AP8*\"}", "Bytes");
	REFUSES("{\"Bytes\": 1}", "Bytes");
	REFUSES("{\"Bytes\": {}}", "Bytes");
	REFUSES("{\"Bytes\": {\"part\": 1}}", "Bytes");
	test_end();

	test_begin("pb write: parts");
	nparts = 2;
	WRITES("{\"Bytes\": {\"part\": 1}, \"BytesList\": [{\"part\": 2}, {\"part\": 1}]}",
		   "8201036f6e65c20100c201036f6e65");
	REFUSES("{\"Bytes\": {\"part\": 1}}", "parts");
	REFUSES("{\"Bytes\": {\"part\": 0}}", "Bytes");
	REFUSES("{\"Bytes\": {\"part\": 3}}", "Bytes");
	REFUSES("{\"Bytes\": {\"part\": -1}}", "Bytes");
	REFUSES("{\"Bytes\": {\"part\": \"1\"}}", "Bytes");
	REFUSES("{\"Bytes\": {\"Part\": 1}}", "Bytes");
	REFUSES("{\"Bytes\": {\"part\": 1, \"x\": 1}}", "Bytes");
	REFUSES("{\"String\": {\"part\": 1}}", "String");

	/* As they are told. */
	WRITES("{\"BytesList\": [{\"part\": 2, \"bytes\": 0}, {\"part\": 1, \"bytes\": 3, "
		   "\"sha256\": "
		   "\"7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed\"}]}",
		   "c20100c201036f6e65");
	REFUSES("{\"Bytes\": {\"part\": 1, \"bytes\": 4}}", "Bytes");
	REFUSES("{\"Bytes\": {\"part\": 1, \"sha256\": \"7692\"}}", "Bytes");
	REFUSES("{\"Bytes\": {\"bytes\": 3}}", "Bytes");
	nparts = 3;
	REFUSES("{\"BytesList\": [{\"part\": 1}, {\"part\": 3}]}", "BytesList[1]");
	nparts = 0;
	test_end();
}

static void
test_structure(void)
{
	test_begin("pb write: lists");
	WRITES("{\"Int32s\": []}", "");
	WRITES("{\"Int32s\": [1, -1]}", "900101900"
									"1ffffffffffffffffff01");
	WRITES("{\"PackedSint64s\": []}", "");
	WRITES("{\"PackedSint64s\": [1, -1, 300]}", "9a01040201d804");
	WRITES("{\"PackedFixed32s\": [1, 2]}", "a201080100000002000000");
	WRITES("{\"PackedBools\": [true, false]}", "b201020100");
	WRITES("{\"Colors\": [\"BLUE\", 0]}", "a80105a80100");
	WRITES("{\"Strings\": [\"a\", \"\"]}", "ba010161ba0100");
	REFUSES("{\"Int32s\": 1}", "Int32s");
	REFUSES("{\"Int32s\": [1, null]}", "Int32s[1]");
	REFUSES("{\"Int32s\": [1, [2]]}", "Int32s[1]");
	REFUSES("{\"PackedSint64s\": [1, \"x\"]}", "PackedSint64s[1]");
	REFUSES("{\"Int32\": [1]}", "Int32");
	test_end();

	test_begin("pb write: messages in messages");
	WRITES("{\"Leaf\": {\"Name\": \"a\"}}", "8a01030a0161");
	WRITES("{\"Leaves\": [{\"Name\": \"\", \"Leaves\": [{\"Name\": \"b\"}]}]}",
		   "ca01070a001a030a0162");
	REFUSES("{\"Leaf\": {}}", "Leaf.Name");
	REFUSES("{\"Leaf\": {\"Name\": null}}", "Leaf.Name");
	REFUSES("{\"Leaf\": []}", "Leaf");
	REFUSES("{\"Leaf\": \"a\"}", "Leaf");
	REFUSES("{\"Leaves\": [{\"Name\": \"\"}, {\"Name\": \"\", \"Leaves\": [{\"Name\": "
			"\"\", \"Data\": \"?\"}]}]}",
			"Leaves[1].Leaves[0].Data");
	REFUSES("{\"Leaves\": [{\"Name\": \"\", \"Colour\": 1}]}", "Leaves[0].Colour");
	REFUSES("[]", "");
	REFUSES("\"x\"", "");
	test_end();

	test_begin("pb write: the order of fields is that of their numbers");
	WRITES("{\"snake_case_name\": \"z\", \"String\": \"s\", \"Int32\": 1}",
		   "08017a0173827d017a");
	test_end();

	test_begin("pb write: null is absent, a default is written");
	WRITES("{\"Int32\": null, \"Leaf\": null, \"Int32s\": null}", "");
	WRITES("{\"Bool\": true, \"Color\": \"BLUE\"}", "68017005");
	test_end();

	test_begin("pb write: names in both spellings");
	WRITES("{\"int32\": 1, \"bytesList\": [\"\"]}", "0801c20100");
	WRITES("{\"snakeCaseName\": \"z\"}", "827d017a");
	REFUSES("{\"SnakeCaseName\": \"z\"}", "SnakeCaseName");
	REFUSES("{\"snake_casename\": \"z\"}", "snake_casename");
	REFUSES("{\"INT32\": 1}", "INT32");
	REFUSES("{\"Int32\": 1, \"int32\": 1}", "int32");
	REFUSES("{\"Int32\": 1, \"Int32\": 1}", "Int32");
	REFUSES("{\"\": 1}", "");
	REFUSES("{\"Int32\\u0000\": 1}", "Int32");
	test_end();

	test_begin("pb write: one of a oneof");
	WRITES("{\"first_choice\": \"a\"}", "f2010161");
	WRITES("{\"second_choice\": 1, \"first_choice\": null}", "f80101");
	REFUSES("{\"second_choice\": 1, \"first_choice\": \"\"}", "second_choice");
	test_end();
}

static void
test_limits(void)
{
	test_begin("pb write: depth, values and size are bounded");
	limits.depth = 3;
	CHECK_TEXT(written(LEAF, "{\"Name\": \"\", \"Leaves\": [{\"Name\": \"\", \"Leaves\": "
							 "[{\"Name\": \"\"}]}]}"),
			   "0a001a060a001a020a00");
	check_refused(LEAF,
				  "{\"Name\": \"\", \"Leaves\": [{\"Name\": \"\", \"Leaves\": "
				  "[{\"Name\": \"\", \"Leaves\": [{\"Name\": \"\"}]}]}]}",
				  "Leaves[0].Leaves[0].Leaves[0]");
	limits = msgext_pb_usual;
	limits.values = 3;
	WRITES("{\"Int32s\": [1, 2, 3]}", "900101900102900103");
	REFUSES("{\"Int32s\": [1, 2, 3, 4]}", "Int32s[3]");
	limits = msgext_pb_usual;
	limits.size = 8;
	WRITES("{\"String\": \"abcdef\"}", "7a06616263646566");
	REFUSES("{\"String\": \"abcdefg\"}", "String");
	REFUSES("{\"Leaf\": {\"Name\": \"abcd\"}}", "Leaf");
	limits = msgext_pb_usual;
	test_end();
}

/* An arena that counts. */
typedef struct Counting
{
	MsgArena base;
	size_t total;
} Counting;

static void *
counting_alloc(MsgArena *arena, size_t size)
{
	((Counting *) arena)->total += size;
	return msgext_alloc(test_arena, size);
}

static void
test_large(void)
{
	static const char json[] = "{\"Bytes\": {\"part\": 1}}";
	size_t size = 50 * 1024 * 1024;
	Counting arena = {.base = {.alloc = counting_alloc}};
	MsgPart large = {calloc(1, size), size};
	MsgPayload payload = {.parts = &large, .nparts = 1};
	MsgError error = {.text = ""};
	MsgPart out = {NULL, 0};

	test_begin("pb write: a document of 50 MB is copied once");
	payload.message = sample_json(json, strlen(json));
	CHECK(msgext_pb_encode(&arena.base, KINDS, &payload, &limits, &out, &error));
	CHECK_TEXT(error.text, "");
	CHECK(out.len > size && out.len < size + 16);
	CHECK(arena.total < size + 64 * 1024);
	test_end();
	free((void *) large.bytes);
}

void
test_pb_write(void)
{
	limits = msgext_pb_usual;
	test_kinds();
	test_structure();
	test_limits();
	test_large();
}
