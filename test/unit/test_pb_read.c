/*
 * test_pb_read.c
 *		Protobuf to JSON: every kind of field, what is forgiven, what is not, and damage.
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "core/lengthof.h"
#include "core/pb.h"
#include "core/pb_wire.h"
#include "sample.h"

#include "build/test/pb_kinds.pb-c.h"

#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)
#define KINDS (&msgext__test__kinds__descriptor)
#define LEAF (&msgext__test__leaf__descriptor)

static MsgPbLimits limits;
static const char *const *keep;

static int
hex_digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* The JSON of the message given in hexadecimal, or NULL. */
static const char *
read_hex(const ProtobufCMessageDescriptor *type, const char *hex)
{
	size_t len = strlen(hex) / 2;
	char *bytes = malloc(len > 0 ? len : 1);
	MsgError error = {.text = ""};
	MsgJson *json;
	const char *text = NULL;
	size_t i;

	for (i = 0; i < len; i++)
		bytes[i] = (char) (hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
	json = msgext_pb_decode(test_arena, type, bytes, len, keep, &limits, &error);
	if (json != NULL)
		text = sample_text(json);
	else
		CHECK(error.text[0] != '\0');
	free(bytes);
	return text;
}

#define READS(hex, json) CHECK_TEXT(read_hex(KINDS, hex), json)

static void
test_kinds(void)
{
	test_begin("pb read: every kind of field");
	READS("", "{}");
	READS("08ffffffffffffffffff01", "{\"Int32\":-1}");
	READS("08ffffffff0f", "{\"Int32\":-1}"); /* as careless writers have it */
	READS("10ffffffff0f", "{\"Sint32\":-2147483648}");
	READS("1dfeffffff", "{\"Sfixed32\":-2}");
	READS("20ffffffff0f", "{\"Uint32\":4294967295}");
	READS("2d01000000", "{\"Fixed32\":1}");
	READS("3080808080808080808001", "{\"Int64\":\"-9223372036854775808\"}");
	READS("38ffffffffffffffffff01", "{\"Sint64\":\"-9223372036854775808\"}");
	READS("41ffffffffffffffff", "{\"Sfixed64\":\"-1\"}");
	READS("48ffffffffffffffffff01", "{\"Uint64\":\"18446744073709551615\"}");
	READS("51ffffffffffffffff", "{\"Fixed64\":\"18446744073709551615\"}");
	READS("5d0000c03f", "{\"Float\":1.5}");
	READS("5dcdcccc3d", "{\"Float\":0.1}");
	READS("619a9999999999b93f", "{\"Double\":0.1}");
	READS("61555555555555d53f", "{\"Double\":0.3333333333333333}");
	READS("61000000000000f07f", "{\"Double\":\"Infinity\"}");
	READS("61000000000000f0ff", "{\"Double\":\"-Infinity\"}");
	READS("61000000000000f87f", "{\"Double\":\"NaN\"}");
	READS("6802", "{\"Bool\":true}");
	READS("7001", "{\"Color\":\"GREEN\"}");
	READS("7a03c3a900", "{\"String\":\"\xC3\xA9\\u0000\"}");
	READS("82010200ff", "{\"Bytes\":\"AP8=\"}");
	READS("8a01030a0161", "{\"Leaf\":{\"Name\":\"a\"}}");
	READS("900101900102", "{\"Int32s\":[1,2]}");
	READS("9a01040201d804", "{\"PackedSint64s\":[\"1\",\"-1\",\"300\"]}");
	READS("a201080100000002000000", "{\"PackedFixed32s\":[1,2]}");
	READS("ca01070a001a030a0162",
		  "{\"Leaves\":[{\"Name\":\"\",\"Leaves\":[{\"Name\":\"b\"}]}]}");
	READS("827d017a", "{\"snake_case_name\":\"z\"}");
	test_end();

	test_begin("pb read: packed or not, as it comes");
	READS("9201020102", "{\"Int32s\":[1,2]}");
	READS("98010298010198"
		  "01d804",
		  "{\"PackedSint64s\":[\"1\",\"-1\",\"300\"]}");
	READS("9001019201020203900104", "{\"Int32s\":[1,2,3,4]}");
	READS("9a0100", "{}");
	READS("9a01020280", "{\"PackedSint64s\":[\"1\"]}"); /* cut within */
	test_end();
}

static void
test_leniency(void)
{
	static const char *const names[] = {"Int32", "Leaf.Name", "Leaves.Leaves", NULL};

	test_begin("pb read: unknown fields of every wire type are passed over");
	READS("f0bd0401"
		  "0807",
		  "{\"Int32\":7}");
	READS("f1bd040102030405060708"
		  "0807",
		  "{\"Int32\":7}");
	READS("f2bd0403414243"
		  "0807",
		  "{\"Int32\":7}");
	READS("f5bd0401020304"
		  "0807",
		  "{\"Int32\":7}");
	READS("0807"
		  "c30208"
		  "011a0161c402",
		  "{\"Int32\":7}"); /* group 40 */
	READS("c302"
		  "cb02"
		  "0801"
		  "cc02"
		  "c402"
		  "0807",
		  "{\"Int32\":7}");
	test_end();

	test_begin("pb read: a known number with another wire type is another field");
	READS("0a0161"
		  "1001",
		  "{\"Sint32\":-1}");
	READS("7801"
		  "1001",
		  "{\"Sint32\":-1}");
	READS("8801"
		  "01"
		  "1001",
		  "{\"Sint32\":-1}");
	READS("0d01020304"
		  "1001",
		  "{\"Sint32\":-1}");
	test_end();

	test_begin("pb read: an unknown value of an enum is a number");
	READS("7004", "{\"Color\":4}");
	READS("70feffffffffffffffff01", "{\"Color\":-2}");
	READS("a80105a80107", "{\"Colors\":[\"BLUE\",7]}");
	test_end();

	test_begin("pb read: missing required fields, repetitions, any order");
	READS("8a0100", "{\"Leaf\":{}}");
	READS("08010802", "{\"Int32\":2}");
	READS("7a01610801", "{\"String\":\"a\",\"Int32\":1}");
	READS("8a01030a01618a0103120162", "{\"Leaf\":{\"Name\":\"a\",\"Data\":\"Yg==\"}}");
	READS("f2010161f80101", "{\"first_choice\":\"a\",\"second_choice\":1}");
	test_end();

	test_begin("pb read: text that is none");
	READS("7a0461ff62c3", "{\"String\":\"a\xEF\xBF\xBD"
						  "b\xEF\xBF\xBD\"}");
	test_end();

	test_begin("pb read: a nested message that cannot be read costs itself only");
	READS("8a0102ffff0801", "{\"Int32\":1}");
	READS("8a01030a05610801", "{\"Int32\":1}");
	READS("ca01030a0161ca01020a05ca01030a0162",
		  "{\"Leaves\":[{\"Name\":\"a\"},{\"Name\":\"b\"}]}");
	test_end();

	test_begin("pb read: what is no protobuf");
	READS("08", NULL);
	READS("0880", NULL);
	READS("08ffffffffffffffffffff01", NULL);
	READS("0001", NULL);
	READS("0e", NULL);
	READS("0f", NULL);
	READS("7a0261", NULL);
	READS("7affffffffffffffffff0161", NULL);
	READS("7affffffff0f61", NULL);
	READS("1d010203", NULL);
	READS("4101020304050607", NULL);
	READS("c302", NULL);
	READS("c30208", NULL);
	READS("c402", NULL);
	READS("c302cc02", NULL);
	READS("c3020801", NULL);
	READS("3c68746d6c3e", NULL); /* <html> */
	test_end();

	test_begin("pb read: only what is wanted");
	keep = names;
	READS("08011001"
		  "8a01060a0161120162"
		  "ca01070a001a030a0162"
		  "7a0161",
		  "{\"Int32\":1,\"Leaf\":{\"Name\":\"a\"},"
		  "\"Leaves\":[{\"Leaves\":[{\"Name\":\"b\"}]}]}");
	keep = NULL;
	test_end();
}

static void
test_limits(void)
{
	MsgBuf hex;
	int i;

	test_begin("pb read: depth, values and size are bounded");
	limits.depth = 2;
	CHECK_TEXT(read_hex(LEAF, "0a00"
							  "1a060a001a020a00"),
			   "{\"Name\":\"\",\"Leaves\":[{\"Name\":\"\"}]}");
	limits = msgext_pb_usual;
	limits.values = 3;
	READS("08011001", "{\"Int32\":1,\"Sint32\":-1}");
	READS("0801"
		  "100118012000",
		  "{\"Int32\":1,\"Sint32\":-1,\"Uint32\":0}");
	READS("080110012000"
		  "3001",
		  NULL);
	READS("9201080101010101010101", NULL);
	READS("ca0100"
		  "ca0100"
		  "ca0100",
		  NULL);
	limits = msgext_pb_usual;
	limits.size = 3;
	READS("7a0161", "{\"String\":\"a\"}");
	READS("7a026161", NULL);
	limits = msgext_pb_usual;

	/* Groups within groups without an end. */
	msgext_buf_init(&hex, test_arena, 4000);
	for (i = 0; i < 1000; i++)
		msgext_buf_puts(&hex, "c302");
	READS(hex.data, NULL);
	test_end();
}

/* Each in a block of exactly its size, so that a memory checker sees every overrun. */
static void
feed(const char *bytes, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);
	MsgArena *arena = msgext_arena_std_create();
	MsgError error;
	MsgJson *json;
	MsgBuf text;

	memcpy(copy, bytes, len);
	json = msgext_pb_decode(arena, KINDS, copy, len, NULL, &limits, &error);
	free(copy);
	if (json != NULL)
	{
		msgext_buf_init(&text, arena, 64);
		msgext_json_write(&text, json);
		CHECK(msgext_json_parse(arena, text.data, text.len, &msgext_json_strict,
								&error) != NULL);
	}
	msgext_arena_std_destroy(arena);
}

