/*
 * test_samples.c
 *		Every registered provider against its golden files, without a word about any of
 *		them: see sample.h for the files.
 */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "core/describe.h"
#include "core/lengthof.h"
#include "core/provider_list.h"
#include "refusals.h"
#include "sample.h"

#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)

static Samples samples;

/* One outcome, or a list of them where the jobs are one. */
static MsgJson *
outcomes_json(const MsgOutcome *outcomes, int n, bool list)
{
	MsgJson *json;
	int i;

	if (!list)
		return sample_outcome_json(outcomes);
	json = msgext_json_new(test_arena, MSG_JSON_ARRAY);
	for (i = 0; i < n; i++)
		msgext_json_append(json, sample_outcome_json(&outcomes[i]));
	return json;
}

static bool
within(const MsgReply *reply, const char *raw, size_t len)
{
	return raw >= reply->body && raw + len <= reply->body + reply->body_len;
}

/* Decodes one answer and compares it with its golden outcome. */
static void
check_answer(bool status, const MsgReply *reply, const MsgJson *job_json,
			 const MsgJson *golden)
{
	const MsgProvider *provider = samples.provider;
	MsgReply timed = *reply;
	MsgError error = {.code = ""};
	MsgOutcome *outcomes;
	MsgJob *jobs;
	MsgEvent *event;
	MsgJson *actual;
	bool read;
	int n = sample_jobs(job_json, &jobs, &timed.now_us);
	int i;

	outcomes = msgext_alloc(test_arena, (size_t) n * sizeof(MsgOutcome));
	memset(outcomes, 0xEE, (size_t) n * sizeof(MsgOutcome));
	read = status ? provider->decode_status(test_arena, &samples.conn, &timed, jobs, n,
											outcomes, &error)
				  : provider->decode_send(test_arena, &samples.conn, &timed, jobs, n,
										  outcomes, &error);
	if (!read)
	{
		if (!msgext_json_is(msgext_json_get(golden, "unreadable"), MSG_JSON_BOOL))
			FAIL("unreadable (%s), not %s: %s", error.text, sample_text(golden),
				 reply->body);
		CHECK(error.text[0] != '\0');
		return;
	}
	actual = outcomes_json(outcomes, n, msgext_json_is(job_json, MSG_JSON_ARRAY));
	if (!sample_same(actual, golden))
		FAIL("%s, not %s: %s", sample_text(actual), sample_text(golden), reply->body);
	for (i = 0; i < n; i++)
	{
		CHECK(outcomes[i].raw == NULL ||
			  within(reply, outcomes[i].raw, outcomes[i].raw_len));
		event = outcomes[i].verdict == MSG_VERDICT_PROGRESS ? outcomes[i].events : NULL;
		for (; event != NULL; event = event->next)
			CHECK(within(reply, event->raw, event->raw_len));
	}
}

static void
check_reply(const SampleFile *file, bool status)
{
	const SampleFile *golden = sample_find(&samples, file->name, "outcome.json");
	const SampleFile *job = sample_find(&samples, file->name, "job.json");
	MsgReply reply;

	if (golden == NULL)
		FAIL("there is no %s.outcome.json", file->name);
	else if (sample_reply(file, &reply))
		check_answer(status, &reply,
					 job != NULL ? sample_json(job->bytes, job->len) : NULL,
					 sample_json(golden->bytes, golden->len));
}

/* A body given as a string is itself, any other value its JSON. */
static const char *
case_body(const MsgJson *node, size_t *len)
{
	const char *text =
		msgext_json_is(node, MSG_JSON_STRING) ? node->text : sample_text(node);

	*len = msgext_json_is(node, MSG_JSON_STRING) ? node->len : strlen(text);
	return text;
}

static void
check_answers(const SampleFile *file, bool status)
{
	const MsgJson *list = sample_json(file->bytes, file->len);
	const MsgJson *row;

	CHECK(msgext_json_is(list, MSG_JSON_ARRAY) && list->count > 0);
	for (row = list != NULL ? list->first : NULL; row != NULL; row = row->next)
	{
		MsgReply reply;

		if (sample_reply_row(row, &reply))
			check_answer(status, &reply, msgext_json_get(row, "job"),
						 msgext_json_get(row, "outcome"));
	}
}

