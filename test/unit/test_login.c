/*
 * test_login.c
 *		The registry's check of the login slots, and every provider that logs in against
 *		its samples: see sample.h for the files.
 */
#include "test.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/provider_list.h"
#include "sample.h"

#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)

#define OPTIONS_MAX 16

static Samples samples;

static bool
needs_login(const MsgConn *conn)
{
	(void) conn;
	return true;
}

static bool
encode_login(MsgArena *arena, const MsgConn *conn, const char *refresh_token,
			 MsgRequest *request, MsgError *error)
{
	(void) arena, (void) conn, (void) refresh_token, (void) request;
	return msgext_error(error, "", "", "never");
}

static bool
decode_login(MsgArena *arena, const MsgConn *conn, const MsgReply *reply, MsgLogin *login,
			 MsgError *error)
{
	(void) arena, (void) conn, (void) reply, (void) login;
	return msgext_error(error, "", "", "never");
}

/* What the registry complains about when a provider that is sound is changed. */
static const char *
complaint(unsigned caps, bool (*needs)(const MsgConn *),
		  bool (*encode)(MsgArena *, const MsgConn *, const char *, MsgRequest *,
						 MsgError *),
		  bool (*decode)(MsgArena *, const MsgConn *, const MsgReply *, MsgLogin *,
						 MsgError *))
{
	static MsgError error;
	MsgProvider provider = *msgext_providers[0];

	memset(&error, 0, sizeof(error));
	provider.caps = (provider.caps & ~(unsigned) MSG_CAN_LOGIN) | caps;
	provider.needs_login = needs;
	provider.encode_login = encode;
	provider.decode_login = decode;
	return msgext_provider_check(&provider, &error) ? "" : error.path;
}

static void
test_slots(void)
{
	test_begin("login: slots and capability go together");
	CHECK_TEXT(complaint(0, NULL, NULL, NULL), "");
	CHECK_TEXT(complaint(MSG_CAN_LOGIN, needs_login, encode_login, decode_login), "");
	CHECK_TEXT(complaint(MSG_CAN_LOGIN, NULL, encode_login, decode_login), "needs_login");
	CHECK_TEXT(complaint(MSG_CAN_LOGIN, needs_login, NULL, decode_login), "encode_login");
	CHECK_TEXT(complaint(MSG_CAN_LOGIN, needs_login, encode_login, NULL), "decode_login");
	CHECK_TEXT(complaint(0, needs_login, NULL, NULL), "needs_login");
	CHECK_TEXT(complaint(0, NULL, encode_login, NULL), "encode_login");
	CHECK_TEXT(complaint(0, NULL, NULL, decode_login), "decode_login");
	test_end();
}

/* The samples' server with these options and no others. */
static MsgConn
conn_of(const MsgJson *options)
{
	MsgConn conn = samples.conn;
	MsgSetting *settings = msgext_alloc0(test_arena, OPTIONS_MAX * sizeof(MsgSetting));
	const MsgJson *option = options != NULL ? options->first : NULL;
	int n = 0;

	for (; option != NULL && n < OPTIONS_MAX - 1; option = option->next)
		settings[n++] = (MsgSetting){option->name, option->text};
	conn.settings = settings;
	return conn;
}

/* The first message of the samples as it would be sent. */
static bool
first_message(MsgJob *job)
{
	MsgPayload payload;
	MsgFragment fragment;
	MsgError error = {.text = ""};
	int i = 0;

	while (i < samples.count && strcmp(samples.files[i].kind, "message.json") != 0)
		i++;
	if (i == samples.count || !sample_payload(&samples, &samples.files[i], &payload) ||
		!samples.provider->prepare(test_arena, &samples.conn, &payload, &fragment,
								   &error))
	{
		FAIL("there is no message to send: %s", error.text);
		return false;
	}
	job->fragment = fragment.bytes;
	job->fragment_len = fragment.len;
	return true;
}

/* What a session that there is, or is not, means to sending. */
static void
check_session(const MsgJson *row, MsgConn *conn)
{
	MsgSession session = {.token = "token-of-the-session"};
	MsgJob job = {.id = 1, .key = "k", .attempt = 1};
	MsgReply refused = {.status = 401, .body = "", .headers = "", .retry_after_ms = -1};
	MsgError error = {.text = ""};
	MsgOutcome outcome;
	MsgRequest request;
	bool told = false;
	int i;

	if (!first_message(&job))
		return;
	CHECK(!samples.provider->encode_send(test_arena, conn, &job, 1, &request, &error));
	CHECK(error.text[0] != '\0');
	conn->session = &session;
	if (!samples.provider->encode_send(test_arena, conn, &job, 1, &request, &error))
		FAIL("has a session, but %s: %s", error.text, sample_text(row));
	else
	{
		for (i = 0; i < request.nheaders; i++)
			told |= strstr(request.headers[i], session.token) != NULL;
		CHECK(told);
	}
	CHECK(samples.provider->decode_send(test_arena, conn, &refused, &job, 1, &outcome,
										&error));
	CHECK_INT(outcome.verdict, MSG_VERDICT_RELOGIN);
}

