/*
 * test_hostile.c
 *		Bodies that are made to take long: the largest that a reader accepts, of each
 *		format, through every entry of every codec. Each takes less than a second of the
 *		processor, and here, under the sanitizers, less than three.
 *
 * What they make of such a body does not matter here, only that they come to an end.
 */
#include "test.h"

#include <string.h>
#include <time.h>

#include "core/lengthof.h"
#include "core/pb.h"
#include "core/provider.h"
#include "core/xml.h"

#define XML_SIZE (1024 * 1024)
#define JSON_STRICT_SIZE (1024 * 1024)
#define JSON_SIZE (8 * 1024 * 1024)
#define PB_SIZE (4 * 1024 * 1024)

/* Of the processor, not of the clock on the wall: the machine may be busy. */
#define SECONDS_MAX 3.0

#define JOBS 3

typedef struct Body
{
	const char *name;
	const char *head;
	const char *unit; /* again and again; "%d" in it is a number that rises */
	const char *tail;
} Body;

/* 64 attributes of one letter each. */
#define ATTRIBUTES                                                                       \
	" a='' b='' c='' d='' e='' f='' g='' h='' i='' j='' k='' l='' m='' n='' o='' p=''"   \
	" q='' r='' s='' t='' u='' v='' w='' x='' y='' z='' A='' B='' C='' D='' E='' F=''"   \
	" G='' H='' I='' J='' K='' L='' M='' N='' O='' P='' Q='' R='' S='' T='' U='' V=''"   \
	" W='' X='' Y='' Z='' _='' aa='' ab='' ac='' ad='' ae='' af='' ag='' ah='' ai=''"

static const Body xml_bodies[] = {
	{"attributes of one tag", "<a", " a%d=''", "/>"},
	{"namespaces of one tag", "<a", " xmlns:a%d='u'", "/>"},
	{"tags that declare namespaces", "", "<a xmlns:a%d='u' xmlns:b%d='u'>", ""},
	{"tags with as many attributes as may be", "<a>", "<b" ATTRIBUTES "/>", "</a>"},
	{"attributes without a namespace", "<a>", "<b p%d:a='' q%d:a='' r%d:a=''/>", "</a>"},
	{"elements without a namespace", "<a>", "<c:b/>", "</a>"},
	{"entities behind an element", "<a><b/>", "&amp;", "</a>"},
	{"texts between comments", "<a>", "x<!---->", "</a>"},
	{"texts between CDATA", "<a>", "x<![CDATA[x]]>", "</a>"},
	{"complaints", "<a>", "<", ""},
	{"open values", "<a>", "<b c=\"", ""},
	{"unknown entities", "<a>", "&x;", ""},
	{"one value", "<a b='", "&lt;", "'/>"},
	{"names", "<a>", "<b%d/>", "</a>"},
	{"ids", "<a>", "<b xml:id='a%d'/>", "</a>"},
	{"one message many times",
	 "<provideOutMessageDlvStatusResponse><payload><code>ok</code><outMessageList>",
	 "<outMessage providerId='103'><code>ok</code><outMessageDlvStatus><dlvStatus>sent"
	 "</dlvStatus></outMessageDlvStatus></outMessage>",
	 "</outMessageList></payload></provideOutMessageDlvStatusResponse>"},
	{"many messages",
	 "<consumeOutMessageResponse><payload><code>ok</code><outMessageList>",
	 "<outMessage clientId='%d' providerId='%d'><code>ok</code></outMessage>",
	 "</outMessageList></payload></consumeOutMessageResponse>"},
	{"one answer many times",
	 "<consumeOutMessageResponse><payload><code>ok</code><outMessageList>",
	 "<outMessage clientId='3' providerId='3'><code>ok</code></outMessage>",
	 "</outMessageList></payload></consumeOutMessageResponse>"}};