/* The samples' connection with further options, which win. */
static MsgConn
conn_with(const MsgJson *options)
{
	MsgConn conn = samples.conn;
	const MsgJson *option = options != NULL ? options->first : NULL;
	const MsgSetting *old = conn.settings;
	MsgSetting *all = msgext_alloc0(test_arena, 32 * sizeof(MsgSetting));
	int n = 0;

	conn.settings = all;
	for (; option != NULL && n < 15; option = option->next)
		all[n++] = (MsgSetting){option->name, option->text};
	for (; old->name != NULL && n < 31; old++)
		all[n++] = *old;
	return conn;
}

static void
check_push(const MsgConn *conn, const MsgInbound *inbound, const MsgJson *golden,
		   const MsgJson *golden_answer)
{
	const char *body = inbound->body;
	MsgError error = {.code = ""};
	MsgPushed pushed = {0};
	const MsgEvent *event;
	MsgJson *actual;
	bool read =
		samples.provider->parse_callback(test_arena, conn, inbound, &pushed, &error);

	if (!read)
	{
		if (!msgext_json_is(msgext_json_get(golden, "unreadable"), MSG_JSON_BOOL))
			FAIL("unreadable (%s), not %s: %s", error.text, sample_text(golden), body);
		CHECK(error.text[0] != '\0');
	}
	actual = sample_pushed_json(&pushed);
	if (golden_answer != NULL && !sample_same(actual, golden_answer))
		FAIL("%s, not %s: %s (%s)", sample_text(actual), sample_text(golden_answer), body,
			 error.text);
	if (!read)
		return;
	actual = sample_events_json(pushed.events);
	if (!sample_same(actual, golden))
		FAIL("%s, not %s: %s", sample_text(actual), sample_text(golden), body);
	for (event = pushed.events; event != NULL; event = event->next)
	{
		CHECK(event->raw >= body &&
			  event->raw + event->raw_len <= body + inbound->body_len);
		CHECK(event->raw_len > 0);
	}
}

static void
check_callback(const SampleFile *file)
{
	const SampleFile *golden = sample_find(&samples, file->name, "events.json");

	if (golden == NULL)
		FAIL("there is no %s.events.json", file->name);
	else
	{
		MsgInbound inbound = {.body = file->bytes, .body_len = file->len};

		check_push(&samples.conn, &inbound, sample_json(golden->bytes, golden->len),
				   NULL);
	}
}

static void
check_callbacks(const SampleFile *file)
{
	const MsgJson *list = sample_json(file->bytes, file->len);
	const MsgJson *row;

	CHECK(msgext_json_is(list, MSG_JSON_ARRAY) && list->count > 0);
	for (row = list != NULL ? list->first : NULL; row != NULL; row = row->next)
	{
		MsgConn conn = conn_with(msgext_json_get(row, "options"));
		MsgInbound inbound = {0};

		inbound.body = case_body(msgext_json_get(row, "body"), &inbound.body_len);
		sample_push_row(row, &inbound);
		check_push(&conn, &inbound, msgext_json_get(row, "events"),
				   msgext_json_get(row, "pushed"));
	}
}

/* Bodies may be binary: all bytes count. */
static void
check_request(bool encoded, const MsgRequest *request, const MsgError *error,
			  const SampleFile *golden)
{
	MsgBuf text;

	if (!encoded)
	{
		FAIL("refused: %s: %s", error->path, error->text);
		return;
	}
	text = sample_request_text(request);
	if (text.len != golden->len || memcmp(text.data, golden->bytes, text.len) != 0)
		FAIL("%s\n, %zu bytes, not %s\n, %zu bytes", text.data, text.len, golden->bytes,
			 golden->len);
}

static void
check_fragment(const SampleFile *file, const MsgFragment *fragment)
{
	const SampleFile *golden = sample_find(&samples, file->name, "fragment.json");
	MsgJson *actual = msgext_json_new(test_arena, MSG_JSON_OBJECT);
	MsgError error = {.code = ""};

	/* What is written already is written so. */
	if (fragment->recipient != NULL && samples.provider->write_recipient != NULL)
		CHECK_TEXT(samples.provider->write_recipient(test_arena, &samples.conn,
													 fragment->recipient, &error),
				   fragment->recipient);
	if (golden == NULL)
		return;
	if (fragment->limit_key != NULL)
		msgext_json_set_text(test_arena, actual, "limit_key", fragment->limit_key);
	if (fragment->recipient != NULL)
		msgext_json_set_text(test_arena, actual, "recipient", fragment->recipient);
	if (fragment->channels != NULL)
		msgext_json_set_text(test_arena, actual, "channels", fragment->channels);
	if (fragment->key != NULL)
		msgext_json_set_text(test_arena, actual, "key", fragment->key);
	if (!sample_same(actual, sample_json(golden->bytes, golden->len)))
		FAIL("%s, not %s", sample_text(actual), golden->bytes);
}

