/*
 * record.c
 *		Writing down what came of a request: the row, its timeline, its reminders.
 *
 * Runs inside a turn. Every write is fenced by the attempt it belongs to; a row that
 * another transaction holds is left for the next turn, never waited for.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "pg/base/arena_pg.h"
#include "pg/base/clock.h"
#include "pg/base/json_pg.h"
#include "pg/engine/engine.h"
#include "pg/engine/session.h"
#include "pg/inbound/callback.h"

#define ERROR_MAX 2048

/* Of an answer to many messages each event keeps as much, where no part is its own. */
#define SHARED_ANSWER_MAX 1024

/* How long a report may take to commit and still find its message by itself. */
#define REMATCH_SECONDS 60

/* What an event of one message keeps of the answer to its request. */
MsgAnswer
msgext_answer_to(const MsgFlight *flight, int i, const char *kind, TimestampTz at)
{
	const MsgOutcome *outcome = &flight->outcomes[i];
	MsgAnswer answer = {kind, flight->http_status, flight->answer, flight->answer_len,
						at};

	if (outcome->raw != NULL)
	{
		answer.bytes = outcome->raw;
		answer.len = outcome->raw_len;
	}
	else if (flight->n > 1)
		answer.len = msgext_whole_characters(answer.bytes, answer.len, SHARED_ANSWER_MAX);
	return answer;
}

void
msgext_record_event(MsgDispatcher *dispatcher, const MsgRow *row, int attempt,
					MsgState state, const MsgOutcome *outcome, const MsgAnswer *answer,
					const char *note)
{
	MsgEventRow event = {0};

	event.message_id = row->id;
	event.at = answer->at;
	event.kind = answer->kind;
	event.attempt = attempt;
	event.state = state;
	event.code = outcome->code;
	event.error = outcome->text != NULL ? outcome->text : note;
	event.http_status = answer->http_status;
	event.answer = answer->bytes;
	event.answer_len = answer->len;
	msgext_event_append(events_of(dispatcher), &event);
}

void
msgext_upstream_pause(MsgUpstream *upstream, const char *code, const char *text,
					  int http_status)
{
	if (upstream->paused)
		return;
	upstream->paused = true;
	if (code == NULL && text == NULL)
		snprintf(upstream->pause_wanted, sizeof(upstream->pause_wanted), "HTTP status %d",
				 http_status);
	else
		snprintf(upstream->pause_wanted, sizeof(upstream->pause_wanted), "%s%s%s",
				 code != NULL ? code : "", code != NULL && text != NULL ? ": " : "",
				 text != NULL ? text : "");
}

/* The answer named the message: callbacks find it by this, and may have come already. */
static void
add_reference(MsgDispatcher *dispatcher, MsgUpstream *upstream, const MsgServer *server,
			  const MsgRow *row, const char *provider_id)
{
	MsgRematch *rematch;
	MemoryContext before;

	if ((server->provider->caps & (MSG_CAN_CALLBACK | MSG_CAN_POLL)) == 0)
		return;
	msgext_reference_add(references_of(dispatcher), upstream->name, provider_id, row->id);
	if ((server->provider->caps & MSG_CAN_CALLBACK) == 0)
		return;
	before = MemoryContextSwitchTo(dispatcher->context);
	rematch = palloc(sizeof(MsgRematch));
	rematch->upstream = upstream;
	rematch->provider_id = pstrdup(provider_id);
	rematch->message = row->id;
	rematch->until = dispatcher->now + REMATCH_SECONDS * USECS_PER_SEC;
	dispatcher->rematches = lappend(dispatcher->rematches, rematch);
	MemoryContextSwitchTo(before);
}

