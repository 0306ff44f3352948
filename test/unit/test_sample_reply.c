/*
 * test_sample_reply.c
 *		What providers are made to answer in tests is read by their own codecs as it was
 *		meant, for every message among their samples.
 */
#include "test.h"

#include <string.h>

#include "core/lengthof.h"
#include "core/provider_list.h"
#include "sample.h"

#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)

static Samples samples;

static bool
decode(MsgSampleKind kind, const MsgReply *reply, const MsgJob *job, MsgOutcome *outcome)
{
	const MsgProvider *provider = samples.provider;
	MsgError error = {.code = ""};
	bool read = kind == MSG_SAMPLE_SEND
					? provider->decode_send(test_arena, &samples.conn, reply, job, 1,
											outcome, &error)
					: provider->decode_status(test_arena, &samples.conn, reply, job, 1,
											  outcome, &error);

	if (!read)
		FAIL("%s cannot read its own sample: %s", provider->name, error.text);
	return read;
}

/* PAUSE is for a server; an account's is as good as a wish for a new session. */
static bool
means(MsgVerdict meant, MsgVerdict read)
{
	if (meant == MSG_VERDICT_PAUSE_ACCOUNT)
		return read == MSG_VERDICT_PAUSE_ACCOUNT || read == MSG_VERDICT_RELOGIN;
	return read == meant;
}

static void
check_send(MsgJob *job, MsgVerdict verdict, MsgOutcome *outcome)
{
	MsgSample sample = {.verdict = verdict, .number = 1001, .at_us = job->created_us};
	MsgError error = {.code = ""};
	MsgReply reply;

	memset(&reply, 0xEE, sizeof(reply));
	memset(outcome, 0, sizeof(*outcome));
	if (!samples.provider->sample_reply(test_arena, &samples.conn, MSG_SAMPLE_SEND, job,
										&sample, 1, &reply, &error))
	{
		FAIL("%s has no answer for %s: %s", samples.provider->name,
			 msgext_verdict_name(verdict), error.text);
		return;
	}
	if (!decode(MSG_SAMPLE_SEND, &reply, job, outcome))
		return;
	if (!means(verdict, outcome->verdict))
		FAIL("%s reads its answer for %s as %s: %s", samples.provider->name,
			 msgext_verdict_name(verdict), msgext_verdict_name(outcome->verdict),
			 reply.body);
}

/* The provider has it from an attempt that was lost: its repeat is no second message. */
static void
check_known(MsgJob job, const char *first_id)
{
	MsgSample sample = {.verdict = MSG_VERDICT_ACCEPTED, .number = 1001, .known = true};
	MsgError error = {.code = ""};
	MsgOutcome outcome;
	MsgReply reply;

	if ((samples.provider->caps & MSG_CAN_DEDUP) == 0)
		return;
	job.maybe_sent = true;
	job.attempt = 2;
	CHECK(samples.provider->sample_reply(test_arena, &samples.conn, MSG_SAMPLE_SEND, &job,
										 &sample, 1, &reply, &error));
	if (!decode(MSG_SAMPLE_SEND, &reply, &job, &outcome))
		return;
	CHECK(outcome.verdict == MSG_VERDICT_ACCEPTED);
	CHECK_TEXT(outcome.provider_id, first_id);
}

/*
 * A state that the provider has a word for is the state that is read; what earlier answers
 * told of the message may know better.
 */