/*
 * What stored bytes say is the payload again: prepared once more it is the same bytes, but
 * for parts, of which only size and digest are told.
 */
static MsgJson *
describe(const MsgPayload *payload, const MsgFragment *fragment)
{
	MsgJson *told =
		msgext_describe(samples.provider, test_arena, fragment->bytes, fragment->len);
	MsgPayload again = *payload;
	MsgError error = {.code = ""};
	MsgFragment same;

	again.message = told;
	if (strstr(sample_text(told), "sha256") != NULL)
		return told;
	if (!samples.provider->prepare(test_arena, &samples.conn, &again, &same, &error))
		FAIL("told as %s, which is refused: %s %s", sample_text(told), error.path,
			 error.text);
	else if (same.len != fragment->len ||
			 memcmp(same.bytes, fragment->bytes, same.len) != 0)
		FAIL("told as %s, which is another message", sample_text(told));
	return told;
}

/* Is there anything that a mapping must have? A login may take any of several. */
static bool
needs_credentials(void)
{
	const MsgOption *option = samples.provider->options;

	for (; option != NULL && option->name != NULL; option++)
		if (option->place == MSG_OPTION_MAPPING && option->required)
			return true;
	return (samples.provider->caps & MSG_CAN_LOGIN) != 0;
}

/*
 * Without the credentials that it needs nothing is sent, and the error says what is
 * missing.
 */
static void
check_anonymous(const MsgJob *jobs, int n)
{
	MsgConn conn = samples.conn;
	MsgError error = {.code = ""};
	MsgRequest request;

	conn.settings = NULL;
	if (samples.provider->encode_send(test_arena, &conn, jobs, n, &request, &error))
		CHECK(!needs_credentials());
	else
		CHECK(error.text[0] != '\0');
}

/* Has the payload prepared, and its job carry what came of it. */
static bool
prepare_job(const SampleFile *file, MsgPayload *payload, MsgJob *job, MsgJson **told)
{
	MsgFragment fragment;
	MsgError error = {.code = ""};

	payload->id = job->id;
	payload->created_us = job->created_us;
	memset(&fragment, 0xEE, sizeof(fragment));
	if (!samples.provider->prepare(test_arena, &samples.conn, payload, &fragment, &error))
	{
		FAIL("refused: %s %s: %s", error.code, error.path, error.text);
		return false;
	}
	check_fragment(file, &fragment);
	*told = describe(payload, &fragment);
	job->fragment = fragment.bytes;
	job->fragment_len = fragment.len;
	if (fragment.key != NULL)
		job->key = fragment.key;
	return true;
}

/* The jobs of a sample: those of its file, else one. */
static int
jobs_of(const SampleFile *file, MsgJob **jobs)
{
	const SampleFile *job_file = sample_find(&samples, file->name, "job.json");
	int64_t now_us;

	return sample_jobs(job_file != NULL ? sample_json(job_file->bytes, job_file->len)
										: NULL,
					   jobs, &now_us);
}

static void
compare_request(const SampleFile *file)
{
	const SampleFile *golden = sample_find(&samples, file->name, "request");
	const SampleFile *unsent = sample_find(&samples, file->name, "unsent");
	const SampleFile *described = sample_find(&samples, file->name, "described.json");
	const MsgJson *message;
	MsgJson *told = NULL;
	MsgPayload payload;
	MsgRequest request;
	MsgError error = {.code = ""};
	MsgJob *jobs;
	int n = jobs_of(file, &jobs);
	bool list;
	bool encoded;
	int i;

	if (golden == NULL && unsent == NULL)
	{
		FAIL("there is no %s.request", file->name);
		return;
	}
	if (!sample_payload(&samples, file, &payload))
		return;
	list = msgext_json_is(payload.message, MSG_JSON_ARRAY);
	CHECK(n == (list ? payload.message->count : 1));
	message = list ? payload.message->first : payload.message;
	for (i = 0; i < n && message != NULL; i++, message = message->next)
	{
		payload.message = message;
		if (!prepare_job(file, &payload, &jobs[i], &told))
			return;
	}
	if (described != NULL && told != NULL &&
		!sample_same(told, sample_json(described->bytes, described->len)))
		FAIL("told as %s, not %s", sample_text(told), described->bytes);
	memset(&request, 0xEE, sizeof(request));
	encoded = samples.provider->encode_send(test_arena, &samples.conn, jobs, n, &request,
											&error);
	if (golden != NULL)
		check_request(encoded, &request, &error, golden);
	else if (encoded || strcmp(error.path, unsent->bytes) != 0)
		FAIL("%s, not of %s", encoded ? "sent" : error.path, unsent->bytes);
	check_anonymous(jobs, n);
}

