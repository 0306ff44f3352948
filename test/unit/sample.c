/*
 * sample.c
 *		Reading samples and writing what codecs make of them: see sample.h.
 */
#include "sample.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/timestamp.h"
#include "test.h"

/* When nothing else is said: the day of a document that most samples are from. */
#define SAMPLE_TIME_US INT64_C(1540555200000000)

static MsgArena *samples_arena;

static bool
read_file(const char *path, SampleFile *file)
{
	FILE *stream = fopen(path, "rb");
	MsgBuf buf;
	char chunk[4096];
	size_t got;

	if (stream == NULL)
		return false;
	msgext_buf_init(&buf, samples_arena, sizeof(chunk));
	while ((got = fread(chunk, 1, sizeof(chunk), stream)) > 0)
		msgext_buf_append(&buf, chunk, got);
	fclose(stream);
	if (buf.len > 0 && buf.data[buf.len - 1] == '\n')
		buf.data[--buf.len] = '\0';
	file->bytes = buf.data;
	file->len = buf.len;
	return true;
}

static int
compare_files(const void *a, const void *b)
{
	const SampleFile *left = a;
	const SampleFile *right = b;
	int order = strcmp(left->name, right->name);

	return order != 0 ? order : strcmp(left->kind, right->kind);
}

/* Turns connection.json into a server with a user mapping. */
static bool
read_connection(Samples *samples)
{
	const SampleFile *file = sample_find(samples, "connection", "json");
	MsgError error;
	const MsgJson *json;
	const MsgJson *member;
	MsgSetting *settings;
	int n = 0;

	if (file == NULL)
		return false;
	json = msgext_json_parse(samples_arena, file->bytes, file->len, &msgext_json_strict,
							 &error);
	if (!msgext_json_is(json, MSG_JSON_OBJECT))
		return false;
	settings =
		msgext_alloc0(samples_arena, (size_t) (json->count + 1) * sizeof(MsgSetting));
	for (member = json->first; member != NULL; member = member->next)
	{
		settings[n].name = member->name;
		settings[n++].value = member->text;
		if (strcmp(member->name, "url") == 0)
			samples->conn.url = member->text;
	}
	samples->conn.server = "sample";
	samples->conn.settings = settings;
	samples->conn.options = samples->provider->options;
	return samples->conn.url != NULL;
}

bool
samples_open(Samples *samples, const MsgProvider *provider)
{
	char path[1024];
	DIR *dir;
	struct dirent *entry;
	int room = 16;

	samples_arena = msgext_arena_std_create();
	memset(samples, 0, sizeof(*samples));
	samples->provider = provider;
	snprintf(path, sizeof(path), "%s/src/providers/%s/samples", test_root,
			 provider->name);
	dir = opendir(path);
	if (dir == NULL)
		return false;
	samples->files = msgext_alloc0(samples_arena, (size_t) room * sizeof(SampleFile));
	while ((entry = readdir(dir)) != NULL)
	{
		const char *dot = strchr(entry->d_name, '.');
		SampleFile *file;
		char file_path[2048];

		if (dot == NULL || dot == entry->d_name)
			continue;
		if (samples->count == room)
		{
			file = msgext_alloc0(samples_arena, (size_t) room * 2 * sizeof(SampleFile));
			memcpy(file, samples->files, (size_t) room * sizeof(SampleFile));
			samples->files = file;
			room *= 2;
		}
		file = &samples->files[samples->count++];
		file->name =
			msgext_strndup(samples_arena, entry->d_name, (size_t) (dot - entry->d_name));
		file->kind = msgext_strdup(samples_arena, dot + 1);
		snprintf(file_path, sizeof(file_path), "%s/%s", path, entry->d_name);
		if (!read_file(file_path, file))
			test_fail(__FILE__, __LINE__, "cannot read %s", file_path);
	}
	closedir(dir);
	qsort(samples->files, (size_t) samples->count, sizeof(SampleFile), compare_files);
	return read_connection(samples);
}

void
samples_close(void)
{
	msgext_arena_std_destroy(samples_arena);
	samples_arena = NULL;
}

const SampleFile *
sample_find(const Samples *samples, const char *name, const char *kind)
{
	int i;

	for (i = 0; i < samples->count; i++)
	{
		if (strcmp(samples->files[i].name, name) == 0 &&
			strcmp(samples->files[i].kind, kind) == 0)
			return &samples->files[i];
	}
	return NULL;
}