static void
set_accepted(MsgDispatcher *dispatcher, const MsgServer *server,
			 const MsgOutcome *outcome, MsgChange *change)
{
	msgext_change_text(change, Anum_outbox_provider_id, outcome->provider_id);
	msgext_change_time(change, Anum_outbox_accepted_at, dispatcher->now);
	if (outcome->reached != 0)
		msgext_change_null(change, Anum_outbox_next_attempt_at);
	else if (server->poll && outcome->provider_id != NULL)
		msgext_change_time(change, Anum_outbox_next_attempt_at,
						   msgext_next_poll(server, dispatcher->now, dispatcher->now));
	else
		msgext_change_null(change, Anum_outbox_next_attempt_at);
}

static const char *
reason_to_wait(const MsgOutcome *outcome)
{
	if (outcome->verdict == MSG_VERDICT_PAUSE || outcome->verdict == MSG_VERDICT_RELOGIN)
		return "server was paused";
	return outcome->retry_after_ms >= 0 ? "the provider asked to wait" : "retry";
}

/* What the answer tells beside its outcome, over what earlier answers told. */
static Datum
merge_detail(const MsgRow *row, MsgJson *told)
{
	MsgArena *arena = msgext_arena_pg_create(CurrentMemoryContext);
	MsgJson *detail = msgext_row_detail(arena, row);
	MsgJson *member;
	MsgJson *next;

	if (detail == NULL)
		detail = msgext_json_new(arena, MSG_JSON_OBJECT);
	for (member = told->first; member != NULL; member = next)
	{
		next = member->next;
		msgext_json_set(detail, member->name, member);
	}
	return JsonbPGetDatum(msgext_json_to_jsonb(detail));
}

/* Fills in everything about the row that follows from the outcome and the decision. */
static void
fill_change(MsgDispatcher *dispatcher, const MsgServer *server, const MsgRow *row,
			int attempt, const MsgOutcome *outcome, const MsgDecision *decision,
			MsgChange *change)
{
	const char *text = outcome->text != NULL ? outcome->text : decision->note;

	msgext_change_init(change);
	msgext_change_set(change, Anum_outbox_attempts, Int32GetDatum(attempt));
	if (row->tried_at == 0)
		msgext_change_time(change, Anum_outbox_tried_at, dispatcher->now);
	if (decision->counted)
		msgext_change_set(change, Anum_outbox_failures, Int32GetDatum(row->failures + 1));
	if (outcome->verdict == MSG_VERDICT_UNSURE && !row->maybe_sent)
		msgext_change_set(change, Anum_outbox_maybe_sent, BoolGetDatum(true));
	msgext_change_text(change, Anum_outbox_code,
					   msgext_clean_text(outcome->code, MSG_CODE_MAX));
	msgext_change_text(
		change, Anum_outbox_error,
		decision->state == MSG_ACCEPTED ? NULL : msgext_clean_text(text, ERROR_MAX));
	if (outcome->detail != NULL)
		msgext_change_set(change, Anum_outbox_detail, merge_detail(row, outcome->detail));
	if (decision->state == MSG_QUEUED)
	{
		msgext_change_time(change, Anum_outbox_next_attempt_at,
						   msgext_from_unix_us(decision->next_us));
		msgext_change_text(change, Anum_outbox_waiting, reason_to_wait(outcome));
		return;
	}
	msgext_change_state(change, decision->state);
	msgext_change_null(change, Anum_outbox_waiting);
	if (outcome->verdict == MSG_VERDICT_ACCEPTED)
		set_accepted(dispatcher, server, outcome, change);
	else
		msgext_change_null(change, Anum_outbox_next_attempt_at);
	if (msgext_state_is_final(decision->state))
		msgext_change_time(change, Anum_outbox_finished_at, dispatcher->now);
}