static void
check_message(const SampleFile *file)
{
	const MsgConn usual = samples.conn;
	const SampleFile *options = sample_find(&samples, file->name, "options.json");

	if (options != NULL)
		samples.conn = conn_with(sample_json(options->bytes, options->len));
	compare_request(file);
	samples.conn = usual;
}

static void
check_status_request(const SampleFile *file)
{
	MsgRequest request;
	MsgError error = {.code = ""};
	MsgJob *jobs;
	int n = jobs_of(file, &jobs);
	bool encoded;

	if (sample_find(&samples, file->name, "job.json") == NULL)
	{
		FAIL("there is no %s.job.json", file->name);
		return;
	}
	memset(&request, 0xEE, sizeof(request));
	encoded = samples.provider->encode_status(test_arena, &samples.conn, jobs, n,
											  &request, &error);
	check_request(encoded, &request, &error, file);
}

/* Every kind of file and what is done with it; nothing for those that others read. */
static void
check_file(const SampleFile *file)
{
	static const char *const read_along[] = {"json",		  "request",
											 "fragment.json", "described.json",
											 "outcome.json",  "job.json",
											 "events.json",	  "options.json",
											 "part1",		  "part2",
											 "part3",		  "unsent",
											 "logins.json",	  "login-answers.json"};
	const char *kind = file->kind;
	size_t i;

	for (i = 0; i < lengthof(read_along); i++)
	{
		if (strcmp(kind, read_along[i]) == 0)
			return;
	}
	test_begin("%s: %s.%s", samples.provider->name, file->name, kind);
	if (strcmp(kind, "message.json") == 0)
		check_message(file);
	else if (strcmp(kind, "refusals.json") == 0)
		check_refusals(&samples, file);
	else if (strcmp(kind, "reply") == 0 || strcmp(kind, "status-reply") == 0)
		check_reply(file, kind[0] == 's');
	else if (strcmp(kind, "answers.json") == 0 ||
			 strcmp(kind, "status-answers.json") == 0)
		check_answers(file, kind[0] == 's');
	else if (strcmp(kind, "status-request") == 0)
		check_status_request(file);
	else if (strcmp(kind, "callback") == 0)
		check_callback(file);
	else if (strcmp(kind, "callbacks.json") == 0)
		check_callbacks(file);
	else
		FAIL("a sample of an unknown kind");
	test_end();
}

static int
count_kind(const char *kind)
{
	int n = 0;
	int i;

	for (i = 0; i < samples.count; i++)
		n += strcmp(samples.files[i].kind, kind) == 0;
	return n;
}

static void
test_repeats(void)
{
	static const char json[] = "{\"a\": [\"x${3:ab}y${2:\\u044f}\"], \"b\": \"${0:z}\", "
							   "\"c\": \"${x:y} $ {1:a} ${2:z\"}";
	const MsgJson *object;

	test_begin("samples: a text that stands for many");
	object = sample_json(json, strlen(json));
	CHECK_TEXT(sample_text(msgext_json_get(object, "a")),
			   "[\"xabababy\xD1\x8F\xD1\x8F\"]");
	CHECK_TEXT(sample_text(msgext_json_get(object, "b")), "\"\"");
	CHECK_TEXT(sample_text(msgext_json_get(object, "c")), "\"${x:y} $ {1:a} ${2:z\"");
	test_end();
}

void
test_samples(void)
{
	const MsgProvider *const *provider;
	int i;

	test_repeats();
	for (provider = msgext_providers; *provider != NULL; provider++)
	{
		bool opened = samples_open(&samples, *provider);

		test_begin("%s: has samples of all it can do", (*provider)->name);
		CHECK(opened);
		CHECK(count_kind("message.json") > 0);
		CHECK(count_kind("reply") > 0);
		if (((*provider)->caps & MSG_CAN_POLL) != 0)
			CHECK(count_kind("status-request") > 0 && count_kind("status-reply") > 0);
		if (((*provider)->caps & MSG_CAN_LOGIN) != 0)
			CHECK(count_kind("logins.json") > 0 && count_kind("login-answers.json") > 0);
		if (((*provider)->caps & MSG_CAN_CALLBACK) != 0)
			CHECK(count_kind("callback") > 0);
		test_end();
		for (i = 0; opened && i < samples.count; i++)
			check_file(&samples.files[i]);
		samples_close();
	}
}