/*
 * "${1000:text}" in a string stands for text a thousand times. What has not this form
 * stays as it is.
 */
static void
expand(MsgJson *node)
{
	const char *at = node->text;
	const char *mark;
	MsgJson *child;
	MsgBuf text;

	for (child = node->first; child != NULL; child = child->next)
		expand(child);
	if (node->type != MSG_JSON_STRING || strstr(at, "${") == NULL)
		return;
	msgext_buf_init(&text, test_arena, node->len);
	while ((mark = strstr(at, "${")) != NULL)
	{
		char *colon;
		long count = strtol(mark + 2, &colon, 10);
		const char *end = strchr(colon, '}');

		msgext_buf_append(&text, at, (size_t) (mark - at));
		at = mark;
		if (colon == mark + 2 || *colon != ':' || end == NULL)
		{
			msgext_buf_append(&text, at, 2);
			at += 2;
			continue;
		}
		while (count-- > 0)
			msgext_buf_append(&text, colon + 1, (size_t) (end - colon - 1));
		at = end + 1;
	}
	msgext_buf_puts(&text, at);
	node->text = text.data;
	node->len = text.len;
}

MsgJson *
sample_json(const char *bytes, size_t len)
{
	MsgError error;
	MsgJson *json =
		msgext_json_parse(test_arena, bytes, len, &msgext_json_strict, &error);

	if (json == NULL)
		test_fail(__FILE__, __LINE__, "the sample is no JSON: %s at %zu", error.text,
				  error.offset);
	else
		expand(json);
	return json;
}

bool
sample_payload(const Samples *samples, const SampleFile *file, MsgPayload *payload)
{
	MsgPart *parts = msgext_alloc0(test_arena, 16 * sizeof(MsgPart));
	char kind[16];

	memset(payload, 0, sizeof(*payload));
	payload->parts = parts;
	payload->id = 1;
	payload->created_us = SAMPLE_TIME_US;
	while (payload->nparts < 16)
	{
		const SampleFile *part;

		snprintf(kind, sizeof(kind), "part%d", payload->nparts + 1);
		part = sample_find(samples, file->name, kind);
		if (part == NULL)
			break;
		parts[payload->nparts].bytes = part->bytes;
		parts[payload->nparts++].len = part->len;
	}
	payload->message = sample_json(file->bytes, file->len);
	return payload->message != NULL;
}

static const char *
text_of(const MsgJson *object, const char *name, const char *fallback)
{
	const MsgJson *member = msgext_json_get(object, name);

	return msgext_json_is(member, MSG_JSON_STRING) ? member->text : fallback;
}

static int64_t
time_of(const MsgJson *object, const char *name, int64_t fallback)
{
	const char *text = text_of(object, name, NULL);
	int64_t time_us;

	if (text == NULL)
		return fallback;
	if (!msgext_timestamp_parse(text, strlen(text), 0, &time_us))
		test_fail(__FILE__, __LINE__, "%s is no time: %s", name, text);
	return time_us;
}

void
sample_job(const MsgJson *job, MsgJob *out, int64_t *now_us)
{
	const MsgJson *maybe_sent = msgext_json_get(job, "maybe_sent");
	int64_t attempt = 1;

	memset(out, 0, sizeof(*out));
	out->id = 1;
	msgext_json_int64(msgext_json_get(job, "id"), false, &out->id);
	msgext_json_int64(msgext_json_get(job, "attempt"), false, &attempt);
	out->attempt = (int) attempt;
	out->maybe_sent = maybe_sent != NULL && maybe_sent->truth;
	out->key = text_of(job, "key", "sample-1");
	out->provider_id = text_of(job, "provider_id", "1");
	out->channels = text_of(job, "channels", NULL);
	out->detail = msgext_json_get(job, "detail");
	if (msgext_json_get(job, "fragment") != NULL)
	{
		out->fragment = sample_text(msgext_json_get(job, "fragment"));
		out->fragment_len = strlen(out->fragment);
	}
	out->created_us = time_of(job, "created", SAMPLE_TIME_US);
	out->accepted_us = time_of(job, "accepted", SAMPLE_TIME_US);
	out->now_us = *now_us = time_of(job, "now", SAMPLE_TIME_US + 60 * INT64_C(1000000));
}

