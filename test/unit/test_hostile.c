/*
 * test_hostile.c
 *		Bodies that are made to take long: the largest that a reader accepts, of each
 *		format, through every entry of every codec. Each takes less than a second of the
 *		processor, and here, under the sanitizers, less than three.
 *
 * What they make of such a body does not matter here, only that they come to an end.
 */
#include "hostile.h"
#include "test.h"

#include <string.h>
#include <time.h>

#include "core/lengthof.h"
#include "core/pb.h"
#include "core/provider_list.h"
#include "core/xml.h"

#define XML_SIZE (1024 * 1024)
#define JSON_STRICT_SIZE (1024 * 1024)
#define JSON_SIZE (8 * 1024 * 1024)
#define PB_SIZE (4 * 1024 * 1024)

/* Of the processor, not of the clock on the wall: the machine may be busy. */
#define SECONDS_MAX 3.0

#define JOBS 3

static const char detail_text[] =
	"{\"box\": \"b\", \"documents\": [{\"entity_id\": \"e\"}, {\"entity_id\": \"f\"}]}";

/* A message to as many targets as it may have. */
static const char *
personium_fragment(void)
{
	MsgBuf text;
	int i;

	msgext_buf_init(&text, test_arena, 65536);
	msgext_buf_puts(&text, "{\"Body\":\"x\",\"To\":\"https://a.test/");
	for (i = 1; i < 1000; i++)
		msgext_buf_printf(&text, ",https://cell%d.example.com/", i);
	msgext_buf_puts(&text, "\"}");
	return text.data;
}

typedef struct Entry
{
	const char *name;
	void (*run)(MsgArena *arena, const MsgProvider *provider, const MsgConn *conn,
				const MsgJob *jobs, const MsgBuf *body);
} Entry;

static MsgReply
reply_of(const MsgBuf *body, int status)
{
	return (MsgReply){.status = status,
					  .headers = "",
					  .retry_after_ms = -1,
					  .now_us = INT64_C(1540555200000000),
					  .body = body->data,
					  .body_len = body->len};
}

static void
decode_answer(MsgArena *arena, const MsgProvider *provider, const MsgConn *conn,
			  const MsgJob *jobs, const MsgBuf *body, int status)
{
	MsgReply reply = reply_of(body, status);
	MsgOutcome outcomes[JOBS];
	MsgError error;

	provider->decode_send(arena, conn, &reply, jobs, provider->max_batch > 1 ? JOBS : 1,
						  outcomes, &error);
}

static void
run_send(MsgArena *arena, const MsgProvider *provider, const MsgConn *conn,
		 const MsgJob *jobs, const MsgBuf *body)
{
	decode_answer(arena, provider, conn, jobs, body, 200);
}

static void
run_refusal(MsgArena *arena, const MsgProvider *provider, const MsgConn *conn,
			const MsgJob *jobs, const MsgBuf *body)
{
	decode_answer(arena, provider, conn, jobs, body, 400);
}

static void
run_status(MsgArena *arena, const MsgProvider *provider, const MsgConn *conn,
		   const MsgJob *jobs, const MsgBuf *body)
{
	MsgReply reply = reply_of(body, 200);
	MsgOutcome outcomes[JOBS];
	MsgError error;

	if (provider->decode_status != NULL)
		provider->decode_status(arena, conn, &reply, jobs,
								provider->max_batch > 1 ? JOBS : 1, outcomes, &error);
}

static void
run_callback(MsgArena *arena, const MsgProvider *provider, const MsgConn *conn,
			 const MsgJob *jobs, const MsgBuf *body)
{
	MsgInbound inbound = {.body = body->data, .body_len = body->len};
	MsgPushed pushed = {0};
	MsgError error;

	(void) jobs;
	if (provider->parse_callback != NULL)
		provider->parse_callback(arena, conn, &inbound, &pushed, &error);
}

