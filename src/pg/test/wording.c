/*
 * wording.c
 *		What the provider answers in a rehearsal: see wording.h.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "pg/base/arena_pg.h"
#include "pg/base/clock.h"
#include "pg/base/json_pg.h"
#include "pg/test/sent.h"
#include "pg/test/wording.h"

static Jsonb *
describe_job(void *arg)
{
	const MsgRow *row = arg;

	return msgext_json_to_jsonb_whole(
		msgext_sent_message(msgext_arena_pg_create(CurrentMemoryContext), row));
}

/* Of a message that is about to be answered for the first time. */
static MsgFate
fate_of(const MsgFlight *flight, MsgCaseMessage *message)
{
	if (!message->fate_known)
	{
		bytea *payload = msgext_row_payload(&message->row);

		message->fate = msgext_fate_of(flight->server->provider, VARDATA_ANY(payload),
									   VARSIZE_ANY_EXHDR(payload));
		message->fate_known = true;
	}
	return message->fate;
}

static const MsgScripted *
script_of(MsgRules *rules, const MsgFlight *flight, MsgCaseMessage *message)
{
	static const MsgScripted usual = {
		.text = "accept",
		.kind = MSG_REPLY_SAMPLE,
		.verdict = MSG_VERDICT_ACCEPTED,
		.retry_after = -1,
	};
	MsgStubbed request = {
		.server = flight->server->oid,
		.recipient = msgext_row_text(&message->row, Anum_outbox_recipient),
		.message = describe_job,
		.arg = &message->row,
	};
	const MsgScripted *found = rules->forced;

	if (found == NULL)
		found = msgext_stubs_answer(rules->stubs, &request);
	if (found == NULL)
		found = msgext_fate_answer(fate_of(flight, message), message->sent);
	return found != NULL ? found : &usual;
}

/* The provider's own words. Returns false, with the error noted, where it has none. */
static bool
say(MsgRules *rules, MsgFlight *flight, MsgSampleKind kind, const MsgSample *samples,
	MsgReply *reply)
{
	const MsgProvider *provider = flight->server->provider;
	MsgError error = {0};

	if (provider->sample_reply == NULL)
	{
		rules->error = "its codec makes no samples";
		return false;
	}
	if (provider->sample_reply(flight->arena, &flight->conn, kind, flight->jobs, samples,
							   flight->n, reply, &error))
		return true;
	rules->error = pstrdup(error.text);
	return false;
}

/* What stands for the whole request, where one of its messages is answered so. */
static const MsgScripted *
whole_answer(const MsgScripted **scripts, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (scripts[i]->kind != MSG_REPLY_SAMPLE)
			return scripts[i];
	return NULL;
}

static void
add_retry_after(MsgFlight *flight, int seconds, MsgReply *reply)
{
	MsgBuf headers;

	msgext_buf_init(&headers, flight->arena, 128);
	msgext_buf_printf(&headers, "%sRetry-After: %d\n",
					  reply->headers != NULL ? reply->headers : "", seconds);
	reply->headers = headers.data;
	reply->retry_after_ms = (int64) seconds * 1000;
}

/* In words of the provider, to each message as its rule says. */
static void
answer_by_sample(MsgRules *rules, MsgWording *answer, MsgCaseMessage **messages,
				 const MsgScripted **scripts)
{
	MsgFlight *flight = answer->flight;
	MsgSample *samples = palloc0(sizeof(MsgSample) * flight->n);
	int retry_after = -1;
	int i;

	for (i = 0; i < flight->n; i++)
	{
		MsgCaseMessage *message = messages[i];

		samples[i].verdict = scripts[i]->verdict;
		samples[i].code = scripts[i]->code;
		samples[i].known = message->taken && flight->server->policy.deduplicates;
		samples[i].number = message->number;
		samples[i].at_us = msgext_unix_us(rules->now);
		retry_after = Max(retry_after, scripts[i]->retry_after);
	}
	if (say(rules, flight, MSG_SAMPLE_SEND, samples, &answer->reply) && retry_after >= 0)
		add_retry_after(flight, retry_after, &answer->reply);
}

/* What an HTTP client would find in the headers; of a date, nothing. */
static int64
retry_after(const MsgWording *answer)
{
	const char *value =
		msgext_reply_header(answer->flight->arena, &answer->reply, "Retry-After");

	if (value == NULL || strspn(value, "0123456789") != strlen(value))
		return -1;
	return Min(strtoll(value, NULL, 10), 365 * SECS_PER_DAY) * 1000;
}

static void
answer_as_a_whole(MsgWording *answer, const MsgScripted *script)
{
	switch (script->kind)
	{
		case MSG_REPLY_HTTP:
			msgext_reply(&answer->reply, script->status, script->headers, "");
			answer->reply.retry_after_ms = retry_after(answer);
			if (script->body != NULL)
			{
				answer->reply.body = script->body;
				answer->reply.body_len = script->body_len;
			}
			break;
		case MSG_REPLY_REFUSED:
			answer->transport = MSG_TRANSPORT_NEVER_LEFT;
			answer->error = "no connection, in a test";
			break;
		default:
			answer->transport = MSG_TRANSPORT_CUT;
			answer->error = "no answer, in a test";
			break;
	}
}

void
msgext_wording_send(MsgRules *rules, MsgWording *answer, MsgCaseMessage **messages,
					const MsgScripted **scripts)
{
	const MsgFlight *flight = answer->flight;
	const MsgScripted *whole;
	int i;

	for (i = 0; i < flight->n; i++)
		scripts[i] = script_of(rules, flight, messages[i]);
	whole = whole_answer(scripts, flight->n);
	if (whole == NULL)
	{
		answer_by_sample(rules, answer, messages, scripts);
		return;
	}
	answer_as_a_whole(answer, whole);
	for (i = 0; i < flight->n; i++)
		scripts[i] = whole;
}

void
msgext_wording_poll(MsgRules *rules, MsgWording *answer, MsgCaseMessage **messages,
					MsgState *states)
{
	MsgFlight *flight = answer->flight;
	MsgSample *samples = palloc0(sizeof(MsgSample) * flight->n);
	int i;

	for (i = 0; i < flight->n; i++)
	{
		MsgCaseMessage *message = messages[i];

		samples[i].state = message->row.state;
		if (rules->told)
		{
			samples[i].state = rules->told_state;
			samples[i].channel = rules->told_channel;
		}
		else
			(void) msgext_fate_tells(fate_of(flight, message),
									 msgext_row_text(&message->row, Anum_outbox_channels),
									 message->asked, &samples[i].state,
									 &samples[i].channel);
		samples[i].at_us = msgext_unix_us(rules->now);
		states[i] = samples[i].state;
	}
	if (!say(rules, flight, MSG_SAMPLE_STATUS, samples, &answer->reply) && !rules->told)
	{
		rules->error = NULL;
		msgext_reply(&answer->reply, 503, "", "");
	}
}
