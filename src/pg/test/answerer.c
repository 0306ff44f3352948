/*
 * answerer.c
 *		The provider in a rehearsal: see answerer.h. What it says is wording.c's.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "pg/base/clock.h"
#include "pg/base/mode.h"
#include "pg/base/text.h"
#include "pg/engine/scrub.h"
#include "pg/test/answerer.h"
#include "pg/test/case.h"
#include "pg/test/preview.h"

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
			msgext_limiter_restore(engine->limiter, server->name, entry->limit_key,
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

/* Of what the request says; secrets in it are overwritten. */
static Entry *
add_entry(MsgAnswerer *answerer, MsgFlight *flight, MsgCaseMessage *message, int i,
		  const char *text)
{
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
	entry->journal.at = answerer->rules.now;
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
	message->attempted_at = answerer->rules.now;
	return entry;
}

static void
note_reply(Entry *entry, const MsgWording *answer)
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

static MsgCaseMessage **
messages_of(const MsgAnswerer *answerer, const MsgFlight *flight)
{
	MsgCaseMessage **messages = palloc(sizeof(MsgCaseMessage *) * flight->n);
	int i;

	for (i = 0; i < flight->n; i++)
		messages[i] = msgext_answerer_find(answerer, flight->jobs[i].id);
	return messages;
}

static void
answer_send(MsgAnswerer *answerer, MsgWording *answer, MsgCaseMessage **messages)
{
	MsgFlight *flight = answer->flight;
	const MsgScripted **scripts = palloc(sizeof(MsgScripted *) * flight->n);
	int i;

	/* Where repeats are not known, what comes again is another message. */
	for (i = 0; i < flight->n; i++)
		if (messages[i]->number == 0 ||
			(messages[i]->taken && !flight->server->policy.deduplicates))
			messages[i]->number = ++answerer->last_number;
	msgext_wording_send(&answerer->rules, answer, messages, scripts);
	for (i = 0; i < flight->n; i++)
	{
		Entry *entry = add_entry(answerer, flight, messages[i], i, scripts[i]->text);

		entry->journal.number = messages[i]->number;
		entry->journal.taken = scripts[i]->kind == MSG_REPLY_SAMPLE
								   ? scripts[i]->verdict == MSG_VERDICT_ACCEPTED
								   : scripts[i]->kind == MSG_REPLY_LOST;
		messages[i]->taken |= entry->journal.taken;
		note_reply(entry, answer);
	}
}

static void
answer_poll(MsgAnswerer *answerer, MsgWording *answer, MsgCaseMessage **messages)
{
	MsgFlight *flight = answer->flight;
	MsgState *states = palloc(sizeof(MsgState) * flight->n);
	int i;

	msgext_wording_poll(&answerer->rules, answer, messages, states);
	for (i = 0; i < flight->n; i++)
		note_reply(
			add_entry(answerer, flight, messages[i], i, msgext_state_name(states[i])),
			answer);
}

static bool
submit(MsgPeer *peer, MsgFlight *flight)
{
	MsgAnswerer *answerer = (MsgAnswerer *) peer;
	MemoryContext before = MemoryContextSwitchTo(answerer->context);
	MsgWording *answer = palloc0(sizeof(MsgWording));
	MsgCaseMessage **messages = messages_of(answerer, flight);

	answer->flight = flight;
	msgext_reply(&answer->reply, 500, "", "");
	msgext_scrub_secrets(flight);
	if (flight->kind == MSG_FLIGHT_SEND)
		answer_send(answerer, answer, messages);
	else
		answer_poll(answerer, answer, messages);
	answer->reply.now_us = msgext_unix_us(answerer->rules.now);
	answerer->results = lappend(answerer->results, answer);
	MemoryContextSwitchTo(before);
	return true;
}

static bool
take(MsgPeer *peer, MsgHttpResult *result)
{
	MsgAnswerer *answerer = (MsgAnswerer *) peer;
	MsgWording *answer;

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
	answerer->rules.stubs = msgext_stubs_read(answerer->case_number);
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
	msgext_stubs_write(answerer->rules.stubs);
	msgext_journal_write(answerer->case_number, answerer->written, answerer->entries);
}