static const Body json_bodies[] = {
	{"members", "{\"a\": 0", ", \"a%d\": 0", "}"},
	{"the same member", "{\"code\": \"ok\"", ", \"code\": \"ok\"", "}"},
	{"elements", "[0", ",{\"id\": %d, \"status\": \"sent\"}", "]"},
	{"one long number", "[1", "0", "]"},
	{"one long text", "\"", "\\u0430", "\""},
	{"half characters", "\"", "\\ud800", "\""},
	{"white space", "[", " ", "]"},
	{"open lists", "", "[", ""},
	{"open objects", "", "{\"a\":", ""},
	{"segments of an SMS",
	 "{\"code\":\"ok\",\"result\":{\"code\":\"ok\",\"smsStates\":[0",
	 ",{\"id\":%d,\"status\":\"sent\"}", "]}}"},
	{"callbacks", "[0", ",{\"messageId\":\"%d\",\"status\":\"sent\"}", "]"},
	{"results of targets", "{\"d\":{\"results\":{\"__id\":\"103\",\"Result\":[0",
	 ",{\"To\":\"https://cell%d.example.com/\",\"Code\":\"503\"}", "]}}}"},
	{"results of targets of one length",
	 "{\"d\":{\"results\":{\"__id\":\"103\",\"Result\":[0",
	 ",{\"To\":\"https://a.test/\",\"Code\":\"503\"}", "]}}}"},
	{"targets", "{\"Body\":\"x\",\"To\":\"https://a.test/",
	 ",https://cell%d.example.com/", "\"}"},
	{"requests", "{\"Type\":\"request\",\"RequestObjects\":[{}",
	 ",{\"RequestType\":\"rule.add\",\"Action\":\"a\",\"x%d\":\"\"}", "]}"},
	{"routes", "{\"vk\":{\"routes\":[\"vk\"", ",\"ok\"", "]}}"},
	{"template data", "{\"vk\":{\"templateData\":{\"a\":\"\"", ",\"a%d\":\"\"", "}}}"}};

static const Body pb_bodies[] = {
	{"fields", "", "\010\001", ""},
	{"known fields that nobody wants", "", "\040\001", ""},
	{"an id again and again", "", "\012\001a", ""},
	{"fields of a high number", "", "\370\377\377\377\017\001", ""},
	{"elements of a list", "", "\042\004\022\002id", ""},
	{"elements with documents", "", "\042\012\010\001\022\002id\112\002\010\001", ""},
	{"empty lists", "", "\042\000", ""},
	{"groups", "", "\013\014", ""},
	{"one group", "\013", "\020\001", "\014"},
	{"open groups", "", "\013", ""},
	{"numbers without an end", "", "\377", ""},
	{"a web page", "<html><title>", "<title>", ""}};

static MsgBuf
body_text(MsgArena *arena, const Body *body, size_t size)
{
	size_t tail = strlen(body->tail);
	size_t unit_len = strlen(body->unit);
	int number = 0;
	MsgBuf text;

	/* An empty list has a NUL in it. */
	if (strcmp(body->unit, "\042") == 0)
		unit_len = 2;
	msgext_buf_init(&text, arena, size + 1);
	msgext_buf_puts(&text, body->head);
	while (text.len + tail + unit_len + 64 < size)
	{
		const char *at = body->unit;
		const char *mark;

		for (; (mark = strstr(at, "%d")) != NULL; at = mark + 2)
		{
			msgext_buf_append(&text, at, (size_t) (mark - at));
			msgext_buf_printf(&text, "%d", number);
		}
		msgext_buf_append(&text, at, unit_len - (size_t) (at - body->unit));
		number++;
	}
	msgext_buf_puts(&text, body->tail);
	return text;
}

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
	MsgEvent *events;
	MsgError error;

	(void) jobs;
	if (provider->parse_callback != NULL)
		provider->parse_callback(arena, conn, &inbound, &events, &error);
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
		   const Body *body, const MsgBuf *text)
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
check_bodies(const char *format, const Body *bodies, size_t n, size_t size)
{
	static const MsgSetting settings[] = {
		{"login", "tester"},   {"password", "111111"},	 {"api_client_id", "c"},
		{"client_id", "c"},	   {"client_secret", "s"},	 {"refresh_token", "r"},
		{"generation", "1.6"}, {"on_unknown", "resend"}, {NULL, NULL}};
	const MsgProvider *const *provider;
	size_t i;

	for (i = 0; i < n; i++)
	{
		MsgArena *arena = msgext_arena_std_create();
		MsgBuf text = body_text(arena, &bodies[i], size);

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
	check_bodies("XML", xml_bodies, lengthof(xml_bodies), XML_SIZE);
	check_bodies("JSON", json_bodies, lengthof(json_bodies), JSON_STRICT_SIZE);
	check_bodies("long JSON", json_bodies, lengthof(json_bodies), JSON_SIZE);
	check_bodies("protobuf", pb_bodies, lengthof(pb_bodies), PB_SIZE);
}
