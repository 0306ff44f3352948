/*
 * record.c
 *		Writing down what came of a request: see record.h.
 *
 * What follows an outcome is decided in core/lifecycle.c alone.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "pg/base/arena_pg.h"
#include "pg/base/clock.h"
#include "pg/base/json_pg.h"
#include "pg/base/text.h"
#include "pg/engine/outage.h"
#include "pg/engine/poll.h"
#include "pg/engine/record.h"
#include "pg/engine/statistics.h"
#include "pg/store/claim.h"
#include "pg/store/recipient_use.h"
#include "pg/store/reference.h"

#define ERROR_MAX 2048

/* A flight of which something could not be recorded is looked at again after this. */
#define HELD_RETRY_US (50 * 1000)

/* The answer named the message: callbacks find it by this, and may have come already. */
static void
add_reference(MsgEngine *engine, MsgUpstream *upstream, const MsgServer *server,
			  int64 message, const MsgOutcome *outcome)
{
	const char *provider_id = msgext_from_utf8(outcome->provider_id);

	if ((server->provider->caps & (MSG_CAN_CALLBACK | MSG_CAN_POLL)) != 0)
		msgext_reference_add(references_of(&engine->turn), upstream->oid, provider_id,
							 message);
	if ((server->provider->caps & MSG_CAN_CALLBACK) != 0)
		msgext_rematch_expect(&engine->rematches, &engine->turn, upstream, provider_id,
							  message);
}

static void
set_accepted(MsgEngine *engine, const MsgServer *server, const MsgOutcome *outcome,
			 MsgChange *change)
{
	msgext_change_text(change, Anum_outbox_provider_id,
					   msgext_from_utf8(outcome->provider_id));
	msgext_change_time(change, Anum_outbox_accepted_at, engine->turn.now);
	if (outcome->reached != 0)
		msgext_change_null(change, Anum_outbox_next_attempt_at);
	else if (server->poll && outcome->provider_id != NULL)
		msgext_change_time(change, Anum_outbox_next_attempt_at,
						   msgext_poll_next(server, engine->turn.now, engine->turn.now));
	else
		msgext_change_null(change, Anum_outbox_next_attempt_at);
}

static const char *
reason_to_wait(const MsgOutcome *outcome, const MsgDecision *decision)
{
	if (decision->hold == MSG_HOLD_ACCOUNT)
		return MSG_WAITS_FOR_ACCOUNT;
	if (decision->hold == MSG_HOLD_SERVER)
		return "server was paused";
	if (outcome->verdict == MSG_VERDICT_RELOGIN)
		return "login";
	if (outcome->verdict == MSG_VERDICT_UNSURE)
		return MSG_WAITS_FOR_REPEAT;
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

/* Whom it was sent to; of a dispatcher that has ended, as the settings are now. */
static int64
target_of(const MsgAttempt *attempt, const MsgRow *row)
{
	const MsgAccount *account =
		attempt->flight != NULL
			? attempt->flight->account
			: msgext_server_account(attempt->upstream->server, row->sender_oid,
									msgext_row_text(row, Anum_outbox_sender));

	return account->target;
}

/* Fills in everything about the row that follows from the outcome and the decision. */
static void
fill_change(MsgEngine *engine, const MsgAttempt *attempt, const MsgRow *row,
			const MsgOutcome *outcome, const MsgDecision *decision, MsgChange *change)
{
	const char *text = outcome->text != NULL ? outcome->text : decision->note;

	msgext_change_init(change);
	msgext_change_set(change, Anum_outbox_attempts, Int32GetDatum(attempt->attempt));
	if (row->tried_at == 0)
		msgext_change_time(change, Anum_outbox_tried_at, engine->turn.now);
	if (decision->counted)
		msgext_change_set(change, Anum_outbox_failures, Int32GetDatum(row->failures + 1));
	if (outcome->verdict == MSG_VERDICT_UNSURE)
	{
		msgext_change_set(change, Anum_outbox_maybe_sent, BoolGetDatum(true));
		msgext_change_set(change, Anum_outbox_target,
						  Int64GetDatum(target_of(attempt, row)));
	}
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
		msgext_change_waits_for(change, row, reason_to_wait(outcome, decision));
		return;
	}
	msgext_change_state(change, decision->state);
	msgext_change_null(change, Anum_outbox_waiting);
	if (outcome->verdict == MSG_VERDICT_ACCEPTED)
		set_accepted(engine, attempt->server, outcome, change);
	else
		msgext_change_null(change, Anum_outbox_next_attempt_at);
	if (msgext_state_is_final(decision->state))
		msgext_change_time(change, Anum_outbox_finished_at, engine->turn.now);
}

