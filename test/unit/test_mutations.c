/*
 * test_mutations.c
 *		Samples of every provider cut off at every byte, and with every byte changed in a
 *		few ways. Nothing may crash, and no damaged answer to a send may accept a message
 *		under another id than the whole one.
 *
 * Each damaged input lies in a block of exactly its size, so that a memory checker sees
 * every byte read beyond it.
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "core/describe.h"
#include "core/lengthof.h"
#include "core/provider_list.h"
#include "sample.h"

static Samples samples;

#define JOBS_MAX 8

/* Of the sample that is being damaged. */
static MsgReply whole_reply;
static const char *whole_ids[JOBS_MAX]; /* that it accepts, or NULL, by job */
static const char *whole_ids_at[JOBS_MAX];
static MsgJob *jobs;
static int njobs;
static int64_t runs;

/* Some answer of the provider accepts a message without any id. */
static bool may_lack_id;

typedef void (*Feed)(MsgArena *arena, const char *bytes, size_t len, bool in_id);

static void
feed_message(MsgArena *arena, const char *bytes, size_t len, bool in_id)
{
	MsgPayload payload = {.id = jobs[0].id, .created_us = jobs[0].created_us};
	MsgFragment fragment;
	MsgRequest request;
	MsgError error;
	MsgJob sent = jobs[0];

	(void) in_id;
	payload.message = msgext_json_parse(arena, bytes, len, &msgext_json_strict, &error);
	if (payload.message == NULL ||
		!samples.provider->prepare(arena, &samples.conn, &payload, &fragment, &error))
		return;
	sent.fragment = fragment.bytes;
	sent.fragment_len = fragment.len;
	if (fragment.key != NULL)
		sent.key = fragment.key;
	if (!samples.provider->encode_send(arena, &samples.conn, &sent, 1, &request, &error))
		test_fail(__FILE__, __LINE__, "prepared, but not to be sent: %s", error.text);
}

/* Stored bytes, as another version may have written them or a disk have damaged. */
static void
feed_fragment(MsgArena *arena, const char *bytes, size_t len, bool in_id)
{
	(void) in_id;
	if (msgext_describe(samples.provider, arena, bytes, len)->type != MSG_JSON_OBJECT)
		test_fail(__FILE__, __LINE__, "told as no object");
}

static void
feed_send_reply(MsgArena *arena, const char *bytes, size_t len, bool in_id)
{
	MsgReply reply = whole_reply;
	MsgOutcome outcomes[JOBS_MAX];
	MsgError error;
	int i;

	reply.body = bytes;
	reply.body_len = len;
	if (!samples.provider->decode_send(arena, &samples.conn, &reply, jobs, njobs,
									   outcomes, &error))
		return;
	for (i = 0; i < njobs; i++)
	{
		const char *id = outcomes[i].provider_id;

		if (outcomes[i].verdict != MSG_VERDICT_ACCEPTED)
			continue;

		/* Whoever changes a digit of the id changes the id: no reader could say. */
		if (id == NULL
				? !may_lack_id
				: !in_id && (whole_ids[i] == NULL || strcmp(id, whole_ids[i]) != 0))
			test_fail(__FILE__, __LINE__, "accepted as %s, not %s: %.*s",
					  id != NULL ? id : "nothing",
					  whole_ids[i] != NULL ? whole_ids[i] : "nothing", (int) len, bytes);
	}
}

static void
feed_status_reply(MsgArena *arena, const char *bytes, size_t len, bool in_id)
{
	MsgReply reply = whole_reply;
	MsgOutcome outcomes[JOBS_MAX];
	MsgError error;

	(void) in_id;
	reply.body = bytes;
	reply.body_len = len;
	samples.provider->decode_status(arena, &samples.conn, &reply, jobs, njobs, outcomes,
									&error);
}

static void
feed_callback(MsgArena *arena, const char *bytes, size_t len, bool in_id)
{
	MsgInbound inbound = {.body = bytes, .body_len = len};
	MsgPushed pushed = {0};
	const MsgEvent *events;
	MsgError error;

	(void) in_id;
	if (!samples.provider->parse_callback(arena, &samples.conn, &inbound, &pushed,
										  &error))
		return;
	for (events = pushed.events; events != NULL; events = events->next)
		CHECK(events->provider_id != NULL && events->status != NULL);
}

/* Feeds a copy of its own, with the byte at changed turned into value. */
static void
feed_copy(Feed feed, MsgArena *arena, const char *bytes, size_t len, size_t changed,
		  char value)
{
	char *copy = malloc(len > 0 ? len : 1);
	bool in_id = false;
	int i;

	if (copy == NULL)
		abort();
	memcpy(copy, bytes, len);
	if (changed < len)
	{
		copy[changed] = value;
		for (i = 0; i < njobs; i++)
			in_id |= whole_ids[i] != NULL && bytes + changed >= whole_ids_at[i] &&
					 bytes + changed < whole_ids_at[i] + strlen(whole_ids[i]);
	}
	feed(arena, copy, len, in_id);
	msgext_arena_std_reset(arena);
	free(copy);
	runs++;
}