static void
check_login(const MsgJson *row)
{
	const MsgJson *wanted = msgext_json_get(row, "request");
	const MsgJson *path = msgext_json_get(row, "error");
	const MsgJson *refresh = msgext_json_get(row, "refresh_token");
	const MsgJson *needed = msgext_json_get(row, "needed");
	MsgConn conn = conn_of(msgext_json_get(row, "options"));
	MsgError error = {.path = ""};
	MsgRequest request;

	if (needed != NULL && samples.provider->needs_login(&conn) != needed->truth)
		FAIL("needed or not: %s", sample_text(row));
	memset(&request, 0xEE, sizeof(request));
	if (!samples.provider->encode_login(
			test_arena, &conn, refresh != NULL ? refresh->text : NULL, &request, &error))
	{
		if (!msgext_json_equals(path, error.path))
			FAIL("refused at %s (%s): %s", error.path, error.text, sample_text(row));
		CHECK(error.text[0] != '\0');
	}
	else if (!msgext_json_equals(wanted, sample_request_text(&request).data))
		FAIL("%s, not %s", sample_request_text(&request).data, sample_text(wanted));
	else
		check_session(row, &conn);
}

static void
set_text(MsgJson *object, const char *name, const char *value)
{
	if (value != NULL)
		msgext_json_set_text(test_arena, object, name, value);
}

static void
set_number(MsgJson *object, const char *name, int64_t value)
{
	char number[32];

	snprintf(number, sizeof(number), "%" PRId64, value);
	msgext_json_set(object, name, msgext_json_number(test_arena, number));
}

static void
check_answer(const MsgJson *row)
{
	const MsgJson *golden = msgext_json_get(row, "login");
	MsgConn conn = conn_of(msgext_json_get(row, "options"));
	MsgJson *actual = msgext_json_new(test_arena, MSG_JSON_OBJECT);
	MsgError error = {.text = ""};
	MsgLogin login;
	MsgReply reply;

	if (!sample_reply_row(row, &reply))
		return;
	reply.now_us = 1000000;
	memset(&login, 0xEE, sizeof(login));
	if (!samples.provider->decode_login(test_arena, &conn, &reply, &login, &error))
	{
		CHECK(error.text[0] != '\0');
		if (!msgext_json_is(msgext_json_get(golden, "unreadable"), MSG_JSON_BOOL))
			FAIL("unreadable (%s): %s", error.text, sample_text(row));
		return;
	}
	set_text(actual, "verdict", msgext_verdict_name(login.verdict));
	set_text(actual, "code", login.code);
	set_text(actual, "text", login.text);
	set_text(actual, "token", login.session.token);
	set_text(actual, "refresh_token", login.session.refresh_token);
	if (login.session.expires_us != 0)
		set_number(actual, "expires_s", login.session.expires_us / 1000000 - 1);
	if (login.retry_after_ms != -1)
		set_number(actual, "retry_after_ms", login.retry_after_ms);
	if (msgext_json_get(golden, "authorization") != NULL)
	{
		MsgJob job = {.id = 1, .attempt = 1, .key = "k", .fragment = ""};
		MsgRequest request;

		conn.session = &login.session;
		if (samples.provider->encode_send(test_arena, &conn, &job, 1, &request, &error))
			set_text(actual, "authorization", request.headers[0]);
	}
	if (!sample_same(actual, golden))
		FAIL("%s, not %s", sample_text(actual), sample_text(row));
}

static void
check_file(const SampleFile *file, void (*check)(const MsgJson *))
{
	const MsgJson *list;
	const MsgJson *row;

	test_begin("%s: %s.%s", samples.provider->name, file->name, file->kind);
	list = sample_json(file->bytes, file->len);
	CHECK(msgext_json_is(list, MSG_JSON_ARRAY) && list->count > 0);
	for (row = list != NULL ? list->first : NULL; row != NULL; row = row->next)
		check(row);
	test_end();
}

void
test_login(void)
{
	const MsgProvider *const *provider;
	int i;

	test_slots();
	for (provider = msgext_providers; *provider != NULL; provider++)
	{
		if (((*provider)->caps & MSG_CAN_LOGIN) == 0)
			continue;
		samples_open(&samples, *provider);
		for (i = 0; i < samples.count; i++)
		{
			if (strcmp(samples.files[i].kind, "logins.json") == 0)
				check_file(&samples.files[i], check_login);
			else if (strcmp(samples.files[i].kind, "login-answers.json") == 0)
				check_file(&samples.files[i], check_answer);
		}
		samples_close();
	}
}