static void
decide(const MsgEngine *engine, const MsgUpstream *upstream, const MsgServer *server,
	   const MsgFlight *flight, const MsgRow *row, int attempt, const MsgOutcome *outcome,
	   MsgDecision *decision)
{
	MsgPolicy policy = server->policy;
	MsgHistory history;

	/* The jitter is one for a request: what left together comes again together. */
	int64 jitter_of = flight != NULL ? flight->jobs[0].id : row->id;

	if (engine->seed != NULL)
		jitter_of = engine->seed(engine, jitter_of);

	if (upstream->health.key_ignored || outcome->key_ignored)
		policy.deduplicates = false;

	history.failures = row->failures;
	history.first_attempt_us =
		msgext_unix_us(row->tried_at != 0 ? row->tried_at : engine->turn.now);
	history.expires_us = msgext_unix_us(row->expires_at);
	history.seed = (uint64) jitter_of * 1000003 +
				   (flight != NULL ? flight->jobs[0].attempt : attempt);
	history.maybe_sent = row->maybe_sent;
	history.begun = (server->provider->caps & MSG_CAN_RESUME) != 0 &&
					(outcome->detail != NULL || msgext_row_is_begun(row));
	msgext_lifecycle_decide(&policy, &history, outcome->verdict, outcome->inherent,
							outcome->retry_after_ms, msgext_unix_us(engine->turn.now),
							decision);
	if (decision->state == MSG_ACCEPTED && outcome->reached != 0)
		decision->state = outcome->reached;
}

/*
 * Credentials or a session were refused. Their account is held where neither a login nor
 * a change of the mapping since can have helped; else the message goes out again at once.
 */
static void
hold_account(MsgEngine *engine, MsgUpstream *upstream, const MsgFlight *flight,
			 const MsgRow *row, const MsgOutcome *outcome, const MsgAnswer *answer,
			 MsgDecision *decision)
{
	TimestampTz now = engine->turn.now;

	if (outcome->verdict == MSG_VERDICT_RELOGIN && flight != NULL &&
		!msgext_session_refused(engine->sessions, flight))
		decision->hold = MSG_HOLD_ACCOUNT;
	if (decision->hold == MSG_HOLD_ACCOUNT &&
		(flight == NULL || !msgext_refusal_note(upstream, flight->account, outcome->code,
												outcome->text, answer->http_status)))
		decision->hold = MSG_HOLD_NOBODY;
	if (decision->hold == MSG_HOLD_ACCOUNT)
	{
		decision->next_us =
			msgext_unix_us(msgext_refusal_look_again(row->queued_at, now));
		upstream->recheck.possible = true;
	}
	else if (outcome->verdict == MSG_VERDICT_RELOGIN ||
			 outcome->verdict == MSG_VERDICT_PAUSE_ACCOUNT)
		decision->next_us += MSG_NEXT_TURN_US;
}