static void
decide(const MsgDispatcher *dispatcher, const MsgUpstream *upstream,
	   const MsgServer *server, const MsgFlight *flight, const MsgRow *row, int attempt,
	   const MsgOutcome *outcome, MsgDecision *decision)
{
	MsgPolicy policy = server->policy;
	MsgHistory history;

	/* The jitter is one for a request: what left together comes again together. */
	int64 drawn_by = flight != NULL ? flight->jobs[0].id : row->id;

	if (upstream->health.key_ignored || outcome->key_ignored)
		policy.deduplicates = false;

	history.failures = row->failures;
	history.created_us =
		msgext_unix_us(row->tried_at != 0 ? row->tried_at : dispatcher->now);
	history.expires_us = msgext_unix_us(row->expires_at);
	history.seed = (uint64) drawn_by * 1000003 +
				   (flight != NULL ? flight->jobs[0].attempt : attempt);
	history.maybe_sent = row->maybe_sent;
	msgext_lifecycle_decide(&policy, &history, outcome->verdict, outcome->retry_after_ms,
							msgext_unix_us(dispatcher->now), decision);
	if (decision->state == MSG_ACCEPTED && outcome->reached != 0)
		decision->state = outcome->reached;
}

/* What the answer tells about the server rather than the message. */
static void
learn(MsgDispatcher *dispatcher, MsgUpstream *upstream, const MsgFlight *flight,
	  const MsgOutcome *outcome)
{
	if (outcome->verdict == MSG_VERDICT_ACCEPTED)
		msgext_upstream_success(dispatcher, upstream);
	if (flight != NULL && flight->http_status != 0 &&
		outcome->verdict != MSG_VERDICT_RELOGIN)
		msgext_session_worked(dispatcher, flight);
	if (outcome->key_ignored && !upstream->health.key_ignored)
	{
		/* At once: a dispatcher killed now must not leave another one to repeat. */
		upstream->health.key_ignored = true;
		msgext_health_save(upstream->name, &upstream->health);
	}
	else if (!outcome->key_ignored && outcome->verdict == MSG_VERDICT_ACCEPTED &&
			 outcome->provider_id != NULL && upstream->health.key_ignored)
	{
		upstream->health.key_ignored = false;
		upstream->health.changed = true;
	}
}

/* A message that certainly did not go out gives its place with the recipient back. */
static void
release_recipient(MsgDispatcher *dispatcher, const MsgServer *server, const MsgRow *row,
				  const MsgOutcome *outcome, const MsgDecision *decision)
{
	char *recipient = msgext_row_text(row, Anum_outbox_recipient);

	if (recipient == NULL || server->recipient_limit.count == 0 || row->maybe_sent ||
		outcome->verdict == MSG_VERDICT_ACCEPTED ||
		!msgext_state_is_final(decision->state))
		return;
	msgext_recipient_release(uses_of(dispatcher), server->name,
							 msgext_row_text(row, Anum_outbox_limit_key), recipient,
							 row->id);
}

