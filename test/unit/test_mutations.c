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

#include "core/provider.h"
#include "sample.h"

static Samples samples;

/* Of the sample that is being damaged. */
static MsgReply whole_reply;
static const char *whole_id; /* that it accepts, or NULL */
static const char *whole_id_at;
static MsgJob job;
static int64_t runs;

typedef void (*Feed)(MsgArena *arena, const char *bytes, size_t len, bool in_id);

static void
feed_message(MsgArena *arena, const char *bytes, size_t len, bool in_id)
{
	MsgPayload payload = {.nparts = 0};
	MsgFragment fragment;
	MsgRequest request;
	MsgError error;
	MsgJob sent = job;

	(void) in_id;
	payload.message = msgext_json_parse(arena, bytes, len, &msgext_json_strict, &error);
	if (payload.message == NULL ||
		!samples.provider->prepare(arena, &samples.conn, &payload, &fragment, &error))
		return;
	sent.fragment = fragment.bytes;
	sent.fragment_len = fragment.len;
	if (!samples.provider->encode_send(arena, &samples.conn, &sent, 1, &request, &error))
		test_fail(__FILE__, __LINE__, "prepared, but not to be sent: %s", error.text);
}

static void
feed_send_reply(MsgArena *arena, const char *bytes, size_t len, bool in_id)
{
	MsgReply reply = whole_reply;
	MsgOutcome outcome;
	MsgError error;

	reply.body = bytes;
	reply.body_len = len;
	if (!samples.provider->decode_send(arena, &samples.conn, &reply, &job, 1, &outcome,
									   &error))
		return;
	if (outcome.verdict != MSG_VERDICT_ACCEPTED)
		return;

	/* Whoever changes a digit of the id changes the id: no reader could tell. */
	if (!in_id && (whole_id == NULL || strcmp(outcome.provider_id, whole_id) != 0))
		test_fail(__FILE__, __LINE__, "accepted as %s, not %s: %.*s", outcome.provider_id,
				  whole_id != NULL ? whole_id : "nothing", (int) len, bytes);
}

static void
feed_status_reply(MsgArena *arena, const char *bytes, size_t len, bool in_id)
{
	MsgReply reply = whole_reply;
	MsgOutcome outcome;
	MsgError error;

	(void) in_id;
	reply.body = bytes;
	reply.body_len = len;
	samples.provider->decode_status(arena, &samples.conn, &reply, &job, 1, &outcome,
									&error);
}

static void
feed_callback(MsgArena *arena, const char *bytes, size_t len, bool in_id)
{
	MsgInbound inbound = {.body = bytes, .body_len = len};
	MsgEvent *events = NULL;
	MsgError error;

	(void) in_id;
	if (!samples.provider->parse_callback(arena, &samples.conn, &inbound, &events,
										  &error))
		return;
	for (; events != NULL; events = events->next)
		CHECK(events->provider_id != NULL && events->status != NULL);
}

/* Feeds a copy of its own, with the byte at changed turned into value. */
static void
feed_copy(Feed feed, MsgArena *arena, const char *bytes, size_t len, size_t changed,
		  char value)
{
	char *copy = malloc(len > 0 ? len : 1);
	bool in_id = false;

	if (copy == NULL)
		abort();
	memcpy(copy, bytes, len);
	if (changed < len)
	{
		copy[changed] = value;
		in_id = whole_id_at != NULL && bytes + changed >= whole_id_at &&
				bytes + changed < whole_id_at + strlen(whole_id);
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

/* Where the whole answer has the id that it accepts. */
static void
find_id(void)
{
	MsgOutcome outcome;
	MsgError error;

	whole_id = whole_id_at = NULL;
	if (!samples.provider->decode_send(test_arena, &samples.conn, &whole_reply, &job, 1,
									   &outcome, &error) ||
		outcome.verdict != MSG_VERDICT_ACCEPTED)
		return;
	whole_id = outcome.provider_id;
	whole_id_at = strstr(whole_reply.body, whole_id);
	CHECK(whole_id_at != NULL);
}

static void
damage_file(const SampleFile *file)
{
	const char *kind = file->kind;
	int64_t now_us;

	whole_id = whole_id_at = NULL;
	sample_job(NULL, &job, &now_us);
	if (strcmp(kind, "message.json") == 0)
		damage(feed_message, file->bytes, file->len);
	else if (strcmp(kind, "callback") == 0)
		damage(feed_callback, file->bytes, file->len);
	else if (sample_reply(file, &whole_reply))
	{
		bool status = strcmp(kind, "status-reply") == 0;

		whole_reply.now_us = now_us;
		if (!status)
			find_id();
		damage(status ? feed_status_reply : feed_send_reply, whole_reply.body,
			   whole_reply.body_len);
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

		for (k = 0; opened && k < sizeof(kinds) / sizeof(kinds[0]); k++)
		{
			test_begin("%s: damaged samples of kind %s", (*provider)->name, kinds[k]);
			runs = 0;
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
