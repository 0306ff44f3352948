/*
 * fuzz_codec.c
 *		One libFuzzer target for every codec, and for the JSON and XML readers and the
 *		protobuf converter under them.
 *
 * The first byte of an input picks the provider, the second the entry, the third the
 * HTTP status of an answer; the rest is what the entry reads. seeds.sh makes inputs of
 * the samples; those that once crashed stay in corpus/ for ever. Called with --hostile
 * and a folder, it writes bodies that are made to take long there, as inputs.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/ascii.h"
#include "core/describe.h"
#include "core/http_text.h"
#include "core/pb.h"
#include "core/provider_list.h"
#include "core/xml.h"

#include "build/test/pb_kinds.pb-c.h"
#include "unit/hostile.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern int LLVMFuzzerInitialize(int *argc, char ***argv);

typedef enum Entry
{
	ENTRY_JSON,
	ENTRY_PREPARE,
	ENTRY_SEND,
	ENTRY_STATUS,
	ENTRY_CALLBACK,
	ENTRY_LOGIN,
	ENTRY_PB_READ,
	ENTRY_PB_WRITE,
	ENTRY_XML,
	ENTRY_DESCRIBE,
	ENTRY_COUNT
} Entry;

static const int statuses[] = {200, 201, 301, 302, 400, 401, 402, 403,
							   404, 408, 429, 500, 502, 503, 504};

/* Every provider finds some of its credentials here, and passes over the rest. */
static const MsgSetting settings[] = {{"login", "tester"},
									  {"password", "111111"},
									  {"token", "t"},
									  {"api_client_id", "c"},
									  {"client_id", "c"},
									  {"client_secret", "s"},
									  {"refresh_token", "r"},
									  {"signature", "standard"},
									  {"signing_secret", "c2VjcmV0"},
									  {"headers", "{\"X-A\": \"b\"}"},
									  {"path", "/a/?b=c"},
									  {NULL, NULL}};

/* The same, for messages that are events, and pushes that nobody has signed. */
static const MsgSetting event_settings[] = {{"login", "tester"},
											{"password", "111111"},
											{"token", "t"},
											{"signature", "none"},
											{"format", "cloudevents-binary"},
											{"callback_signature", "none"},
											{NULL, NULL}};

/* Those of an account that logs in, by either way. */
static const MsgSetting oidc_settings[] = {
	{"client_id", "c"}, {"client_secret", "s"}, {"refresh_token", "r"}, {NULL, NULL}};
static const MsgSetting password_settings[] = {
	{"login", "tester"}, {"password", "111111"}, {"api_client_id", "c"}, {NULL, NULL}};

/* The most messages of a request; a provider of one has the first of the jobs. */
#define JOBS 3

static const char detail[] =
	"{\"box\": \"b\", \"documents\": [{\"entity_id\": \"e\"}], \"sending\": {\"round\": "
	"1},"
	" \"targets\": {\"https://a.test/\": {\"state\": \"waiting\", \"tries\": 1},"
	" \"https://b.test/\": {\"state\": \"delivered\"}}}";

static void
require(bool condition)
{
	if (!condition)
		abort();
}

