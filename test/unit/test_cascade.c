/*
 * test_cascade.c
 *		Several channels, one state: the document's example, every order of events, what
 *		is late and what is repeated.
 */
#include "test.h"

#include <string.h>

#include "core/cascade.h"
#include "core/lengthof.h"

#define ALL "vk,viber,sms"
#define NOON INT64_C(1540555200000000)

/* A message that events are applied to. */
static const char *channels;
static MsgJson *detail;
static MsgState state;

static void
start(const char *list)
{
	channels = list;
	detail = NULL;
	state = MSG_ACCEPTED;
}

static bool
apply(const char *channel, MsgState reported, const char *status, int64_t at_us)
{
	MsgEvent event = {
		.channel = channel, .state = reported, .status = status, .at_us = at_us};

	return msgext_cascade_apply(test_arena, channels, &event, state, &detail, &state);
}

static const char *
recorded(void)
{
	MsgBuf buf;

	if (detail == NULL)
		return "";
	msgext_buf_init(&buf, test_arena, 0);
	msgext_json_write(&buf, detail);
	return buf.data;
}

static void
test_example(void)
{
	test_begin("cascade: VK failed, Viber undelivered, SMS delivered is delivered");
	start(ALL);
	CHECK(apply("vk", MSG_FAILED, "failed", NOON));
	CHECK_TEXT(msgext_state_name(state), "sent");
	CHECK(apply("viber", MSG_UNDELIVERED, "undelivered", NOON + 1000000));
	CHECK_TEXT(msgext_state_name(state), "sent");
	CHECK(apply("sms", MSG_DELIVERED, "delivered", 0));
	CHECK_TEXT(msgext_state_name(state), "delivered");
	CHECK_TEXT(recorded(),
			   "{\"channels\":{"
			   "\"vk\":{\"state\":\"failed\",\"status\":\"failed\","
			   "\"at\":\"2018-10-26T12:00:00Z\"},"
			   "\"viber\":{\"state\":\"undelivered\",\"status\":\"undelivered\","
			   "\"at\":\"2018-10-26T12:00:01Z\"},"
			   "\"sms\":{\"state\":\"delivered\",\"status\":\"delivered\"}}}");
	test_end();
}