static void
test_damage(void)
{
	static const char json[] =
		"{\"Int32\": -5, \"Fixed64\": \"77\", \"Double\": 0.25, \"String\": \"text\", "
		"\"Bytes\": \"AAECAw==\", \"Leaf\": {\"Name\": \"n\", \"Leaves\": [{\"Name\": "
		"\"inner\", \"Data\": \"/w==\"}]}, \"PackedSint64s\": [1, -2, 300], \"Leaves\": "
		"[{\"Name\": \"a\"}, {\"Name\": \"b\"}], \"snake_case_name\": \"s\"}";
	MsgPayload payload = {.message = NULL};
	MsgError error = {.text = ""};
	MsgPart whole = {NULL, 0};
	char bytes[256];
	uint32_t random = 7;
	size_t i;
	int bit;
	int n;

	test_begin("pb read: cut at every byte, every bit turned, lengths that lie, noise");
	payload.message = sample_json(json, strlen(json));
	CHECK(msgext_pb_encode(test_arena, KINDS, &payload, &limits, &whole, &error));
	CHECK(whole.len < sizeof(bytes));
	for (i = 0; i <= whole.len; i++)
		feed(whole.bytes, i);
	for (i = 0; i < whole.len; i++)
	{
		memcpy(bytes, whole.bytes, whole.len);
		for (bit = 0; bit < 8; bit++)
		{
			bytes[i] = (char) (whole.bytes[i] ^ 1 << bit);
			feed(bytes, whole.len);
		}
		bytes[i] = (char) 0xFF;
		feed(bytes, whole.len);
		bytes[i] = 0x7F;
		feed(bytes, whole.len);
	}
	for (n = 0; n < 20000; n++)
	{
		size_t len = test_random(&random) % 64;

		for (i = 0; i < len; i++)
			bytes[i] = (char) test_random(&random);
		feed(bytes, len);
	}
	test_end();
}

static void
test_wire(void)
{
	static const uint64_t values[] = {0,	 1,			 127,		128,	   16383,
									  16384, UINT32_MAX, INT64_MAX, UINT64_MAX};
	char bytes[16];
	size_t i;

	test_begin("pb wire: varints come back, and are as long as was said");
	for (i = 0; i < lengthof(values); i++)
	{
		char *end = msgext_pb_put_varint(bytes, values[i]);
		PbWire wire = {.at = bytes, .end = end};
		uint64_t value = 0;

		CHECK_INT(end - bytes, (int64_t) msgext_pb_varint_size(values[i]));
		CHECK(msgext_pb_read_varint(&wire, &value));
		CHECK(value == values[i] && wire.at == end);
	}
	test_end();
}

void
test_pb_read(void)
{
	limits = msgext_pb_usual;
	test_wire();
	test_kinds();
	test_leniency();
	test_limits();
	test_damage();
}