/* False when another transaction holds the row: to be recorded by a later turn. */
static bool
record_send(MsgDispatcher *dispatcher, MsgUpstream *upstream, const MsgServer *server,
			const MsgFlight *flight, ItemPointer place, int64 id, int attempt,
			const MsgOutcome *outcome, const MsgAnswer *answer)
{
	MsgDecision decision;
	MsgChange change;
	MsgRow row;

	/* The fence: an outcome of another attempt than the row's next one is stale. */
	if (!msgext_outbox_find_at(outbox_of(dispatcher), place, id, GetActiveSnapshot(),
							   &row) ||
		row.state != MSG_QUEUED || row.attempts + 1 != attempt)
		return true;

	decide(dispatcher, upstream, server, flight, &row, attempt, outcome, &decision);
	if (outcome->verdict == MSG_VERDICT_RELOGIN)
		decision.pause = flight == NULL || !msgext_session_refused(dispatcher, flight);
	if (outcome->verdict == MSG_VERDICT_RELOGIN || outcome->verdict == MSG_VERDICT_AGAIN)
		decision.next_us += MSG_NEXT_TURN_US;
	fill_change(dispatcher, server, &row, attempt, outcome, &decision, &change);
	if (msgext_outbox_update(outbox_of(dispatcher), &row, &change, false) != TM_Ok)
		return false;
	msgext_record_event(dispatcher, &row, attempt, decision.state, outcome, answer,
						decision.note);

	msgext_batch_note_outcome(dispatcher, flight, id, outcome);
	learn(dispatcher, upstream, flight, outcome);
	if (outcome->verdict == MSG_VERDICT_ACCEPTED && outcome->provider_id != NULL)
		add_reference(dispatcher, upstream, server, &row, outcome->provider_id);

	switch (decision.state)
	{
		case MSG_ACCEPTED:
			if (outcome->provider_id != NULL && server->poll)
				msgext_upstream_remind(
					dispatcher, upstream, MSG_REMINDER_POLL,
					msgext_next_poll(server, dispatcher->now, dispatcher->now), id);
			break;
		case MSG_QUEUED:
			msgext_upstream_remind(dispatcher, upstream, MSG_REMINDER_SEND,
								   msgext_from_unix_us(decision.next_us), id);
			break;
		case MSG_UNKNOWN:
			msgext_upstream_remind(dispatcher, upstream, MSG_REMINDER_UNKNOWN,
								   row.created_at, id);
			break;
		default:
			release_recipient(dispatcher, server, &row, outcome, &decision);
			break;
	}
	if (outcome->verdict != MSG_VERDICT_ACCEPTED && outcome->verdict != MSG_VERDICT_AGAIN)
		msgext_upstream_error(dispatcher, upstream,
							  outcome->text != NULL ? outcome->text : outcome->code);
	if (decision.pause)
		msgext_upstream_pause(upstream, outcome->code, outcome->text,
							  answer->http_status);
	return true;
}

/* Writes what has been gathered of the timeline and of the providers' ids. */
static void
flush(MsgDispatcher *dispatcher)
{
	if (dispatcher->tables[MSG_TABLE_EVENTS] != NULL)
		msgext_table_flush(dispatcher->tables[MSG_TABLE_EVENTS]);
	if (dispatcher->tables[MSG_TABLE_REFERENCES] != NULL)
		msgext_table_flush(dispatcher->tables[MSG_TABLE_REFERENCES]);
}

/* Records what can be; returns whether all of the flight is settled. */
static bool
record_flight(MsgDispatcher *dispatcher, MsgFlight *flight)
{
	MemoryContext before = CurrentMemoryContext;
	bool all = true;
	int i;

	for (i = 0; i < flight->n; i++)
	{
		const MsgJob *job = &flight->jobs[i];
		bool settled;

		if (flight->settled[i] != MSG_SETTLED_OPEN)
			continue;
		dispatcher->reading = job->id;
		MemoryContextReset(dispatcher->message);
		MemoryContextSwitchTo(dispatcher->message);
		if (flight->login)
		{
			msgext_session_record_login(dispatcher, flight);
			settled = true;
		}
		else if (flight->poll)
			settled = msgext_record_poll(dispatcher, flight, i);
		else
		{
			MsgAnswer answer = msgext_answer_to(flight, i, "answer", dispatcher->now);

			settled = record_send(dispatcher, flight->upstream, flight->server, flight,
								  &flight->places[i], job->id, job->attempt,
								  &flight->outcomes[i], &answer);
		}

		/* An error in writing the rows is to be this message's own. */
		if (dispatcher->careful)
			flush(dispatcher);
		if (settled)
		{
			flight->settled[i] = MSG_SETTLED_WRITTEN;
			if (flight->batch != NULL)
				flight->batch->recorded_now++;
		}
		all &= settled;
		MemoryContextSwitchTo(before);
	}
	dispatcher->reading = 0;
	if (flight->batch != NULL && flight->batch->recorded_now == flight->batch->left)
		msgext_claim_remove(claims_of(dispatcher), flight->batch->id);
	return all;
}