static int
check_states(const MsgJob *job)
{
	int told = 0;
	int state;

	for (state = MSG_ACCEPTED; state <= MSG_CANCELLED; state++)
	{
		MsgSample sample = {.state = (MsgState) state, .at_us = job->created_us};
		MsgError error = {.code = ""};
		MsgOutcome outcome;
		MsgReply reply;

		if (samples.provider->encode_status != NULL &&
			samples.provider->sample_reply(test_arena, &samples.conn, MSG_SAMPLE_STATUS,
										   job, &sample, 1, &reply, &error) &&
			decode(MSG_SAMPLE_STATUS, &reply, job, &outcome))
		{
			CHECK(outcome.verdict == MSG_VERDICT_PROGRESS);
			if (outcome.verdict == MSG_VERDICT_PROGRESS && outcome.events != NULL &&
				job->detail == NULL)
				CHECK_TEXT(msgext_state_name(outcome.events->state),
						   msgext_state_name((MsgState) state));
			told++;
		}
		if (samples.provider->parse_callback != NULL &&
			samples.provider->sample_reply(test_arena, &samples.conn, MSG_SAMPLE_PUSH,
										   job, &sample, 1, &reply, &error))
		{
			MsgInbound inbound = {.body = reply.body, .body_len = reply.body_len};
			MsgPushed pushed = {0};
			const MsgEvent *event;

			CHECK(samples.provider->parse_callback(test_arena, &samples.conn, &inbound,
												   &pushed, &error));
			event = pushed.events;
			CHECK(event != NULL && event->state == (MsgState) state);
			if (event != NULL)
				CHECK_TEXT(event->provider_id, job->provider_id);
			told++;
		}
	}
	return told;
}

static void
check_payload(const SampleFile *file, MsgPayload payload)
{
	static const MsgVerdict verdicts[] = {MSG_VERDICT_REJECTED, MSG_VERDICT_RETRY,
										  MSG_VERDICT_PAUSE, MSG_VERDICT_PAUSE_ACCOUNT};
	MsgError error = {.code = ""};
	MsgFragment fragment;
	MsgOutcome outcome;
	MsgJob *jobs;
	int64_t now_us;
	size_t i;

	sample_jobs(NULL, &jobs, &now_us);
	payload.id = jobs[0].id;
	payload.created_us = jobs[0].created_us;
	memset(&fragment, 0, sizeof(fragment));
	if (!samples.provider->prepare(test_arena, &samples.conn, &payload, &fragment,
								   &error))
	{
		FAIL("%s: %s", file->name, error.text);
		return;
	}
	jobs[0].fragment = fragment.bytes;
	jobs[0].fragment_len = fragment.len;
	jobs[0].channels = fragment.channels;
	if (fragment.key != NULL)
		jobs[0].key = fragment.key;
	for (i = 0; i < lengthof(verdicts); i++)
		check_send(&jobs[0], verdicts[i], &outcome);
	check_send(&jobs[0], MSG_VERDICT_ACCEPTED, &outcome);

	/* Who gives a message no id says nothing of it later on: its end is told at once. */
	CHECK(outcome.provider_id != NULL || outcome.reached == MSG_DELIVERED);
	if (outcome.provider_id == NULL)
		return;
	check_known(jobs[0], outcome.provider_id);
	jobs[0].provider_id = outcome.provider_id;
	CHECK(check_states(&jobs[0]) > 0 ||
		  (samples.provider->caps & (MSG_CAN_POLL | MSG_CAN_CALLBACK)) == 0);
	jobs[0].detail = outcome.detail;
	(void) check_states(&jobs[0]);
}

void
test_sample_reply(void)
{
	const MsgProvider *const *provider;

	for (provider = msgext_providers; *provider != NULL; provider++)
	{
		int i;

		if ((*provider)->sample_reply == NULL || !samples_open(&samples, *provider))
			continue;
		for (i = 0; i < samples.count; i++)
		{
			const SampleFile *file = &samples.files[i];
			MsgPayload payload;

			if (strcmp(file->kind, "message.json") != 0)
				continue;
			test_begin("%s: what it is made to answer means what it should, of %s",
					   (*provider)->name, file->name);
			if (sample_payload(&samples, file, &payload))
			{
				if (msgext_json_is(payload.message, MSG_JSON_ARRAY))
					payload.message = payload.message->first;
				check_payload(file, payload);
			}
			test_end();
		}
		samples_close();
	}
}