/* What was read and written once reads and writes the same again. */
static void
run_json(MsgArena *arena, const char *bytes, size_t len)
{
	MsgJsonLimits limits = msgext_json_strict;
	MsgError error;
	MsgBuf first;
	MsgBuf second;
	MsgJson *node;

	limits.trailing_commas = len % 2 == 1;
	node = msgext_json_parse(arena, bytes, len, &limits, &error);
	if (node == NULL)
	{
		require(error.offset <= len);
		return;
	}
	msgext_buf_init(&first, arena, len);
	msgext_json_write(&first, node);

	/* A control character takes up to six times its room. */
	limits = msgext_json_strict;
	limits.size *= 6;
	node = msgext_json_parse(arena, first.data, first.len, &limits, &error);
	require(node != NULL);
	msgext_buf_init(&second, arena, first.len);
	msgext_json_write(&second, node);
	require(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
}

static void
require_same_xml(const MsgXml *a, const MsgXml *b)
{
	const MsgXmlAttribute *left = a->attributes;
	const MsgXmlAttribute *right = b->attributes;
	const MsgXml *child;

	require(strcmp(a->name, b->name) == 0 && strcmp(a->text, b->text) == 0);
	for (; left != NULL && right != NULL; left = left->next, right = right->next)
		require(strcmp(left->name, right->name) == 0 &&
				strcmp(left->value, right->value) == 0);
	require(left == right && a->count == b->count);
	for (child = a->first, b = b->first; child != NULL; child = child->next, b = b->next)
		require_same_xml(child, b);
}

/* Every element stands where the reader says: there it is read as the same again. */
static void
run_xml(MsgArena *arena, const char *bytes, size_t len)
{
	MsgError error = {.text = ""};
	const MsgXml *root = msgext_xml_parse(arena, bytes, len, &msgext_xml_usual, &error);
	const MsgXml *child;
	int n = 0;

	if (root == NULL)
	{
		require(error.text[0] != '\0' && error.offset <= len);
		return;
	}
	for (child = root; child != NULL && n < 16; n++)
	{
		const MsgXml *again;

		require(child->start < child->end && child->end <= len);
		again = msgext_xml_parse(arena, bytes + child->start, child->end - child->start,
								 &msgext_xml_usual, &error);
		require(again != NULL);
		require_same_xml(child, again);
		child = child == root ? root->first : child->next;
	}
}

static void
run_prepare(MsgArena *arena, const MsgProvider *provider, const MsgConn *conn,
			MsgJob *job, const char *bytes, size_t len)
{
	MsgPayload payload = {.id = 1, .created_us = INT64_C(1540555200000000)};
	MsgFragment fragment;
	MsgRequest request;
	MsgError error = {.code = ""};
	int i;

	payload.message = msgext_json_parse(arena, bytes, len, &msgext_json_strict, &error);
	if (payload.message == NULL)
		return;
	if (!provider->prepare(arena, conn, &payload, &fragment, &error))
	{
		require(error.text[0] != '\0');
		return;
	}
	require(msgext_describe(provider, arena, fragment.bytes, fragment.len)->type ==
			MSG_JSON_OBJECT);
	job->fragment = fragment.bytes;
	job->fragment_len = fragment.len;
	if (fragment.key != NULL)
		job->key = fragment.key;
	require(provider->encode_send(arena, conn, job, 1, &request, &error));
	require(request.nheaders <= MSG_REQUEST_HEADERS);
	require(strncmp(request.url, conn->url, strlen(conn->url)) == 0);
	require(strpbrk(request.url, "\r\n \"#") == NULL);
	for (i = 0; i < request.nheaders; i++)
		require(strpbrk(request.headers[i], "\r\n") == NULL &&
				strchr(request.headers[i], ':') != NULL);
}

static void
check_events(const MsgEvent *event, const char *bytes, size_t len)
{
	for (; event != NULL; event = event->next)
	{
		require(event->provider_id != NULL && event->status != NULL);
		require(event->state < MSG_STATE_COUNT);
		require(event->raw == NULL ||
				(event->raw >= bytes && event->raw + event->raw_len <= bytes + len));
	}
}

static void
check_outcome(const MsgProvider *provider, bool status, const MsgOutcome *outcome,
			  const MsgReply *reply)
{
	const char *end = reply->body + reply->body_len;

	/* Who knows a repeat by our key need not tell an id to have accepted. */
	require(outcome->verdict != MSG_VERDICT_ACCEPTED ||
			(!status &&
			 (outcome->provider_id != NULL || (provider->caps & MSG_CAN_DEDUP) != 0)));
	require(outcome->raw == NULL ||
			(outcome->raw >= reply->body && outcome->raw + outcome->raw_len <= end));
	if (outcome->verdict == MSG_VERDICT_PROGRESS)
		check_events(outcome->events, reply->body, reply->body_len);
}

static void
run_answer(MsgArena *arena, const MsgProvider *provider, const MsgConn *conn,
		   const MsgJob *jobs, bool status, const MsgReply *reply)
{
	MsgOutcome outcomes[JOBS];
	MsgError error = {.code = ""};
	int n = provider->max_batch < JOBS ? provider->max_batch : JOBS;
	bool read =
		status ? provider->decode_status(arena, conn, reply, jobs, n, outcomes, &error)
			   : provider->decode_send(arena, conn, reply, jobs, n, outcomes, &error);

	if (!read)
	{
		require(error.text[0] != '\0');
		return;
	}
	while (n-- > 0)
		check_outcome(provider, status, &outcomes[n], reply);
}

/* As an object they are bounded, whatever they are. */
static void
check_headers(MsgArena *arena, const char *lines)
{
	const size_t max = 8192;
	const MsgJson *header = msgext_headers_json(arena, lines, max)->first;
	size_t sum = 0;

	for (; header != NULL; header = header->next)
	{
		sum += header->name_len + header->len;
		require(msgext_ascii_is_token(header->name, header->name_len));
		require(strpbrk(header->text, "\n") == NULL);
	}
	require(sum <= 2 * max);
}

static void
run_callback(MsgArena *arena, const MsgProvider *provider, const MsgConn *conn,
			 const char *bytes, size_t len)
{
	static const char *const secrets[] = {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", NULL};
	MsgInbound inbound = {.body = bytes, .body_len = len};
	MsgError error = {.code = ""};
	MsgPushed pushed = {0};

	/* The input's own text stands for the header fields too. */
	inbound.headers = msgext_strndup(arena, bytes, len);
	inbound.now_us = INT64_C(1614265330000000);
	inbound.window_us = INT64_C(300000000);
	inbound.secrets = secrets;

	if (provider->parse_callback(arena, conn, &inbound, &pushed, &error))
	{
		check_events(pushed.events, bytes, len);
		require(pushed.inbox_id == NULL || pushed.inbox_id[0] != '\0');
		require(pushed.inbox_type == NULL || pushed.inbox_id != NULL);
	}
	else
		require(error.text[0] != '\0');
	check_headers(arena, inbound.headers);
}

static void
run_login(MsgArena *arena, const MsgProvider *provider, const MsgConn *conn,
		  const MsgReply *reply)
{
	MsgLogin login;
	MsgError error = {.code = ""};

	if (!provider->decode_login(arena, conn, reply, &login, &error))
		require(error.text[0] != '\0');
	else
		require(login.verdict != MSG_VERDICT_ACCEPTED || login.session.token != NULL);
}

static bool
pb_write(MsgArena *arena, const MsgJson *json, MsgPart *out)
{
	static const MsgPart parts[] = {{"part", 4}};
	MsgPayload payload = {.message = json, .parts = parts, .nparts = 0};
	MsgError error = {.text = ""};

	if (msgext_pb_encode(arena, &msgext__test__kinds__descriptor, &payload,
						 &msgext_pb_usual, out, &error))
		return true;
	require(error.text[0] != '\0');
	payload.nparts = 1;
	return msgext_pb_encode(arena, &msgext__test__kinds__descriptor, &payload,
							&msgext_pb_usual, out, &error);
}

static const MsgJson *
pb_read(MsgArena *arena, const char *bytes, size_t len)
{
	MsgError error = {.text = ""};
	const MsgJson *json = msgext_pb_decode(arena, &msgext__test__kinds__descriptor, bytes,
										   len, NULL, &msgext_pb_usual, &error);

	require(json != NULL || error.text[0] != '\0');
	return json;
}

/* What can be written can be read, and is written the same again. */
static void
run_pb_write(MsgArena *arena, const char *bytes, size_t len)
{
	MsgError error;
	const MsgJson *json =
		msgext_json_parse(arena, bytes, len, &msgext_json_strict, &error);
	MsgPart first;
	MsgPart second;

	if (json == NULL || !pb_write(arena, json, &first))
		return;
	json = pb_read(arena, first.bytes, first.len);
	require(json != NULL && pb_write(arena, json, &second));
	require(first.len == second.len && memcmp(first.bytes, second.bytes, first.len) == 0);
}

/* What can be read may still lack what must be there; if not, the same holds. */
static void
run_pb_read(MsgArena *arena, const char *bytes, size_t len)
{
	const MsgJson *json = pb_read(arena, bytes, len);
	MsgPart first;
	MsgPart second;

	if (json == NULL || !pb_write(arena, json, &first))
		return;
	json = pb_read(arena, first.bytes, first.len);
	require(json != NULL && pb_write(arena, json, &second));
	require(first.len == second.len && memcmp(first.bytes, second.bytes, first.len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *) data + (size < 3 ? size : 3);
	size_t len = size < 3 ? 0 : size - 3;
	MsgConn conn = {.server = "fuzz", .url = "https://example.com", .settings = settings};
	MsgJob jobs[JOBS] = {
		{.id = 1, .attempt = 1, .key = "1", .provider_id = "101"},
		{.id = 2, .attempt = 2, .key = "2", .provider_id = "102", .maybe_sent = true},
		{.id = 3, .attempt = 1, .key = "3", .provider_id = "103"}};
	MsgReply reply = {
		.headers = "", .retry_after_ms = -1, .now_us = INT64_C(1540555200000000)};
	const MsgProvider *provider;
	MsgArena *arena;
	MsgError error;
	int providers = 0;

	if (size < 3)
		return 0;
	while (msgext_providers[providers] != NULL)
		providers++;
	provider = msgext_providers[data[0] % providers];
	conn.options = provider->options;
	reply.status = statuses[data[2] % (sizeof(statuses) / sizeof(statuses[0]))];
	reply.body = bytes;
	reply.body_len = len;

	if (len % 3 == 2)
		conn.settings = event_settings;
	arena = msgext_arena_std_create();
	switch ((Entry) (data[1] % ENTRY_COUNT))
	{
		case ENTRY_JSON:
			run_json(arena, bytes, len);
			break;
		case ENTRY_PREPARE:
			run_prepare(arena, provider, &conn, &jobs[0], bytes, len);
			break;
		case ENTRY_SEND:
			if (len % 2 == 1)
				jobs[0].detail = msgext_json_parse(arena, detail, strlen(detail),
												   &msgext_json_strict, &error);
			run_answer(arena, provider, &conn, jobs, false, &reply);
			break;
		case ENTRY_STATUS:
			/* With nothing noted of the message, and with one document. */
			if (len % 2 == 1)
				jobs[0].detail = msgext_json_parse(arena, detail, strlen(detail),
												   &msgext_json_strict, &error);
			if ((provider->caps & MSG_CAN_POLL) != 0)
				run_answer(arena, provider, &conn, jobs, true, &reply);
			break;
		case ENTRY_CALLBACK:
			if ((provider->caps & MSG_CAN_CALLBACK) != 0)
				run_callback(arena, provider, &conn, bytes, len);
			break;
		case ENTRY_LOGIN:
			conn.settings = len % 2 == 1 ? password_settings : oidc_settings;
			if ((provider->caps & MSG_CAN_LOGIN) != 0)
				run_login(arena, provider, &conn, &reply);
			break;
		case ENTRY_PB_READ:
			run_pb_read(arena, bytes, len);
			break;
		case ENTRY_PB_WRITE:
			run_pb_write(arena, bytes, len);
			break;
		case ENTRY_XML:
			run_xml(arena, bytes, len);
			break;
		case ENTRY_DESCRIBE:
			require(msgext_describe(provider, arena, bytes, len)->type ==
					MSG_JSON_OBJECT);
			break;
		case ENTRY_COUNT:
			break;
	}
	msgext_arena_std_destroy(arena);
	return 0;
}

/* Enough to start from; unit/test_hostile.c has the longest that are accepted. */
#define HOSTILE_SIZE 16384

static void
write_input(const char *folder, const char *format, int body, int provider, Entry entry,
			const MsgBuf *text)
{
	char path[1024];
	FILE *file;

	snprintf(path, sizeof(path), "%s/hostile-%s-%d-%d-%d", folder, format, body, provider,
			 entry);
	file = fopen(path, "wb");
	require(file != NULL);
	fprintf(file, "%c%c%c", provider, entry, 0);
	require(fwrite(text->data, 1, text->len, file) == text->len && fclose(file) == 0);
}

/* The bodies of a format, for its own reader and for every entry of one provider. */
static void
write_hostile(const char *folder, const char *format, const HostileBody *bodies,
			  Entry reader, const char *name)
{
	static const Entry entries[] = {ENTRY_PREPARE, ENTRY_SEND, ENTRY_STATUS,
									ENTRY_CALLBACK, ENTRY_LOGIN};
	int provider = 0;
	int i;
	size_t n;

	while (strcmp(msgext_providers[provider]->name, name) != 0)
		provider++;
	for (i = 0; bodies[i].name != NULL; i++)
	{
		MsgArena *arena = msgext_arena_std_create();
		MsgBuf text = hostile_text(arena, &bodies[i], HOSTILE_SIZE - 3);

		write_input(folder, format, i, provider, reader, &text);
		for (n = 0; n < sizeof(entries) / sizeof(entries[0]); n++)
			write_input(folder, format, i, provider, entries[n], &text);
		msgext_arena_std_destroy(arena);
	}
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *folder;

	if (*argc != 3 || strcmp((*argv)[1], "--hostile") != 0)
		return 0;
	folder = (*argv)[2];
	write_hostile(folder, "xml", hostile_xml, ENTRY_XML, "edna");
	write_hostile(folder, "json", hostile_json, ENTRY_JSON, "devino");
	write_hostile(folder, "json", hostile_json, ENTRY_JSON, "personium");
	write_hostile(folder, "json", hostile_json, ENTRY_JSON, "webhook");
	write_hostile(folder, "pb", hostile_pb, ENTRY_PB_READ, "diadoc");
	exit(0);
}