int
sample_jobs(const MsgJson *json, MsgJob **jobs, int64_t *now_us)
{
	bool list = msgext_json_is(json, MSG_JSON_ARRAY);
	int n = list ? json->count : 1;
	int i;

	*jobs = msgext_alloc0(test_arena, (size_t) n * sizeof(MsgJob));
	if (list)
		json = json->first;
	for (i = 0; i < n; i++)
	{
		sample_job(json, &(*jobs)[i], now_us);
		json = json != NULL ? json->next : NULL;
	}
	return n;
}

bool
sample_reply(const SampleFile *file, MsgReply *reply)
{
	const char *blank = strstr(file->bytes, "\n\n");
	const char *space = strchr(file->bytes, ' ');
	const char *retry;

	memset(reply, 0, sizeof(*reply));
	if (blank == NULL || space == NULL || space > blank)
	{
		test_fail(__FILE__, __LINE__,
				  "no \"HTTP/1.1 200\" with headers and a blank line");
		return false;
	}
	reply->status = atoi(space);
	reply->headers =
		msgext_strndup(test_arena, file->bytes, (size_t) (blank + 1 - file->bytes));
	reply->body = blank + 2;
	reply->body_len = file->len - (size_t) (reply->body - file->bytes);
	retry = msgext_reply_header(test_arena, reply, "Retry-After");
	reply->retry_after_ms = retry != NULL ? atoll(retry) * 1000 : -1;
	return true;
}

bool
sample_reply_row(const MsgJson *row, MsgReply *reply)
{
	const MsgJson *headers = msgext_json_get(row, "headers");
	const MsgJson *body = msgext_json_get(row, "body");
	SampleFile whole;
	MsgBuf text;

	msgext_buf_init(&text, test_arena, 256);
	msgext_buf_printf(&text, "HTTP/1.1 %s\n",
					  sample_text(msgext_json_get(row, "status")));
	for (headers = headers != NULL ? headers->first : NULL; headers != NULL;
		 headers = headers->next)
		msgext_buf_printf(&text, "%s: %s\n", headers->name, headers->text);
	msgext_buf_putc(&text, '\n');
	if (msgext_json_is(body, MSG_JSON_STRING))
		msgext_buf_append(&text, body->text, body->len);
	else
		msgext_buf_puts(&text, sample_text(body));
	whole.bytes = text.data;
	whole.len = text.len;
	return sample_reply(&whole, reply);
}

MsgBuf
sample_request_text(const MsgRequest *request)
{
	MsgBuf text;
	int i;

	msgext_buf_init(&text, test_arena, 1024);
	msgext_buf_printf(&text, "%s %s", request->method, request->url);
	for (i = 0; i < request->nheaders; i++)
		msgext_buf_printf(&text, "\n%s", request->headers[i]);
	if (request->body_len > 0)
	{
		msgext_buf_puts(&text, "\n\n");
		msgext_buf_append(&text, request->body, request->body_len);
	}
	return text;
}

static void
set_text(MsgJson *object, const char *name, const char *value)
{
	if (value != NULL)
		msgext_json_set_text(test_arena, object, name, value);
}

MsgJson *
sample_outcome_json(const MsgOutcome *outcome)
{
	MsgJson *json = msgext_json_new(test_arena, MSG_JSON_OBJECT);

	set_text(json, "verdict", msgext_verdict_name(outcome->verdict));
	set_text(json, "provider_id", outcome->provider_id);
	set_text(json, "code", outcome->code);
	set_text(json, "text", outcome->text);
	if (outcome->retry_after_ms != -1)
	{
		char number[32];

		snprintf(number, sizeof(number), "%" PRId64, outcome->retry_after_ms);
		msgext_json_set(json, "retry_after_ms", msgext_json_number(test_arena, number));
	}
	if (outcome->reached != 0)
		set_text(json, "reached", msgext_state_name(outcome->reached));
	if (outcome->at_us != 0)
	{
		char at[32];

		msgext_timestamp_format(outcome->at_us, at);
		set_text(json, "at", at);
	}
	if (outcome->key_ignored)
	{
		MsgJson *truth = msgext_json_new(test_arena, MSG_JSON_BOOL);

		truth->truth = true;
		msgext_json_set(json, "key_ignored", truth);
	}
	if (outcome->inherent)
	{
		MsgJson *truth = msgext_json_new(test_arena, MSG_JSON_BOOL);

		truth->truth = true;
		msgext_json_set(json, "inherent", truth);
	}
	if (outcome->events != NULL)
		msgext_json_set(json, "events", sample_events_json(outcome->events));
	if (outcome->detail != NULL)
		msgext_json_set(json, "detail", outcome->detail);
	if (outcome->headers != NULL && outcome->headers->count > 0)
		msgext_json_set(json, "headers", outcome->headers);
	return json;
}