static void
run_login(MsgArena *arena, const MsgProvider *provider, const MsgConn *conn,
		  const MsgJob *jobs, const MsgBuf *body)
{
	MsgReply reply = reply_of(body, 400);
	MsgLogin login;
	MsgError error;

	(void) jobs;
	if (provider->decode_login != NULL)
		provider->decode_login(arena, conn, &reply, &login, &error);
}

/* The server's own reader of JSON has taken it before; ours stands in for it. */
static void
run_prepare(MsgArena *arena, const MsgProvider *provider, const MsgConn *conn,
			const MsgJob *jobs, const MsgBuf *body)
{
	MsgPayload payload = {.id = 1, .created_us = 1};
	MsgFragment fragment;
	MsgError error;

	(void) jobs;
	payload.message =
		msgext_json_parse(arena, body->data, body->len, &msgext_json_strict, &error);
	if (payload.message != NULL)
		provider->prepare(arena, conn, &payload, &fragment, &error);
}

static const Entry entries[] = {{"send", run_send},		{"refusal", run_refusal},
								{"status", run_status}, {"callback", run_callback},
								{"login", run_login},	{"prepare", run_prepare}};

static void
check_body(const MsgProvider *provider, const MsgConn *conn, const MsgJob *jobs,
		   const HostileBody *body, const MsgBuf *text)
{
	size_t i;

	for (i = 0; i < lengthof(entries); i++)
	{
		MsgArena *arena = msgext_arena_std_create();
		clock_t start = clock();
		double seconds;

		entries[i].run(arena, provider, conn, jobs, text);
		seconds = (double) (clock() - start) / CLOCKS_PER_SEC;
		if (seconds > SECONDS_MAX)
			test_fail(__FILE__, __LINE__, "%s, %s: %.2f s", body->name, entries[i].name,
					  seconds);
		msgext_arena_std_destroy(arena);
	}
}

/*
 * Of a format, through every provider: few of them speak it, and the others end at once.
 */
static void
check_bodies(const char *format, const HostileBody *bodies, size_t size)
{
	static const MsgSetting settings[] = {
		{"login", "tester"},   {"password", "111111"},	 {"api_client_id", "c"},
		{"client_id", "c"},	   {"client_secret", "s"},	 {"refresh_token", "r"},
		{"generation", "1.6"}, {"on_unknown", "resend"}, {NULL, NULL}};
	const MsgProvider *const *provider;
	size_t i;

	for (i = 0; bodies[i].name != NULL; i++)
	{
		MsgArena *arena = msgext_arena_std_create();
		MsgBuf text = hostile_text(arena, &bodies[i], size);

		test_begin("hostile %s: %s", format, bodies[i].name);
		for (provider = msgext_providers; *provider != NULL; provider++)
		{
			MsgConn conn = {.server = "hostile",
							.url = "https://example.com",
							.settings = settings,
							.options = (*provider)->options};
			MsgError error;
			MsgJob jobs[JOBS] = {
				{.id = 1, .attempt = 1, .key = "1", .provider_id = "101"},
				{.id = 2, .attempt = 1, .key = "2", .provider_id = "102"},
				{.id = 3, .attempt = 1, .key = "3", .provider_id = "103"}};

			jobs[0].detail =
				msgext_json_parse(test_arena, detail_text, strlen(detail_text),
								  &msgext_json_strict, &error);
			if (strcmp((*provider)->name, "personium") == 0)
			{
				jobs[0].fragment = personium_fragment();
				jobs[0].fragment_len = strlen(jobs[0].fragment);
			}
			check_body(*provider, &conn, jobs, &bodies[i], &text);
		}
		test_end();
		msgext_arena_std_destroy(arena);
	}
}

void
test_hostile(void)
{
	check_bodies("XML", hostile_xml, XML_SIZE);
	check_bodies("JSON", hostile_json, JSON_STRICT_SIZE);
	check_bodies("long JSON", hostile_json, JSON_SIZE);
	check_bodies("protobuf", hostile_pb, PB_SIZE);
}