static void
damage(Feed feed, const char *bytes, size_t len)
{
	MsgArena *arena = msgext_arena_std_create();
	size_t i;

	for (i = 0; i <= len; i++)
		feed_copy(feed, arena, bytes, i, len, 0);
	for (i = 0; i < len; i++)
	{
		feed_copy(feed, arena, bytes, len, i, (char) (bytes[i] ^ 0x01));
		feed_copy(feed, arena, bytes, len, i, (char) (bytes[i] ^ 0x20));
		feed_copy(feed, arena, bytes, len, i, (char) (bytes[i] ^ 0x80));
		feed_copy(feed, arena, bytes, len, i, '\0');
	}
	msgext_arena_std_destroy(arena);
}

/* Where the whole answer has the ids that it accepts. */
static void
find_ids(void)
{
	MsgOutcome outcomes[JOBS_MAX];
	MsgError error;
	int i;

	if (!samples.provider->decode_send(test_arena, &samples.conn, &whole_reply, jobs,
									   njobs, outcomes, &error))
		return;
	for (i = 0; i < njobs; i++)
	{
		if (outcomes[i].verdict != MSG_VERDICT_ACCEPTED)
			continue;
		whole_ids[i] = outcomes[i].provider_id;
		may_lack_id |= whole_ids[i] == NULL;
		if (whole_ids[i] == NULL)
			continue;
		whole_ids_at[i] = strstr(whole_reply.body, whole_ids[i]);
		CHECK(whole_ids_at[i] != NULL);
	}
}

/* Reads a sample with its jobs; false when it has no answer that can be read. */
static bool
open_file(const SampleFile *file)
{
	const SampleFile *job_file = sample_find(&samples, file->name, "job.json");
	int64_t now_us;

	memset(whole_ids, 0, sizeof(whole_ids));
	njobs =
		sample_jobs(job_file != NULL ? sample_json(job_file->bytes, job_file->len) : NULL,
					&jobs, &now_us);
	if (njobs > JOBS_MAX)
	{
		test_fail(__FILE__, __LINE__, "%s has too many jobs", file->name);
		return false;
	}
	if (strstr(file->kind, "reply") == NULL)
		return true;
	if (!sample_reply(file, &whole_reply))
		return false;
	whole_reply.now_us = now_us;
	if (strcmp(file->kind, "reply") == 0)
		find_ids();
	return true;
}

/* What is stored of a message, as another version may have written it. */
static void
damage_fragment(const SampleFile *file)
{
	MsgFragment fragment;
	MsgPayload payload;
	MsgError error;

	if (!sample_payload(&samples, file, &payload))
		return;
	if (payload.message->type == MSG_JSON_ARRAY)
		payload.message = payload.message->first;
	if (samples.provider->prepare(test_arena, &samples.conn, &payload, &fragment, &error))
		damage(feed_fragment, fragment.bytes, fragment.len);
	else
		test_fail(__FILE__, __LINE__, "refused: %s", error.text);
}

static void
damage_file(const SampleFile *file)
{
	const char *kind = file->kind;

	if (!open_file(file))
		return;
	if (strcmp(kind, "message.json") == 0)
	{
		damage(feed_message, file->bytes, file->len);
		damage_fragment(file);
	}
	else if (strcmp(kind, "callback") == 0)
		damage(feed_callback, file->bytes, file->len);
	else
		damage(strcmp(kind, "status-reply") == 0 ? feed_status_reply : feed_send_reply,
			   whole_reply.body, whole_reply.body_len);
}

/* Every answer is read once undamaged, for what the provider may leave out. */
static void
read_replies(void)
{
	int i;

	may_lack_id = false;
	for (i = 0; i < samples.count; i++)
	{
		if (strcmp(samples.files[i].kind, "reply") == 0)
			open_file(&samples.files[i]);
	}
}

void
test_mutations(void)
{
	static const char *const kinds[] = {"message.json", "reply", "status-reply",
										"callback"};
	const MsgProvider *const *provider;
	int i;
	size_t k;

	for (provider = msgext_providers; *provider != NULL; provider++)
	{
		bool opened = samples_open(&samples, *provider);

		for (k = 0; opened && k < lengthof(kinds); k++)
		{
			test_begin("%s: damaged samples of kind %s", (*provider)->name, kinds[k]);
			runs = 0;
			read_replies();
			for (i = 0; i < samples.count; i++)
			{
				if (strcmp(samples.files[i].kind, kinds[k]) == 0)
					damage_file(&samples.files[i]);
			}
			CHECK(runs > 0 || ((*provider)->caps & (MSG_CAN_POLL | MSG_CAN_CALLBACK)) !=
								  (MSG_CAN_POLL | MSG_CAN_CALLBACK));
			test_end();
		}
		samples_close();
	}
}