/* What the answer tells about the server rather than the message. */
static void
learn(MsgEngine *engine, MsgUpstream *upstream, const MsgFlight *flight,
	  const MsgOutcome *outcome)
{
	if (outcome->verdict == MSG_VERDICT_ACCEPTED)
		msgext_upstream_success(&engine->turn, upstream);
	if (flight != NULL && flight->http_status != 0 &&
		outcome->verdict != MSG_VERDICT_RELOGIN)
		msgext_session_worked(engine->sessions, flight);
	if (outcome->key_ignored && !upstream->health.key_ignored)
	{
		/* At once: a dispatcher killed now must not leave another one to repeat. */
		upstream->health.key_ignored = true;
		msgext_health_save(upstream->oid, &upstream->health);
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
release_recipient(MsgEngine *engine, const MsgServer *server, const MsgRow *row,
				  const MsgOutcome *outcome, const MsgDecision *decision)
{
	char *recipient = msgext_row_text(row, Anum_outbox_recipient);

	if (recipient == NULL || server->recipient_limit.count == 0 || row->maybe_sent ||
		outcome->verdict == MSG_VERDICT_ACCEPTED ||
		!msgext_state_is_final(decision->state))
		return;
	msgext_recipient_release(uses_of(&engine->turn), server->oid,
							 msgext_row_text(row, Anum_outbox_limit_key), recipient,
							 row->id);
}

/* Reminders, and what else is to be done later, by the state that was decided. */
static void
plan_next(MsgEngine *engine, const MsgAttempt *attempt, const MsgRow *row,
		  const MsgOutcome *outcome, const MsgDecision *decision)
{
	MsgTurn *turn = &engine->turn;

	switch (decision->state)
	{
		case MSG_ACCEPTED:
			if (outcome->provider_id != NULL && attempt->server->poll)
				msgext_upstream_remind(
					turn, attempt->upstream, MSG_REMINDER_POLL,
					msgext_poll_next(attempt->server, turn->now, turn->now), row->id);
			break;
		case MSG_QUEUED:
			msgext_upstream_remind(turn, attempt->upstream, MSG_REMINDER_SEND,
								   msgext_from_unix_us(decision->next_us), row->id);
			break;
		case MSG_UNKNOWN:
			msgext_upstream_remind(turn, attempt->upstream, MSG_REMINDER_UNKNOWN,
								   row->created_at, row->id);
			break;
		default:
			release_recipient(engine, attempt->server, row, outcome, decision);
			break;
	}
}

/*
 * A report of an earlier sending has moved the message on while this attempt was under
 * way. The state stays as it was reported; what the attempt came to is in the timeline,
 * and the provider's second id leads to the message too.
 */
static bool
record_beside_report(MsgEngine *engine, const MsgAttempt *attempt, const MsgRow *row,
					 const MsgOutcome *outcome, const MsgAnswer *answer)
{
	TimestampTz now = engine->turn.now;
	TimestampTz ask_at = 0;
	MsgChange change;

	if (attempt->server != NULL && msgext_poll_is_missing(attempt->server, row))
		ask_at = msgext_poll_next(attempt->server, now, now);
	msgext_change_init(&change);
	msgext_change_set(&change, Anum_outbox_attempts, Int32GetDatum(attempt->attempt));
	if (ask_at != 0)
		msgext_change_time(&change, Anum_outbox_next_attempt_at, ask_at);
	if (outcome->verdict == MSG_VERDICT_UNSURE)
		msgext_change_set(&change, Anum_outbox_maybe_sent, BoolGetDatum(true));
	if (row->nulls[Anum_outbox_provider_id - 1])
		msgext_change_text(&change, Anum_outbox_provider_id,
						   msgext_from_utf8(outcome->provider_id));
	if (msgext_outbox_update(outbox_of(&engine->turn), row, &change, false) != TM_Ok)
		return false;
	msgext_answer_record(&engine->turn, row, attempt->attempt, row->state, outcome,
						 answer, "an earlier attempt was reported meanwhile");
	if (ask_at != 0)
		msgext_upstream_remind(&engine->turn, attempt->upstream, MSG_REMINDER_POLL,
							   ask_at, row->id);
	if (outcome->verdict == MSG_VERDICT_ACCEPTED && outcome->provider_id != NULL)
		add_reference(engine, attempt->upstream, attempt->server, row->id, outcome);
	return true;
}

bool
msgext_record_attempt(MsgEngine *engine, const MsgAttempt *attempt,
					  const MsgOutcome *outcome, const MsgAnswer *answer)
{
	MsgTurn *turn = &engine->turn;
	MsgUpstream *upstream = attempt->upstream;
	const MsgFlight *flight = attempt->flight;
	MsgDecision decision;
	MsgChange change;
	MsgRow row;

	/* The fence: an outcome of another attempt than the row's next one is stale. */
	if (!msgext_outbox_find_same(outbox_of(turn), &attempt->row, GetActiveSnapshot(),
								 &row) ||
		row.attempts + 1 != attempt->attempt)
		return true;
	if (row.state != MSG_QUEUED)
		return record_beside_report(engine, attempt, &row, outcome, answer);

	decide(engine, upstream, attempt->server, flight, &row, attempt->attempt, outcome,
		   &decision);
	hold_account(engine, upstream, flight, &row, outcome, answer, &decision);
	if (outcome->verdict == MSG_VERDICT_CONTINUE || outcome->verdict == MSG_VERDICT_SPLIT)
		decision.next_us += MSG_NEXT_TURN_US;
	fill_change(engine, attempt, &row, outcome, &decision, &change);
	if (msgext_outbox_update(outbox_of(turn), &row, &change, false) != TM_Ok)
		return false;
	msgext_answer_record(turn, &row, attempt->attempt, decision.state, outcome, answer,
						 decision.note);

	msgext_counts_reach(msgext_turn_counts(upstream), MSG_QUEUED, decision.state,
						turn->now - row.queued_at);
	msgext_batch_note_outcome(&engine->batches, flight, row.id, outcome);
	learn(engine, upstream, flight, outcome);
	if (outcome->verdict == MSG_VERDICT_ACCEPTED && outcome->provider_id != NULL)
		add_reference(engine, upstream, attempt->server, row.id, outcome);
	plan_next(engine, attempt, &row, outcome, &decision);
	if (outcome->verdict != MSG_VERDICT_ACCEPTED &&
		outcome->verdict != MSG_VERDICT_CONTINUE && outcome->verdict != MSG_VERDICT_SPLIT)
		msgext_upstream_error(turn, upstream,
							  outcome->text != NULL ? outcome->text : outcome->code);
	if (decision.hold == MSG_HOLD_SERVER)
		msgext_upstream_pause(upstream, outcome->code, outcome->text,
							  answer->http_status);
	return true;
}

static bool
record_message(MsgEngine *engine, MsgFlight *flight, int i)
{
	MsgAnswer answer = msgext_answer_of(flight, i, "answer", engine->turn.now);
	MsgAttempt attempt = {
		.upstream = flight->upstream,
		.server = flight->server,
		.flight = flight,
		.row = flight->rows[i],
		.attempt = flight->jobs[i].attempt,
	};

	return msgext_record_attempt(engine, &attempt, &flight->outcomes[i], &answer);
}

static bool
record_login(MsgEngine *engine, MsgFlight *flight, int i)
{
	msgext_session_record_login(&engine->turn, flight);
	return true;
}

/* What is done with one result, by the kind of its flight; false: not now. */
static bool (*const recorders[])(MsgEngine *engine, MsgFlight *flight, int i) = {
	[MSG_FLIGHT_SEND] = record_message,
	[MSG_FLIGHT_POLL] = msgext_poll_record,
	[MSG_FLIGHT_LOGIN] = record_login,
};

/* Records what can be; returns whether all of the flight is settled. */
static bool
record_flight(MsgEngine *engine, MsgFlight *flight, bool one_by_one)
{
	MsgTurn *turn = &engine->turn;
	MemoryContext before = CurrentMemoryContext;
	bool all = true;
	int i;

	for (i = 0; i < flight->n; i++)
	{
		bool settled;

		if (flight->settled[i] != MSG_SETTLED_OPEN)
			continue;
		msgext_turn_reading(turn, flight->jobs[i].id, flight->upstream->name);
		MemoryContextReset(turn->message);
		MemoryContextSwitchTo(turn->message);
		settled = recorders[flight->kind](engine, flight, i);

		/* An error in writing the rows is to be this message's own. */
		if (one_by_one)
			msgext_turn_flush(turn);
		if (settled)
		{
			flight->settled[i] = MSG_SETTLED_WRITTEN;
			if (flight->claim != NULL)
				flight->claim->recorded_now++;
		}
		all &= settled;
		MemoryContextSwitchTo(before);
	}
	msgext_turn_reading(turn, 0, NULL);
	if (all)
		msgext_outage_learn(turn, flight);
	if (flight->claim != NULL && flight->claim->recorded_now == flight->claim->left)
		msgext_claim_remove(claims_of(turn), flight->claim->id);
	return all;
}

bool
msgext_record(MsgEngine *engine, bool one_by_one)
{
	dlist_iter iter;
	int n = 0;

	dlist_foreach(iter, &engine->flights.landed)
	{
		MsgFlight *flight = dlist_container(MsgFlight, node, iter.cur);

		if (flight->not_before > engine->turn.now)
			continue;
		n += flight->n;
		if (!record_flight(engine, flight, one_by_one))
			flight->not_before = engine->turn.now + HELD_RETRY_US;

		/* One that raises an error is found by being alone in its transaction. */
		if (one_by_one || n >= MSG_TURN_MESSAGES)
			break;
	}
	msgext_turn_flush(&engine->turn);
	return n >= MSG_TURN_MESSAGES;
}
