/*
 * answerer.c
 *		The provider in a rehearsal: see answerer.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "core/describe.h"
#include "pg/base/arena_pg.h"
#include "pg/base/clock.h"
#include "pg/base/json_pg.h"
#include "pg/base/mode.h"
#include "pg/base/text.h"
#include "pg/engine/scrub.h"
#include "pg/test/answerer.h"
#include "pg/test/case.h"
#include "pg/test/preview.h"
#include "pg/test/sent.h"

/* Sessions at a time whose numbers stay apart, and how far. */
#define PLACES 1000
#define NUMBERS 1000000

/* An entry of the journal on its way. */
typedef struct Entry
{
	MsgJournalEntry journal; /* the first */
	MsgCaseMessage *message;
	int turn; /* in which it was sent */
	bool send;
	MsgState before;
} Entry;

/* An answer on its way; its reply is in the flight's arena. */
typedef struct Answer
{
	MsgFlight *flight;
	MsgTransport transport;
	MsgReply reply;
	const char *error;
} Answer;

MsgCaseMessage *
msgext_answerer_find(const MsgAnswerer *answerer, int64 id)
{
	int low = 0;
	int high = answerer->n - 1;

	while (low < high)
	{
		int middle = (low + high) / 2;

		if (answerer->messages[middle].row.id < id)
			low = middle + 1;
		else
			high = middle;
	}
	Assert(answerer->messages[low].row.id == id);
	return &answerer->messages[low];
}

/*
 * Providers' ids are unique: of tests that run side by side each has its own. One that runs
 * alone has the same each time. The place is held until the transaction ends.
 */
static int64
take_place(void)
{
	LOCKTAG tag;
	int place;

	for (place = 0; place < PLACES; place++)
	{
		SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ExtensionRelationId,
						   get_extension_oid(MSG_TEST_EXTENSION, false), place + 1);
		if (LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL)
			break;
	}
	return (int64) place * NUMBERS;
}

static void
read_messages(MsgAnswerer *answerer)
{
	MsgTable *outbox = msgext_outbox_open(false);
	List *rows = msgext_case_messages(outbox);
	int i;

	answerer->n = list_length(rows);
	answerer->messages = palloc0(sizeof(MsgCaseMessage) * (answerer->n + 1));
	for (i = 0; i < answerer->n; i++)
	{
		MsgCaseMessage *message = &answerer->messages[i];

		message->n = i + 1;
		message->row = *(MsgRow *) list_nth(rows, i);
		message->told_state = message->row.state;
		message->told_waiting = msgext_row_text(&message->row, Anum_outbox_waiting);
	}
	msgext_table_close(outbox);
}

/* What has been sent and taken before, for the limits and the provider's memory. */
static void
read_journal(MsgAnswerer *answerer, MsgEngine *engine)
{
	List *entries = msgext_journal_read(answerer->case_number, &answerer->last_number);
	ListCell *cell;

	answerer->written = list_length(entries);
	foreach (cell, entries)
	{
		const MsgJournalEntry *entry = lfirst(cell);
		MsgServer *server = msgext_server_get(entry->server_oid);
		MsgCaseMessage *message = msgext_answerer_find(answerer, entry->message);

		if (entry->number != 0)
			message->number = entry->number;
		message->taken |= entry->taken;
		message->sent += strcmp(entry->kind, "send") == 0;
		message->asked += strcmp(entry->kind, "status") == 0;
		if (strcmp(entry->kind, "send") == 0 && server != NULL &&
			server->rate_limit.count > 0)
			msgext_limiter_left(engine->limiter, server->name, entry->limit_key,
								&server->rate_limit, entry->at);
	}
	answerer->last_number += take_place();
}