MsgJson *
sample_events_json(const MsgEvent *events)
{
	MsgJson *list = msgext_json_new(test_arena, MSG_JSON_ARRAY);
	char at[32];

	for (; events != NULL; events = events->next)
	{
		MsgJson *json = msgext_json_new(test_arena, MSG_JSON_OBJECT);

		set_text(json, "provider_id", events->provider_id);
		set_text(json, "channel", events->channel);
		set_text(json, "state", msgext_state_name(events->state));
		set_text(json, "status", events->status);
		set_text(json, "code", events->code);
		set_text(json, "error", events->error);
		if (events->at_us != 0)
		{
			msgext_timestamp_format(events->at_us, at);
			set_text(json, "at", at);
		}
		if (events->detail != NULL)
			msgext_json_set(json, "detail", events->detail);
		msgext_json_append(list, json);
	}
	return list;
}

MsgJson *
sample_pushed_json(const MsgPushed *pushed)
{
	MsgJson *json = msgext_json_new(test_arena, MSG_JSON_OBJECT);
	char number[16];

	set_text(json, "id", pushed->inbox_id);
	set_text(json, "type", pushed->inbox_type);
	set_text(json, "answer", pushed->answer);
	set_text(json, "answer_type", pushed->answer_type);
	if (pushed->status != 0)
	{
		snprintf(number, sizeof(number), "%d", pushed->status);
		msgext_json_set(
			json, "status",
			msgext_json_number(test_arena, msgext_strdup(test_arena, number)));
	}
	return json;
}

void
sample_push_row(const MsgJson *row, MsgInbound *inbound)
{
	const MsgJson *header = msgext_json_get(row, "headers");
	const MsgJson *secret = msgext_json_get(row, "secrets");
	const char **secrets = msgext_alloc0(test_arena, 16 * sizeof(const char *));
	int64_t window_s = 0;
	MsgBuf lines;
	int n = 0;

	msgext_buf_init(&lines, test_arena, 256);
	for (header = header != NULL ? header->first : NULL; header != NULL;
		 header = header->next)
		msgext_buf_printf(&lines, "%s: %s\n", header->name, header->text);
	for (secret = secret != NULL ? secret->first : NULL; secret != NULL && n < 15;
		 secret = secret->next)
		secrets[n++] = secret->text;
	inbound->headers = lines.data;
	inbound->now_us = time_of(row, "now", SAMPLE_TIME_US);
	msgext_json_int64(msgext_json_get(row, "window_s"), false, &window_s);
	inbound->window_us = window_s * INT64_C(1000000);
	inbound->secrets = secrets;
}

bool
sample_same(const MsgJson *a, const MsgJson *b)
{
	const MsgJson *child;

	if (a == NULL || b == NULL || a->type != b->type || a->count != b->count ||
		a->truth != b->truth || a->len != b->len ||
		(a->len > 0 && memcmp(a->text, b->text, a->len) != 0))
		return false;
	if (a->type == MSG_JSON_OBJECT)
	{
		for (child = a->first; child != NULL; child = child->next)
		{
			if (!sample_same(child, msgext_json_get(b, child->name)))
				return false;
		}
		return true;
	}
	for (a = a->first, b = b->first; a != NULL; a = a->next, b = b->next)
	{
		if (!sample_same(a, b))
			return false;
	}
	return true;
}

const char *
sample_text(const MsgJson *node)
{
	MsgBuf buf;

	if (node == NULL)
		return "nothing";
	msgext_buf_init(&buf, test_arena, 0);
	msgext_json_write(&buf, node);
	return buf.data;
}
