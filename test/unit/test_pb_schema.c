/*
 * test_pb_schema.c
 *		The converter against protoc, which knows the same schemas: what we write it
 *		reads, what it writes we read. Passed over, plainly, where there is no protoc.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/pb.h"
#include "sample.h"

#include "build/proto/diadoc/Events/DiadocMessage-GetApi.pb-c.h"
#include "build/proto/diadoc/Events/DiadocMessage-PostApi.pb-c.h"
#include "build/test/pb_kinds.pb-c.h"

#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)

typedef struct Schema
{
	const ProtobufCMessageDescriptor *type;
	const char *folder;
	const char *file;
	const char *name;
} Schema;

static const Schema kinds = {&msgext__test__kinds__descriptor, "test/unit",
							 "pb_kinds.proto", "msgext.test.Kinds"};
static const Schema post = {&diadoc__api__proto__events__message_to_post__descriptor,
							"proto", "diadoc/Events/DiadocMessage-PostApi.proto",
							"Diadoc.Api.Proto.Events.MessageToPost"};
static const Schema answer = {&diadoc__api__proto__events__message__descriptor, "proto",
							  "diadoc/Events/DiadocMessage-GetApi.proto",
							  "Diadoc.Api.Proto.Events.Message"};

/* Runs protoc on the bytes; false when it fails. */
static bool
run_protoc(const Schema *schema, const char *direction, const char *bytes, size_t len,
		   MsgBuf *out)
{
	char path[] = "/tmp/msgext-protoc-XXXXXX";
	char command[1024];
	char chunk[4096];
	size_t got;
	FILE *pipe;
	FILE *file;
	int fd = mkstemp(path);

	if (fd < 0 || (file = fdopen(fd, "wb")) == NULL)
		return false;
	fwrite(bytes, 1, len, file);
	fclose(file);
	snprintf(command, sizeof(command),
			 "protoc --proto_path=%s/%s --%s=%s %s/%s/%s < %s 2>/dev/null", test_root,
			 schema->folder, direction, schema->name, test_root, schema->folder,
			 schema->file, path);
	msgext_buf_init(out, test_arena, sizeof(chunk));
	pipe = popen(command, "r");
	while (pipe != NULL && (got = fread(chunk, 1, sizeof(chunk), pipe)) > 0)
		msgext_buf_append(out, chunk, got);
	unlink(path);
	return pipe != NULL && pclose(pipe) == 0;
}

/* JSON -> ours -> protoc's text -> protoc -> ours -> JSON, and the bytes agree. */
static void
check_round(const Schema *schema, const char *json)
{
	MsgPayload payload = {.message = sample_json(json, strlen(json))};
	MsgError error = {.text = ""};
	MsgJson *back;
	MsgPart ours;
	MsgBuf text;
	MsgBuf theirs;

	if (!msgext_pb_encode(test_arena, schema->type, &payload, &msgext_pb_usual, &ours,
						  &error))
		FAIL("refused: %s %s", error.path, error.text);
	else if (!run_protoc(schema, "decode", ours.bytes, ours.len, &text))
		FAIL("protoc cannot read what became of %s", json);
	else if (strstr(text.data, "\n1: ") != NULL || strncmp(text.data, "1: ", 3) == 0)
		FAIL("protoc does not know a field of %s", text.data);
	else if (!run_protoc(schema, "encode", text.data, text.len, &theirs))
		FAIL("protoc cannot write %s", text.data);
	else if (theirs.len != ours.len || memcmp(theirs.data, ours.bytes, ours.len) != 0)
		FAIL("protoc writes other bytes: %s", text.data);
	else if ((back = msgext_pb_decode(test_arena, schema->type, theirs.data, theirs.len,
									  NULL, &msgext_pb_usual, &error)) == NULL)
		FAIL("cannot be read: %s", error.text);
	else if (!sample_same(back, payload.message))
		FAIL("%s came back as %s", json, sample_text(back));
}

/* protoc's text -> protoc -> ours -> JSON. */
static void
check_read(const Schema *schema, const char *text, const char *json)
{
	MsgError error = {.text = ""};
	MsgBuf theirs;
	MsgJson *back;

	if (!run_protoc(schema, "encode", text, strlen(text), &theirs))
		FAIL("protoc cannot write %s", text);
	else if ((back = msgext_pb_decode(test_arena, schema->type, theirs.data, theirs.len,
									  NULL, &msgext_pb_usual, &error)) == NULL)
		FAIL("cannot be read: %s", error.text);
	else if (!sample_same(back, sample_json(json, strlen(json))))
		FAIL("%s, not %s", sample_text(back), json);
}