static void
test_ends(void)
{
	static const struct
	{
		MsgState vk, viber, sms;
		const char *end;
	} rows[] = {
		{MSG_FAILED, MSG_UNDELIVERED, MSG_DELIVERED, "delivered"},
		{MSG_FAILED, MSG_DELIVERED, MSG_READ, "read"},
		{MSG_READ, MSG_UNDELIVERED, MSG_DELIVERED, "read"},
		{MSG_FAILED, MSG_UNDELIVERED, MSG_FAILED, "undelivered"},
		{MSG_EXPIRED, MSG_EXPIRED, MSG_UNDELIVERED, "undelivered"},
		{MSG_FAILED, MSG_FAILED, MSG_FAILED, "failed"},
		{MSG_EXPIRED, MSG_EXPIRED, MSG_EXPIRED, "expired"},
		{MSG_EXPIRED, MSG_FAILED, MSG_EXPIRED, "failed"},
		{MSG_CANCELLED, MSG_CANCELLED, MSG_CANCELLED, "cancelled"},
		{MSG_FAILED, MSG_CANCELLED, MSG_FAILED, "failed"},
		{MSG_EXPIRED, MSG_CANCELLED, MSG_EXPIRED, "failed"},
		{MSG_FAILED, MSG_REJECTED, MSG_FAILED, "failed"},
		{MSG_FAILED, MSG_UNDELIVERED, MSG_SENT, "sent"},
		{MSG_FAILED, MSG_UNDELIVERED, MSG_ACCEPTED, "sent"},
		{MSG_ACCEPTED, MSG_ACCEPTED, MSG_ACCEPTED, "accepted"},
		{MSG_SENT, MSG_ACCEPTED, MSG_ACCEPTED, "sent"},
	};
	static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
									{1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	static const char *const names[] = {"vk", "viber", "sms"};
	size_t i, order, k;

	test_begin("cascade: what three channels are together, in every order");
	for (i = 0; i < lengthof(rows); i++)
	{
		MsgState states[] = {rows[i].vk, rows[i].viber, rows[i].sms};

		for (order = 0; order < 6; order++)
		{
			start(ALL);
			for (k = 0; k < 3; k++)
				apply(names[orders[order][k]], states[orders[order][k]], "x", 0);
			if (strcmp(msgext_state_name(state), rows[i].end) != 0)
				test_fail(__FILE__, __LINE__, "row %zu, order %zu: %s, not %s", i, order,
						  msgext_state_name(state), rows[i].end);
		}
	}
	test_end();

	test_begin("cascade: one that ended badly is not the end while others are to come");
	start(ALL);
	CHECK(apply("vk", MSG_EXPIRED, "vp_expired", 0));
	CHECK_TEXT(msgext_state_name(state), "sent");
	start("vk");
	CHECK(apply("vk", MSG_EXPIRED, "vp_expired", 0));
	CHECK_TEXT(msgext_state_name(state), "expired");
	start("vk,sms");
	CHECK(apply("vk", MSG_FAILED, "failed", 0));
	CHECK(apply("sms", MSG_UNDELIVERED, "undelivered", 0));
	CHECK_TEXT(msgext_state_name(state), "undelivered");
	test_end();
}

static void
test_repeats(void)
{
	const char *before;

	test_begin("cascade: a repeated event changes nothing");
	start(ALL);
	CHECK(apply("vk", MSG_DELIVERED, "delivered", NOON));
	before = recorded();
	CHECK(!apply("vk", MSG_DELIVERED, "delivered", NOON));
	CHECK(!apply("vk", MSG_DELIVERED, "DELIVERED", NOON + 5));
	CHECK_TEXT(recorded(), before);
	test_end();

	test_begin("cascade: what is late changes nothing");
	start(ALL);
	CHECK(apply("vk", MSG_DELIVERED, "delivered", NOON));
	before = recorded();
	CHECK(!apply("vk", MSG_SENT, "sent", NOON - 1000000));
	CHECK(!apply("vk", MSG_ACCEPTED, "enqueued", NOON + 1000000));
	CHECK(!apply("vk", MSG_UNDELIVERED, "undelivered", NOON + 1000000));
	CHECK_TEXT(recorded(), before);
	CHECK_TEXT(msgext_state_name(state), "delivered");
	test_end();

	test_begin(
		"cascade: another channel's end is recorded without moving the message back");
	start(ALL);
	CHECK(apply("vk", MSG_DELIVERED, "delivered", NOON));
	CHECK(apply("viber", MSG_FAILED, "failed", NOON));
	CHECK_TEXT(msgext_state_name(state), "delivered");
	CHECK(strstr(recorded(), "\"viber\":{\"state\":\"failed\"") != NULL);
	test_end();

	test_begin("cascade: delivery beats a bad end, also when it comes later");
	start(ALL);
	apply("vk", MSG_FAILED, "failed", 0);
	apply("viber", MSG_FAILED, "failed", 0);
	apply("sms", MSG_FAILED, "failed", 0);
	CHECK_TEXT(msgext_state_name(state), "failed");
	CHECK(apply("viber", MSG_DELIVERED, "delivered", 0));
	CHECK_TEXT(msgext_state_name(state), "delivered");
	test_end();

	test_begin("cascade: another word for the same state is news, unless it is older");
	start("viber");
	CHECK(apply("viber", MSG_READ, "read", NOON));
	CHECK(!apply("viber", MSG_READ, "visited", NOON - 1));
	CHECK(apply("viber", MSG_READ, "visited", NOON + 1000000));
	CHECK(!apply("viber", MSG_READ, "read", NOON));
	CHECK_TEXT(recorded(),
			   "{\"channels\":{\"viber\":{\"state\":\"read\",\"status\":\"visited\","
			   "\"at\":\"2018-10-26T12:00:01Z\"}}}");
	test_end();
}

/* Is detail of the second kind news to an entry with that of the first? */
static bool
is_news(const char *first, const char *second)
{
	MsgEvent event = {.channel = "sms", .state = MSG_SENT, .status = "sent"};
	MsgError error;

	start("sms");
	event.detail =
		msgext_json_parse(test_arena, first, strlen(first), &msgext_json_strict, &error);
	CHECK(msgext_cascade_apply(test_arena, channels, &event, state, &detail, &state));
	event.detail = msgext_json_parse(test_arena, second, strlen(second),
									 &msgext_json_strict, &error);
	return msgext_cascade_apply(test_arena, channels, &event, state, &detail, &state);
}

static void
test_detail(void)
{
	MsgError error;
	MsgEvent event = {.channel = "sms", .state = MSG_SENT, .status = "sent"};
	MsgJson *two;

	test_begin("cascade: code, error and further members; a new state drops old reasons");
	start("viber,sms");
	event.channel = "viber";
	event.state = MSG_UNDELIVERED;
	event.status = "undelivered";
	event.code = "not-viber-user";
	event.error = "no such user";
	event.detail =
		msgext_json_parse(test_arena, "{\"id\":\"7\"}", 10, &msgext_json_strict, &error);
	CHECK(apply("viber", MSG_SENT, "sent", 0));
	CHECK_TEXT(msgext_state_name(state), "sent");
	CHECK(msgext_cascade_apply(test_arena, channels, &event, state, &detail, &state) ==
		  MSG_CASCADE_MOVES);
	CHECK_TEXT(msgext_state_name(state), "sent");
	CHECK_TEXT(
		recorded(),
		"{\"channels\":{\"viber\":{\"state\":\"undelivered\",\"status\":\"undelivered\","
		"\"code\":\"not-viber-user\",\"error\":\"no such user\",\"id\":\"7\"}}}");
	CHECK(!msgext_cascade_apply(test_arena, channels, &event, state, &detail, &state));
	CHECK(!apply("viber", MSG_UNDELIVERED, "undelivered", 0));
	CHECK(apply("viber", MSG_DELIVERED, "delivered", 0));
	CHECK_TEXT(recorded(),
			   "{\"channels\":{\"viber\":{\"state\":\"delivered\",\"id\":\"7\","
			   "\"status\":\"delivered\"}}}");
	test_end();

	test_begin("cascade: so is a reason that comes later");
	start("viber,sms");
	CHECK(apply("viber", MSG_UNDELIVERED, "undelivered", 0));
	memset(&event, 0, sizeof(event));
	event.channel = "viber";
	event.state = MSG_UNDELIVERED;
	event.code = "user-blocked";
	CHECK(msgext_cascade_apply(test_arena, channels, &event, state, &detail, &state) ==
		  MSG_CASCADE_WORDS);
	event.error = "blocked";
	CHECK(msgext_cascade_apply(test_arena, channels, &event, state, &detail, &state) ==
		  MSG_CASCADE_WORDS);
	CHECK(!msgext_cascade_apply(test_arena, channels, &event, state, &detail, &state));
	CHECK_TEXT(
		recorded(),
		"{\"channels\":{\"viber\":{\"state\":\"undelivered\",\"status\":\"undelivered\","
		"\"code\":\"user-blocked\",\"error\":\"blocked\"}}}");
	test_end();

	test_begin("cascade: detail of the same state that grew is news");
	start("sms");
	memset(&event, 0, sizeof(event));
	event.channel = "sms";
	event.state = MSG_SENT;
	event.status = "sent";
	event.detail = msgext_json_parse(test_arena, "{\"segments\":[1]}", 16,
									 &msgext_json_strict, &error);
	two = msgext_json_parse(test_arena, "{\"segments\":[1,2]}", 18, &msgext_json_strict,
							&error);
	CHECK(msgext_cascade_apply(test_arena, channels, &event, state, &detail, &state));
	CHECK(!msgext_cascade_apply(test_arena, channels, &event, state, &detail, &state));
	event.detail = two;
	CHECK(msgext_cascade_apply(test_arena, channels, &event, state, &detail, &state));
	CHECK(strstr(recorded(), "\"segments\":[1,2]") != NULL);
	CHECK_TEXT(msgext_state_name(state), "sent");
	test_end();

	test_begin("cascade: details are compared to the last leaf");
	CHECK(!is_news("{\"s\":[{\"a\":\"1\",\"b\":true}]}",
				   "{\"s\":[{\"b\":true,\"a\":\"1\"}]}"));
	CHECK(is_news("{\"s\":[{\"a\":\"1\"}]}", "{\"s\":[{\"a\":\"2\"}]}"));
	CHECK(is_news("{\"s\":[{\"a\":\"1\"}]}", "{\"s\":[{\"a\":\"10\"}]}"));
	CHECK(is_news("{\"s\":[{\"a\":\"1\"}]}", "{\"s\":[{\"b\":\"1\"}]}"));
	CHECK(is_news("{\"s\":[{\"a\":\"1\"}]}", "{\"s\":[{\"a\":1}]}"));
	CHECK(is_news("{\"s\":[true]}", "{\"s\":[false]}"));
	CHECK(is_news("{\"s\":[1,2]}", "{\"s\":[2,1]}"));
	CHECK(is_news("{\"s\":{\"a\":1}}", "{\"s\":{\"a\":1,\"b\":2}}"));
	CHECK(is_news("{\"s\":null}", "{\"s\":0}"));
	CHECK(is_news("{}", "{\"s\":0}"));
	test_end();

	test_begin(
		"cascade: what else is in the detail stays, and the old tree is untouched");
	start(ALL);
	detail = msgext_json_parse(test_arena, "{\"note\":\"x\"}", 12, &msgext_json_strict,
							   &error);
	two = detail;
	CHECK(apply("vk", MSG_SENT, "sent", 0));
	CHECK(strncmp(recorded(), "{\"note\":\"x\",\"channels\":", 23) == 0);
	CHECK_INT(two->count, 1);
	test_end();
}

static void
test_lists(void)
{
	test_begin("cascade: a message with one unnamed channel keeps its entry at the top");
	start(NULL);
	CHECK(apply(NULL, MSG_SENT, "OnTheWay", NOON));
	CHECK_TEXT(msgext_state_name(state), "sent");
	CHECK(!apply(NULL, MSG_ACCEPTED, "Taken", NOON));
	CHECK(apply(NULL, MSG_FAILED, "Lost", 0));
	CHECK_TEXT(msgext_state_name(state), "failed");
	CHECK_TEXT(recorded(), "{\"state\":\"failed\",\"status\":\"Lost\"}");
	start("");
	CHECK(apply(NULL, MSG_SENT, "OnTheWay", 0));
	CHECK_TEXT(recorded(), "{\"state\":\"sent\",\"status\":\"OnTheWay\"}");
	test_end();

	test_begin("cascade: a channel that was not requested delivers, but does not fail");
	start("vk");
	CHECK(apply("sms", MSG_UNDELIVERED, "undelivered", 0));
	CHECK_TEXT(msgext_state_name(state), "sent");
	CHECK(apply("sms", MSG_DELIVERED, "delivered", 0));
	CHECK_TEXT(msgext_state_name(state), "delivered");
	start("vk");
	CHECK(apply("viber", MSG_SENT, "sent", 0));
	CHECK(apply("vk", MSG_FAILED, "failed", 0));
	CHECK_TEXT(msgext_state_name(state), "failed");
	start(NULL);
	CHECK(apply("vk", MSG_FAILED, "failed", 0));
	CHECK_TEXT(msgext_state_name(state), "failed");
	CHECK(strstr(recorded(), "{\"channels\":{\"vk\":") != NULL);
	test_end();

	test_begin("cascade: an event that names no channel is about the first");
	start(ALL);
	CHECK(apply(NULL, MSG_SENT, "sent", 0));
	CHECK_TEXT(recorded(),
			   "{\"channels\":{\"vk\":{\"state\":\"sent\",\"status\":\"sent\"}}}");
	test_end();

	test_begin("cascade: a message nobody could tell about is found by a report");
	start(ALL);
	state = MSG_UNKNOWN;
	CHECK(apply("vk", MSG_ACCEPTED, "enqueued", 0));
	CHECK_TEXT(msgext_state_name(state), "accepted");
	test_end();

	test_begin("cascade: the same event moves a message that fell behind its detail");
	start(ALL);
	CHECK(apply("vk", MSG_DELIVERED, "delivered", 0));
	state = MSG_SENT;
	CHECK(apply("vk", MSG_DELIVERED, "delivered", 0));
	CHECK_TEXT(msgext_state_name(state), "delivered");
	test_end();
}

void
test_cascade(void)
{
	test_example();
	test_ends();
	test_repeats();
	test_detail();
	test_lists();
}
