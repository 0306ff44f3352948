/*
 * poll.c
 *		Asking providers for the status of messages they took: see poll.h.
 */
#include "postgres.h"

#include "utils/snapmgr.h"

#include "pg/base/clock.h"
#include "pg/base/text.h"
#include "pg/engine/answer.h"
#include "pg/engine/outage.h"
#include "pg/engine/poll.h"
#include "pg/engine/statistics.h"
#include "pg/inbound/tracking.h"
#include "pg/store/origin.h"

/* Another transaction holds the row: look again after this. */
#define HELD_RETRY_US (200 * 1000)

TimestampTz
msgext_poll_next(const MsgServer *server, TimestampTz accepted_at, TimestampTz now)
{
	int64 passed_ms = (now - accepted_at) / 1000;
	int64 delay_ms = Min(Max(passed_ms / 2, server->poll_min_ms), server->poll_max_ms);

	return now + delay_ms * 1000;
}

bool
msgext_poll_is_missing(const MsgServer *server, const MsgRow *row)
{
	return server->poll && (row->state == MSG_ACCEPTED || row->state == MSG_SENT) &&
		   row->next_attempt_at == 0 && row->origin == msgext_origin() &&
		   row->nulls[Anum_outbox_finished_at - 1] &&
		   !row->nulls[Anum_outbox_provider_id - 1];
}

bool
msgext_poll_begin(MsgEngine *engine, MsgUpstream *upstream, const MsgRow *row)
{
	TimestampTz now = engine->turn.now;
	TimestampTz next = msgext_poll_next(upstream->server, now, now);
	MsgChange change;

	msgext_change_init(&change);
	msgext_change_time(&change, Anum_outbox_next_attempt_at, next);
	if (msgext_outbox_update(outbox_of(&engine->turn), row, &change, false) != TM_Ok)
		return false;
	msgext_upstream_remind(&engine->turn, upstream, MSG_REMINDER_POLL, next, row->id);
	return true;
}

/* Its sender's account cannot be used now. */
static void
put_off(MsgEngine *engine, MsgUpstream *upstream, const MsgRow *row,
		const MsgReminder *reminder)
{
	TimestampTz again = msgext_refusal_look_again(row->accepted_at, engine->turn.now);
	MsgChange change;

	msgext_change_init(&change);
	msgext_change_time(&change, Anum_outbox_next_attempt_at, again);
	if (msgext_outbox_update(outbox_of(&engine->turn), row, &change, false) != TM_Ok)
		again = engine->turn.now + HELD_RETRY_US;
	msgext_reminder_remove(reminders_of(&engine->turn), reminder);
	msgext_upstream_remind(&engine->turn, upstream, MSG_REMINDER_POLL, again, row->id);
}

/* Is the provider asked about a message in this state? */
static bool
is_followed(const MsgUpstream *upstream, const MsgRow *row)
{
	return row->server_oid == upstream->oid && row->origin == msgext_origin() &&
		   row->next_attempt_at != 0 && row->state != MSG_QUEUED &&
		   !msgext_state_is_final(row->state);
}

/*
 * Does the reminder stand for this message? Its row is the truth: a reminder of another
 * time goes, and one of the right time takes its place.
 */
static bool
is_right(MsgEngine *engine, MsgUpstream *upstream, const MsgReminder *reminder,
		 MsgRow *row)
{
	MsgTable *reminders = reminders_of(&engine->turn);

	if (msgext_outbox_find(outbox_of(&engine->turn), reminder->id, GetActiveSnapshot(),
						   row) &&
		is_followed(upstream, row))
	{
		if (row->next_attempt_at == reminder->at)
			return true;
		msgext_reminder_remove_one(reminders, upstream->oid, MSG_REMINDER_POLL,
								   row->next_attempt_at, row->id);
		msgext_upstream_remind(&engine->turn, upstream, MSG_REMINDER_POLL,
							   row->next_attempt_at, row->id);
	}
	msgext_reminder_remove(reminders, reminder);
	return false;
}

/*
 * Adds the reminder's message to a request, or puts its reminder right. False when nothing
 * behind it may be asked for now, either.
 */