static void
test_kinds(void)
{
	check_round(&kinds, "{}");
	check_round(&kinds,
				"{\"Int32\": -5, \"Sint32\": -2147483648, \"Sfixed32\": -1, \"Uint32\": "
				"4294967295, \"Fixed32\": 7, \"Int64\": \"-9223372036854775808\", "
				"\"Sint64\": \"9223372036854775807\", \"Sfixed64\": \"-2\", \"Uint64\": "
				"\"18446744073709551615\", \"Fixed64\": \"1\", \"Float\": 0.5, "
				"\"Double\": 1234.5678, \"Bool\": false, \"Color\": \"UNKNOWN_COLOR\"}");
	check_round(
		&kinds,
		"{\"String\": \"\\u043f\\u0440\\\"\\n\", \"Bytes\": \"AAEC/w==\", "
		"\"Leaf\": {\"Name\": \"\", \"Data\": \"\"}, \"Int32s\": [0, -1], "
		"\"PackedSint64s\": [\"0\", \"-300\"], \"PackedFixed32s\": [1], "
		"\"Colors\": [\"RED\", \"BLUE\"], \"PackedBools\": [true, false], "
		"\"Strings\": [\"\", \"a\"], \"BytesList\": [\"\", \"AA==\"], \"Leaves\": "
		"[{\"Name\": \"a\", \"Leaves\": [{\"Name\": \"b\"}, {\"Name\": \"c\"}]}], "
		"\"Doubles\": [0.1, -1e+300], \"second_choice\": 0, \"snake_case_name\": "
		"\"s\"}");
	check_read(&kinds, "Double: inf Float: nan Color: GREEN first_choice: \"x\"",
			   "{\"Double\": \"Infinity\", \"Float\": \"NaN\", \"Color\": \"GREEN\", "
			   "\"first_choice\": \"x\"}");
}

static void
test_diadoc(void)
{
	check_round(
		&post,
		"{\"FromBoxId\": \"a\", \"ToBoxId\": \"\", \"StructuredDataAttachments\": "
		"[{\"Content\": \"AA==\", \"FileName\": \"f\", "
		"\"ParentCustomDocumentId\": \"1\"}], \"IsDraft\": false, "
		"\"DocumentAttachments\": [{\"SignedContent\": {\"Content\": \"\", "
		"\"PowerOfAttorney\": {\"UseDefault\": false, \"Contents\": [{\"Content\": "
		"{\"NameOnShelf\": \"n\"}, \"Signature\": {\"PatchedContentId\": \"p\"}}], "
		"\"UseDocumentContent\": false}}, \"InitialDocumentIds\": [{\"MessageId\": "
		"\"\", \"EntityId\": \"1\"}], \"TypeNamedId\": \"t\", \"WorkflowId\": -1, "
		"\"ParticipantRoles\": [{\"BoxId\": \"b\", \"Role\": \"n:r\"}]}], "
		"\"LockMode\": \"Send\"}");
	check_read(
		&answer,
		"MessageId: \"m\" TimestampTicks: 1 LastPatchTimestampTicks: 2 FromBoxId: "
		"\"b\" FromTitle: \"t\" LockMode: None MessageType: Letter Entities { "
		"EntityId: \"e\" AttachmentType: UnknownAttachmentType Content { Size: -1 } "
		"ResolutionInfo { Author: \"a\" } UniversalMessageInfo { UniversalMessageCreator "
		"{ BoxId: "
		"\"b\" DepartmentId: \"d\" } } Labels: \"l\" }",
		"{\"MessageId\": \"m\", \"TimestampTicks\": \"1\", "
		"\"LastPatchTimestampTicks\": \"2\", \"FromBoxId\": \"b\", \"FromTitle\": "
		"\"t\", \"LockMode\": \"None\", \"MessageType\": \"Letter\", \"Entities\": "
		"[{\"EntityId\": \"e\", \"AttachmentType\": \"UnknownAttachmentType\", "
		"\"Content\": {\"Size\": -1}, \"ResolutionInfo\": {\"Author\": \"a\"}, "
		"\"UniversalMessageInfo\": {\"UniversalMessageCreator\": {\"BoxId\": \"b\", "
		"\"DepartmentId\": \"d\"}}, \"Labels\": [\"l\"]}]}");
}

void
test_pb_schema(void)
{
	if (system("protoc --version >/dev/null 2>&1") != 0)
	{
		test_begin("pb schema: the same as protoc # SKIP there is no protoc");
		test_end();
		return;
	}
	test_begin("pb schema: every kind of field is to protoc what it is to us");
	test_kinds();
	test_end();

	test_begin("pb schema: so are the messages of Diadoc");
	test_diadoc();
	test_end();
}