void
msgext_record(MsgDispatcher *dispatcher)
{
	MsgFlight *flight;

	for (flight = dispatcher->landed; flight != NULL; flight = flight->next)
	{
		if (flight->not_before > dispatcher->now)
			continue;
		if (!record_flight(dispatcher, flight))
			flight->not_before = dispatcher->now + 50 * 1000;

		/* One that raises an error is found by being alone in its transaction. */
		if (dispatcher->careful)
			break;
	}
	flush(dispatcher);
}

void
msgext_record_interrupted(MsgDispatcher *dispatcher, int64 message, int32 attempt)
{
	MsgOutcome outcome = {0};
	MsgAnswer answer = {"interrupted", 0, NULL, 0, dispatcher->now};
	ListCell *cell;
	MsgRow row;
	char *name;

	outcome.verdict = MSG_VERDICT_UNSURE;
	outcome.retry_after_ms = -1;
	outcome.text = "the dispatcher ended before the answer was recorded";
	if (!msgext_outbox_find(outbox_of(dispatcher), message, GetActiveSnapshot(), &row) ||
		row.state != MSG_QUEUED || row.attempts + 1 != attempt)
		return;
	name = msgext_row_text(&row, Anum_outbox_server);
	foreach (cell, dispatcher->upstreams)
	{
		MsgUpstream *upstream = lfirst(cell);

		if (upstream->server != NULL && strcmp(upstream->name, name) == 0)
		{
			while (!record_send(dispatcher, upstream, upstream->server, NULL,
								&row.tuple->t_self, message, attempt, &outcome, &answer))
			{
				/* A superuser's lock, by hand: there is nothing else to do here. */
				CHECK_FOR_INTERRUPTS();
				pg_usleep(10000);
				InvalidateCatalogSnapshot();
			}
			return;
		}
	}

	/* Its server is gone. What cannot be resent by policy is held for a person. */
	{
		MsgChange change;

		msgext_change_init(&change);
		msgext_change_set(&change, Anum_outbox_attempts, Int32GetDatum(attempt));
		msgext_change_set(&change, Anum_outbox_maybe_sent, BoolGetDatum(true));
		msgext_change_state(&change, MSG_UNKNOWN);
		msgext_change_text(&change, Anum_outbox_error, outcome.text);
		msgext_outbox_update(outbox_of(dispatcher), &row, &change, true);
		msgext_record_event(dispatcher, &row, attempt, MSG_UNKNOWN, &outcome, &answer,
							NULL);
		msgext_reminder_add(reminders_of(dispatcher), name, MSG_REMINDER_UNKNOWN,
							row.created_at, message);
	}
}

/* True when nothing that came before its message's answer is open any more. */
static bool
rematch_is_done(MsgDispatcher *dispatcher, const MsgRematch *rematch)
{
	return msgext_callback_match(rematch->upstream->server, rematch->provider_id,
								 rematch->message, false) ||
		   rematch->until < dispatcher->now;
}

void
msgext_record_rematch(MsgDispatcher *dispatcher)
{
	const MsgUpstream *looked = NULL;
	bool any = false;
	List *kept = NIL;
	ListCell *cell;

	if (dispatcher->rematches == NIL)
		return;

	/* The rows of this turn's results must be seen. */
	CommandCounterIncrement();
	UpdateActiveSnapshotCommandId();
	foreach (cell, dispatcher->rematches)
	{
		MsgRematch *rematch = lfirst(cell);
		MemoryContext before;

		/* As a rule no report waits at all: one look for the messages of a turn. */
		if (rematch->upstream != looked)
		{
			looked = rematch->upstream;
			any = looked->server != NULL && msgext_callback_any_unmatched(looked->server);
		}
		if (any && !rematch_is_done(dispatcher, rematch))
		{
			before = MemoryContextSwitchTo(dispatcher->context);
			kept = lappend(kept, rematch);
			MemoryContextSwitchTo(before);
			continue;
		}
		pfree(rematch->provider_id);
		pfree(rematch);
	}
	list_free(dispatcher->rematches);
	dispatcher->rematches = kept;
}