static bool
ask(MsgEngine *engine, MsgUpstream *upstream, const MsgReminder *reminder)
{
	TimestampTz now = engine->turn.now;
	MsgAccount *account;
	MsgFlight *flight;
	TimestampTz until;
	MsgRow row;

	/* What is under way keeps its reminder. */
	if (msgext_flights_find(&engine->flights, reminder->id) != NULL ||
		!is_right(engine, upstream, reminder, &row))
		return true;
	account = msgext_server_account(upstream->server, row.sender_oid,
									msgext_row_text(&row, Anum_outbox_sender));
	if (account->error != NULL)
		msgext_upstream_error(&engine->turn, upstream, account->error);
	if (account->error != NULL || msgext_refusal_holds(upstream, account))
	{
		put_off(engine, upstream, &row, reminder);
		return true;
	}
	if (!msgext_outage_admits(upstream, now))
		return false;
	if (msgext_session_need(engine->sessions, &engine->flights, upstream, account, now,
							&until) == MSG_SESSION_WAIT)
	{
		/* What is behind it needs the same login. */
		upstream->polls_held_until = until;
		return false;
	}
	if (!msgext_batch_has_room(&engine->batches, &engine->flights, upstream, account,
							   row.id, MSG_FLIGHT_POLL))
	{
		engine->turn.work_left = true;
		return false;
	}

	/* The reminder stays until the answer is recorded: a crash loses no poll. */
	flight = msgext_batch_join(&engine->batches, &engine->flights, engine->sessions,
							   upstream, account, &row, MSG_FLIGHT_POLL);
	flight->reminders[flight->n - 1] = *reminder;
	msgext_outage_claim(upstream, flight, now);
	return true;
}

void
msgext_poll_take(MsgEngine *engine, MsgUpstream *upstream, int requests)
{
	int max = Min(requests * upstream->server->batch_size,
				  msgext_turn_looks_left(&engine->turn));
	MsgReminder *found;
	int n;
	int i;

	if (max <= 0)
		return;
	found = palloc(sizeof(MsgReminder) * max);
	n = msgext_reminder_read(reminders_of(&engine->turn), upstream->oid,
							 MSG_REMINDER_POLL, upstream->poll_from, upstream->poll_after,
							 engine->turn.now, found, max);
	engine->turn.looked += n;
	engine->turn.work_left |= n == max;
	for (i = 0; i < n; i++)
	{
		/* What keeps its reminder must not be found again and again. */
		upstream->poll_from = found[i].at;
		upstream->poll_after = found[i].id;
		msgext_turn_reading(&engine->turn, found[i].id, upstream->name);
		if (!ask(engine, upstream, &found[i]))
		{
			upstream->poll_after = found[i].id - 1;
			break;
		}
	}
	msgext_turn_reading(&engine->turn, 0, upstream->name);
}

/* Its next status request was put off by a clock that was ahead. */
static void
bring_forward(MsgEngine *engine, MsgUpstream *upstream, const MsgRow *row,
			  const MsgReminder *reminder)
{
	TimestampTz now = engine->turn.now;
	TimestampTz accepted_at = Min(row->accepted_at, now);
	TimestampTz next = msgext_poll_next(upstream->server, accepted_at, now);
	MsgChange change;

	msgext_change_init(&change);
	msgext_change_time(&change, Anum_outbox_next_attempt_at, next);
	msgext_change_time(&change, Anum_outbox_accepted_at, accepted_at);
	if (msgext_outbox_update(outbox_of(&engine->turn), row, &change, false) != TM_Ok)
		return;
	msgext_reminder_remove(reminders_of(&engine->turn), reminder);
	msgext_upstream_remind(&engine->turn, upstream, MSG_REMINDER_POLL, next, row->id);
}

void
msgext_poll_recheck(MsgEngine *engine, MsgUpstream *upstream)
{
	MsgRecheck *recheck = &upstream->recheck;
	const MsgServer *server = upstream->server;
	int max = msgext_turn_looks_left(&engine->turn);
	MsgReminder *found;
	int n;
	int i;

	if (!recheck->polls_set_back || max <= 0)
		return;

	/* Nothing is put off for longer, but where the provider has named a time. */
	if (recheck->poll_at == 0)
	{
		recheck->poll_at = engine->turn.now + MSG_CLOCK_SLACK_US +
						   Max(server->poll_max_ms * 1000, MSG_ACCOUNT_RETRY_MAX_US);
		recheck->poll_id = 0;
	}
	found = palloc(sizeof(MsgReminder) * max);
	n = msgext_reminder_read(reminders_of(&engine->turn), upstream->oid,
							 MSG_REMINDER_POLL, recheck->poll_at, recheck->poll_id,
							 DT_NOEND, found, max);
	engine->turn.looked += n;
	for (i = 0; i < n; i++)
	{
		MsgRow row;

		recheck->poll_at = found[i].at;
		recheck->poll_id = found[i].id;
		msgext_turn_reading(&engine->turn, found[i].id, upstream->name);
		if (msgext_flights_find(&engine->flights, found[i].id) == NULL &&
			is_right(engine, upstream, &found[i], &row))
			bring_forward(engine, upstream, &row, &found[i]);
	}
	msgext_turn_reading(&engine->turn, 0, upstream->name);
	recheck->polls_set_back = n == max;
}