MsgCaseMessage *
msgext_answerer_message(MsgAnswerer *answerer, int n)
{
	if (n < 1 || n > answerer->n)
		msgext_case_no_message(n, answerer->n);
	return &answerer->messages[n - 1];
}

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
script_of(MsgAnswerer *answerer, const MsgFlight *flight, MsgCaseMessage *message)
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
	const MsgScripted *found = answerer->forced;

	if (found == NULL)
		found = msgext_stubs_answer(answerer->stubs, &request);
	if (found == NULL)
		found = msgext_fate_answer(fate_of(flight, message), message->sent);
	return found != NULL ? found : &usual;
}

/* The provider's own words. Returns false, with the error noted, where it has none. */
static bool
say(MsgAnswerer *answerer, MsgFlight *flight, MsgSampleKind kind,
	const MsgSample *samples, MsgReply *reply)
{
	const MsgProvider *provider = flight->server->provider;
	MsgError error = {0};

	if (provider->sample_reply == NULL)
	{
		answerer->error = "its codec makes no samples";
		return false;
	}
	if (provider->sample_reply(flight->arena, &flight->conn, kind, flight->jobs, samples,
							   flight->n, reply, &error))
		return true;
	answerer->error = pstrdup(error.text);
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
answer_by_sample(MsgAnswerer *answerer, Answer *answer, const MsgScripted **scripts)
{
	MsgFlight *flight = answer->flight;
	MsgSample *samples = palloc0(sizeof(MsgSample) * flight->n);
	int retry_after = -1;
	int i;

	for (i = 0; i < flight->n; i++)
	{
		MsgCaseMessage *message = msgext_answerer_find(answerer, flight->jobs[i].id);

		samples[i].verdict = scripts[i]->verdict;
		samples[i].code = scripts[i]->code;
		samples[i].known = message->taken && flight->server->policy.deduplicates;
		samples[i].number = message->number;
		samples[i].at_us = msgext_unix_us(answerer->now);
		retry_after = Max(retry_after, scripts[i]->retry_after);
	}
	if (say(answerer, flight, MSG_SAMPLE_SEND, samples, &answer->reply) &&
		retry_after >= 0)
		add_retry_after(flight, retry_after, &answer->reply);
}

/* What an HTTP client would find in the headers; of a date, nothing. */
static int64
retry_after(const Answer *answer)
{
	const char *value =
		msgext_reply_header(answer->flight->arena, &answer->reply, "Retry-After");

	if (value == NULL || strspn(value, "0123456789") != strlen(value))
		return -1;
	return Min(strtoll(value, NULL, 10), 365 * SECS_PER_DAY) * 1000;
}

static void
answer_as_a_whole(Answer *answer, const MsgScripted *script)
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

/* Of what the request says; secrets in it are overwritten. */
static Entry *
add_entry(MsgAnswerer *answerer, MsgFlight *flight, int i, const char *text)
{
	MsgCaseMessage *message = msgext_answerer_find(answerer, flight->jobs[i].id);
	const MsgRequest *request = &flight->request;
	Entry *entry = palloc0(sizeof(Entry));

	entry->message = message;
	entry->turn = answerer->turn;
	entry->send = flight->kind == MSG_FLIGHT_SEND;
	entry->before = message->row.state;
	entry->journal.n = message->n;
	entry->journal.message = message->row.id;
	entry->journal.kind = entry->send ? "send" : "status";
	entry->journal.attempt = entry->send ? flight->jobs[i].attempt : 0;
	entry->journal.at = answerer->now;
	entry->journal.server_oid = flight->server->oid;
	entry->journal.server = pstrdup(flight->server->name);
	entry->journal.limit_key = msgext_row_text(&message->row, Anum_outbox_limit_key);
	entry->journal.answer = text;
	entry->journal.method = pstrdup(request->method);
	entry->journal.url = msgext_from_utf8(
		pstrdup(msgext_preview_masked(flight, request->url, strlen(request->url))));
	entry->journal.headers = msgext_preview_headers(flight);
	if (request->body != NULL)
	{
		char *body = palloc(request->body_len + 1);

		memcpy(body, msgext_preview_masked(flight, request->body, request->body_len),
			   request->body_len);
		entry->journal.body = body;
		entry->journal.body_len = request->body_len;
	}
	answerer->entries = lappend(answerer->entries, entry);
	answerer->unrecorded = lappend(answerer->unrecorded, entry);
	message->attempts_now++;
	message->sent += entry->send;
	message->asked += !entry->send;
	message->attempted_at = answerer->now;
	return entry;
}

static void
note_reply(Entry *entry, const Answer *answer)
{
	char *reply;

	if (answer->transport != MSG_TRANSPORT_ANSWERED)
		return;
	reply = palloc(answer->reply.body_len + 1);
	memcpy(reply, answer->reply.body, answer->reply.body_len);
	entry->journal.status = answer->reply.status;
	entry->journal.reply = reply;
	entry->journal.reply_len = answer->reply.body_len;
}

static void
answer_send(MsgAnswerer *answerer, Answer *answer)
{
	MsgFlight *flight = answer->flight;
	const MsgScripted **scripts = palloc(sizeof(MsgScripted *) * flight->n);
	const MsgScripted *whole;
	int i;

	for (i = 0; i < flight->n; i++)
	{
		MsgCaseMessage *message = msgext_answerer_find(answerer, flight->jobs[i].id);

		/* Where repeats are not known, what comes again is another message. */
		if (message->number == 0 ||
			(message->taken && !flight->server->policy.deduplicates))
			message->number = ++answerer->last_number;
		scripts[i] = script_of(answerer, flight, message);
	}
	whole = whole_answer(scripts, flight->n);
	if (whole != NULL)
		answer_as_a_whole(answer, whole);
	else
		answer_by_sample(answerer, answer, scripts);
	for (i = 0; i < flight->n; i++)
	{
		MsgCaseMessage *message = msgext_answerer_find(answerer, flight->jobs[i].id);
		Entry *entry = add_entry(answerer, flight, i,
								 whole != NULL ? whole->text : scripts[i]->text);

		entry->journal.number = message->number;
		entry->journal.taken = whole != NULL
								   ? whole->kind == MSG_REPLY_LOST
								   : scripts[i]->verdict == MSG_VERDICT_ACCEPTED;
		message->taken |= entry->journal.taken;
		note_reply(entry, answer);
	}
}

/* What the provider is known to know; 503 where it has no words for that. */
static void
answer_poll(MsgAnswerer *answerer, Answer *answer)
{
	MsgFlight *flight = answer->flight;
	MsgSample *samples = palloc0(sizeof(MsgSample) * flight->n);
	int i;

	for (i = 0; i < flight->n; i++)
	{
		MsgCaseMessage *message = msgext_answerer_find(answerer, flight->jobs[i].id);

		samples[i].state = message->row.state;
		if (answerer->told)
		{
			samples[i].state = answerer->told_state;
			samples[i].channel = answerer->told_channel;
		}
		else
			(void) msgext_fate_tells(fate_of(flight, message),
									 msgext_row_text(&message->row, Anum_outbox_channels),
									 message->asked, &samples[i].state,
									 &samples[i].channel);
		samples[i].at_us = msgext_unix_us(answerer->now);
	}
	if (!say(answerer, flight, MSG_SAMPLE_STATUS, samples, &answer->reply) &&
		!answerer->told)
	{
		answerer->error = NULL;
		msgext_reply(&answer->reply, 503, "", "");
	}
	for (i = 0; i < flight->n; i++)
		note_reply(add_entry(answerer, flight, i, msgext_state_name(samples[i].state)),
				   answer);
}

static bool
submit(MsgPeer *peer, MsgFlight *flight)
{
	MsgAnswerer *answerer = (MsgAnswerer *) peer;
	MemoryContext before = MemoryContextSwitchTo(answerer->context);
	Answer *answer = palloc0(sizeof(Answer));

	answer->flight = flight;
	msgext_reply(&answer->reply, 500, "", "");
	msgext_scrub_secrets(flight);
	if (flight->kind == MSG_FLIGHT_SEND)
		answer_send(answerer, answer);
	else
		answer_poll(answerer, answer);
	answer->reply.now_us = msgext_unix_us(answerer->now);
	answerer->results = lappend(answerer->results, answer);
	MemoryContextSwitchTo(before);
	return true;
}

static bool
take(MsgPeer *peer, MsgHttpResult *result)
{
	MsgAnswerer *answerer = (MsgAnswerer *) peer;
	Answer *answer;

	if (answerer->results == NIL)
		return false;
	answer = linitial(answerer->results);
	answerer->results = list_delete_first(answerer->results);
	memset(result, 0, sizeof(*result));
	result->cookie = answer->flight;
	result->transport = answer->transport;
	result->reply = answer->reply;
	result->error = answer->error;
	if (answer->transport != MSG_TRANSPORT_ANSWERED)
		result->reply.status = 0;
	return true;
}

static void
release(MsgPeer *peer, MsgHttpResult *result)
{
}

void
msgext_answerer_init(MsgAnswerer *answerer, MemoryContext context, MsgEngine *engine)
{
	answerer->peer.submit = submit;
	answerer->peer.take = take;
	answerer->peer.release = release;
	answerer->context = context;
	answerer->case_number = msgext_case()->number;
	msgext_case_see();
	read_messages(answerer);
	read_journal(answerer, engine);
	answerer->stubs = msgext_stubs_read(answerer->case_number);
	msgext_case_unsee();
}

void
msgext_answerer_refresh(MsgAnswerer *answerer, MsgTable *outbox)
{
	MemoryContext before = MemoryContextSwitchTo(answerer->context);
	ListCell *cell;
	int i;

	foreach (cell, answerer->unrecorded)
	{
		const Entry *entry = lfirst(cell);

		entry->message->stale |= entry->turn < answerer->turn;
	}
	for (i = 0; i < answerer->n; i++)
	{
		MsgCaseMessage *message = &answerer->messages[i];
		HeapTuple old = message->row.tuple;

		if (!message->stale)
			continue;
		message->stale = false;
		message->read_again = true;
		if (msgext_outbox_find(outbox, message->row.id, GetActiveSnapshot(),
							   &message->row))
			heap_freetuple(old);
	}
	MemoryContextSwitchTo(before);
}

void
msgext_answerer_tell(MsgAnswerer *answerer, MsgCaseMessage *message, int attempt,
					 const char *answer)
{
	MsgHappening *happening = palloc0(sizeof(MsgHappening));

	happening->n = message->n;
	happening->attempt = attempt;
	happening->answer = answer;
	happening->state = msgext_state_name(message->row.state);
	answerer->happenings = lappend(answerer->happenings, happening);
	message->told_now = true;
}

void
msgext_answerer_note_states(MsgAnswerer *answerer)
{
	MemoryContext before = MemoryContextSwitchTo(answerer->context);
	MsgTable *outbox = msgext_outbox_open(false);
	ListCell *cell;

	msgext_answerer_refresh(answerer, outbox);
	msgext_table_close(outbox);
	foreach (cell, answerer->unrecorded)
	{
		Entry *entry = lfirst(cell);
		MsgState state = entry->message->row.state;

		if (entry->turn >= answerer->turn)
			continue;
		answerer->unrecorded = foreach_delete_current(answerer->unrecorded, cell);
		entry->journal.state = msgext_state_name(state);

		/* Status requests without news are in the journal alone. */
		if (entry->send || state != entry->before)
			msgext_answerer_tell(answerer, entry->message, entry->journal.attempt,
								 entry->journal.answer);
	}
	MemoryContextSwitchTo(before);
}

void
msgext_answerer_finish(MsgAnswerer *answerer)
{
	msgext_stubs_write(answerer->stubs);
	msgext_journal_write(answerer->case_number, answerer->written, answerer->entries);
}