/* Asking ends without a last word from the provider. */
static bool
end_polling(MsgEngine *engine, const MsgRow *row, const MsgOutcome *outcome,
			const MsgAnswer *answer, const char *why)
{
	MsgChange change;

	msgext_change_init(&change);
	msgext_change_null(&change, Anum_outbox_next_attempt_at);
	msgext_change_time(&change, Anum_outbox_finished_at, engine->turn.now);
	msgext_change_text(&change, Anum_outbox_code,
					   msgext_clean_text(outcome->code, MSG_CODE_MAX));
	msgext_change_text(&change, Anum_outbox_error, why);
	if (msgext_outbox_update(outbox_of(&engine->turn), row, &change, false) != TM_Ok)
		return false;
	msgext_answer_record(&engine->turn, row, row->attempts, row->state, outcome, answer,
						 why);
	return true;
}

/*
 * Applies what the answer says of the message. *next is when to ask again, and becomes 0
 * when that was the last time. False when another transaction holds the row.
 */
static bool
apply_answer(MsgEngine *engine, const MsgFlight *flight, int i, const MsgRow *row,
			 TimestampTz *next)
{
	const MsgOutcome *outcome = &flight->outcomes[i];
	MsgAnswer answer = msgext_answer_of(flight, i, "poll_ended", 0);
	bool late = *next - row->accepted_at > flight->server->poll_give_up_ms * 1000;
	MsgTracking tracking = {0};
	MsgRow again;

	if (outcome->verdict == MSG_VERDICT_REJECTED)
	{
		*next = 0;
		return end_polling(engine, row, outcome, &answer,
						   "the provider does not tell its status any more");
	}
	if (late && outcome->verdict != MSG_VERDICT_PROGRESS)
	{
		*next = 0;
		return end_polling(engine, row, outcome, &answer,
						   "no last status came within poll_give_up");
	}
	if (msgext_track(outbox_of(&engine->turn), events_of(&engine->turn), row,
					 outcome->events, "status", false, *next, false, &tracking) != TM_Ok)
		return false;
	msgext_counts_reach(msgext_turn_counts(flight->upstream), row->state, tracking.state,
						engine->turn.now - row->queued_at);
	if (msgext_state_is_final(tracking.state))
		*next = 0;
	else if (late)
	{
		/* The answer counts, and was the last one asked for. */
		*next = 0;
		msgext_turn_see_own_writes();
		if (msgext_outbox_find(outbox_of(&engine->turn), row->id, GetActiveSnapshot(),
							   &again))
			end_polling(engine, &again, outcome, &answer,
						"no last status came within poll_give_up");
	}
	return true;
}

/* What the answer tells about the server and the account rather than the message. */
static void
learn(MsgEngine *engine, const MsgFlight *flight, const MsgOutcome *outcome)
{
	MsgUpstream *upstream = flight->upstream;

	if (outcome->verdict == MSG_VERDICT_PROGRESS)
	{
		msgext_upstream_success(&engine->turn, upstream);
		msgext_session_worked(engine->sessions, flight);
	}
	else if (outcome->verdict != MSG_VERDICT_SPLIT)
		msgext_upstream_error(&engine->turn, upstream,
							  outcome->text != NULL ? outcome->text : outcome->code);
	if (outcome->verdict == MSG_VERDICT_PAUSE)
		msgext_upstream_pause(upstream, outcome->code, outcome->text,
							  flight->http_status);
	else if (outcome->verdict == MSG_VERDICT_PAUSE_ACCOUNT ||
			 (outcome->verdict == MSG_VERDICT_RELOGIN &&
			  !msgext_session_refused(engine->sessions, flight)))
		msgext_refusal_note(upstream, flight->account, outcome->code, outcome->text,
							flight->http_status);
}

bool
msgext_poll_record(MsgEngine *engine, MsgFlight *flight, int i)
{
	MsgTurn *turn = &engine->turn;
	MsgUpstream *upstream = flight->upstream;
	const MsgOutcome *outcome = &flight->outcomes[i];
	int64 message = flight->jobs[i].id;
	TimestampTz asked_at = flight->reminders[i].at;
	TimestampTz next;
	MsgRow row;

	if (!msgext_outbox_find(outbox_of(turn), message, GetActiveSnapshot(), &row) ||
		row.next_attempt_at != asked_at)
	{
		/* A callback or a person was quicker; what it left is no longer ours to ask. */
		msgext_reminder_remove_one(reminders_of(turn), upstream->oid, MSG_REMINDER_POLL,
								   asked_at, message);
		return true;
	}
	msgext_batch_note_outcome(&engine->batches, flight, message, outcome);
	next = msgext_poll_next(flight->server, row.accepted_at, turn->now);
	if (outcome->retry_after_ms >= 0)
		next = Max(next, turn->now + outcome->retry_after_ms * 1000);
	if (outcome->verdict == MSG_VERDICT_SPLIT)
		next = turn->now + MSG_NEXT_TURN_US;
	if (!apply_answer(engine, flight, i, &row, &next))
		return false;
	msgext_reminder_remove_one(reminders_of(turn), upstream->oid, MSG_REMINDER_POLL,
							   asked_at, message);
	if (next != 0)
		msgext_upstream_remind(turn, upstream, MSG_REMINDER_POLL, next, message);
	learn(engine, flight, outcome);
	return true;
}
