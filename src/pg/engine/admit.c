/*
 * admit.c
 *		May this message leave now? See admit.h.
 *
 * The order of the checks is their meaning:
 *
 *		1. Is it queued and not under way? Everything else has been decided, but whether its
 *		   status is asked for.
 *		2. Has its time come? next_attempt_at is the truth, a reminder only a hint: one
 *		that
 *		   comes too early is put right, one that comes late is as good.
 *		3. Is the row free? Who holds it may be cancelling it; nothing is decided before.
 *		4. Was it queued here? A restored copy stops before it can do anything, expiry
 *		   included: its rows are evidence.
 *		5. Has its time to be sent ended, or not begun? Before credentials, which may be
 *		   missing for longer than the message lives.
 *		6. Is it still the same provider, may its recipients be written to from this server,
 *		   and want to be; may what may have arrived be repeated, as it could be then; has
 *		   its sender an account, one that has not been refused; does the circuit breaker
 *		   let anything out, before a login is; and is there a session?
 *		7. Is there room for its request? Before limits, which count what is let through.
 *		8. The recipient's limit, then the rate: a message that the first one sets aside
 *		   must not use up the second.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/multixact.h"
#include "access/transam.h"
#include "access/xact.h"
#include "storage/procarray.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "pg/base/clock.h"
#include "pg/base/text.h"
#include "pg/engine/addressee.h"
#include "pg/engine/admit.h"
#include "pg/engine/outage.h"
#include "pg/engine/poll.h"
#include "pg/engine/record.h"
#include "pg/engine/set_back.h"
#include "pg/engine/statistics.h"
#include "pg/store/event.h"
#include "pg/store/origin.h"
#include "pg/store/recipient_use.h"
#include "pg/store/reminder.h"

#define MSG_WAITS_FOR_RECIPIENT "recipient_limit"
#define MSG_WAITS_FOR_RATE "rate_limit"
#define MSG_WAITS_FOR_LOGIN "login"
#define MSG_WAITS_FOR_TIME "send_after"

/* Another transaction holds the row: look again after this at the earliest. */
#define HELD_RETRY_US (200 * 1000)

/*
 * Is another transaction changing this row version, or has it done so since our
 * snapshot? It may be cancelling the message: see claim.h.
 */
static bool
is_held(HeapTuple tuple)
{
	HeapTupleHeader header = tuple->t_data;
	TransactionId xmax = HeapTupleHeaderGetRawXmax(header);

	if ((header->t_infomask & HEAP_XMAX_INVALID) != 0 || !TransactionIdIsValid(xmax))
		return false;
	if ((header->t_infomask & HEAP_XMAX_IS_MULTI) != 0)
		return MultiXactIdIsRunning(xmax, false) ||
			   !HEAP_XMAX_IS_LOCKED_ONLY(header->t_infomask);
	if (TransactionIdIsCurrentTransactionId(xmax))
		return true;
	if (TransactionIdIsInProgress(xmax))
		return true;
	return !HEAP_XMAX_IS_LOCKED_ONLY(header->t_infomask) && TransactionIdDidCommit(xmax);
}

/* Looks at the message again then, whatever its row says. */
static MsgAdmission
look_again(MsgEngine *engine, MsgUpstream *upstream, const MsgRow *row, TimestampTz at)
{
	msgext_upstream_remind(&engine->turn, upstream, MSG_REMINDER_SEND, at, row->id);
	return MSG_ADMIT_PASSED;
}

/*
 * It cannot be decided now: its row is held, as a rule. The longer it has been due, the
 * later: thousands of rows may be held for hours.
 */
static MsgAdmission
look_again_soon(MsgEngine *engine, MsgUpstream *upstream, const MsgRow *row)
{
	TimestampTz now = engine->turn.now;
	TimestampTz due = row->next_attempt_at != 0 ? row->next_attempt_at : row->queued_at;
	int64 wait_us = Min(Max((now - due) / 8, HELD_RETRY_US), MSG_HELD_RETRY_MAX_US);

	return look_again(engine, upstream, row, now + wait_us);
}

/* Sets a queued message aside until then, and changes what else there is. */
static MsgAdmission
set_aside(MsgEngine *engine, MsgUpstream *upstream, const MsgRow *row, TimestampTz until,
		  const char *why, MsgChange *change)
{
	msgext_change_time(change, Anum_outbox_next_attempt_at, until);
	msgext_change_waits_for(change, row, msgext_clean_text(why, 256));
	if (msgext_outbox_update(outbox_of(&engine->turn), row, change, false) != TM_Ok)
		return look_again_soon(engine, upstream, row);
	return look_again(engine, upstream, row, until);
}

static MsgAdmission
defer(MsgEngine *engine, MsgUpstream *upstream, const MsgRow *row, TimestampTz until,
	  const char *why, const char *error)
{
	MsgChange change;

	/* It must not sleep through its own end. */
	if (row->expires_at != 0)
		until = Min(until, row->expires_at);
	msgext_change_init(&change);
	if (error != NULL)
		msgext_change_text(&change, Anum_outbox_error, msgext_clean_text(error, 2048));
	return set_aside(engine, upstream, row, until, why, &change);
}

/* Its template's times, as if it had been queued now. */
static MsgAdmission
bring_forward(MsgEngine *engine, MsgUpstream *upstream, const MsgRow *row)
{
	MsgChange change;
	TimestampTz until;

	msgext_change_init(&change);
	until = msgext_set_back_reckon(row, engine->turn.now, &change);
	return set_aside(engine, upstream, row, until, MSG_WAITS_FOR_TIME, &change);
}

/* Ends a queued message that will not be sent. */
static MsgAdmission
finish(MsgEngine *engine, MsgUpstream *upstream, const MsgRow *row, MsgState state,
	   const char *kind, const char *code, const char *error)
{
	MsgTurn *turn = &engine->turn;
	MsgEventRow event = {0};
	MsgChange change;

	/* What may have been sent has neither expired nor failed: nobody can tell. */
	if (row->maybe_sent)
		state = MSG_UNKNOWN;
	msgext_change_init(&change);
	msgext_change_state(&change, state);
	if (state != MSG_UNKNOWN)
		msgext_change_time(&change, Anum_outbox_finished_at, turn->now);
	msgext_change_null(&change, Anum_outbox_next_attempt_at);
	msgext_change_null(&change, Anum_outbox_waiting);
	if (code != NULL)
		msgext_change_text(&change, Anum_outbox_code, code);
	msgext_change_text(&change, Anum_outbox_error, error);
	if (msgext_outbox_update(outbox_of(turn), row, &change, false) != TM_Ok)
		return look_again_soon(engine, upstream, row);
	msgext_counts_reach(msgext_turn_counts(upstream), row->state, state,
						turn->now - row->queued_at);
	if (state == MSG_UNKNOWN)
		msgext_upstream_remind(turn, upstream, MSG_REMINDER_UNKNOWN, row->created_at,
							   row->id);
	event.message_id = row->id;
	event.kind = kind;
	event.state = state;
	event.code = code;
	event.error = error;
	msgext_event_append(events_of(turn), &event);
	return MSG_ADMIT_PASSED;
}

/* A rate limit of this server holds its messages back. */
static MsgAdmission
throttle(MsgEngine *engine, MsgUpstream *upstream, MsgLane *lane, const MsgRow *row,
		 const char *key, TimestampTz free_at)
{
	const char *why = key != NULL
						  ? psprintf(MSG_WAITS_FOR_RATE " of %s", msgext_to_utf8(key))
						  : MSG_WAITS_FOR_RATE;
	TimestampTz turn;
	bool reserved;

	if (upstream->throttled_until == 0 || free_at < upstream->throttled_until)
		upstream->throttled_until = free_at;
	reserved =
		msgext_limiter_reserve(engine->limiter, upstream->name, key,
							   &upstream->server->rate_limit, engine->turn.now, &turn);
	if (!reserved && lane != NULL)
	{
		/* Enough are set aside: the lane stands still, and does not fill the table. */
		const char *said = msgext_clean_text(why, sizeof(lane->waiting) - 1);

		strlcpy(lane->waiting, said,
				1 + pg_mbcliplen(said, strlen(said), sizeof(lane->waiting) - 1));
		lane->until = turn;
		lane->moved = true;
		return MSG_ADMIT_STOP;
	}
	upstream->reserved_until = Max(upstream->reserved_until, turn);
	msgext_counts_add(msgext_turn_counts(upstream), MSG_COUNT_WAITS_RATE, 1);
	return defer(engine, upstream, row, turn, why, NULL);
}

/* Its provider wants a login first, which is under way or has failed for now. */
static MsgAdmission
wait_for_login(MsgEngine *engine, MsgUpstream *upstream, MsgLane *lane, const MsgRow *row,
			   TimestampTz until)
{
	if (upstream->throttled_until == 0 || until < upstream->throttled_until)
		upstream->throttled_until = until;
	if (lane == NULL)
		return defer(engine, upstream, row, until, MSG_WAITS_FOR_LOGIN, NULL);
	strlcpy(lane->waiting, MSG_WAITS_FOR_LOGIN, sizeof(lane->waiting));
	lane->until = until;
	return MSG_ADMIT_STOP;
}

/* Steps 7 and 8: room and limits; then it is claimed. */
static MsgAdmission
claim_within_limits(MsgEngine *engine, MsgUpstream *upstream, MsgLane *lane,
					MsgAccount *account, const MsgRow *row)
{
	const MsgServer *server = upstream->server;
	TimestampTz now = engine->turn.now;
	const char *key = msgext_row_text(row, Anum_outbox_limit_key);
	const char *recipient = msgext_row_text(row, Anum_outbox_recipient);
	TimestampTz until;
	MsgFlight *flight;

	if (!msgext_batch_has_room(&engine->batches, &engine->flights, upstream, account,
							   row->id, MSG_FLIGHT_SEND))
		return MSG_ADMIT_STOP;
	if (server->recipient_limit.count > 0 && recipient != NULL &&
		!msgext_recipient_take(uses_of(&engine->turn), upstream->oid, key, recipient,
							   row->id, &server->recipient_limit, now, &until))
	{
		msgext_counts_add(msgext_turn_counts(upstream), MSG_COUNT_WAITS_RECIPIENT, 1);
		return defer(engine, upstream, row, until, MSG_WAITS_FOR_RECIPIENT, NULL);
	}
	if (server->rate_limit.count > 0 &&
		!msgext_limiter_take(engine->limiter, upstream->name, key, &server->rate_limit,
							 now, upstream->health.last_claim_at, &until))
		return throttle(engine, upstream, lane, row, key, until);
	flight = msgext_batch_join(&engine->batches, &engine->flights, engine->sessions,
							   upstream, account, row, MSG_FLIGHT_SEND);
	msgext_batch_claim(&engine->batches, flight, now);
	msgext_outage_claim(upstream, flight, now);
	if (row->tried_at == 0)
		msgext_counts_time(msgext_turn_counts(upstream), MSG_TIME_WAIT,
						   now - Max(row->queued_at, row->send_after));
	upstream->health.last_claim_at = now;
	upstream->health.changed = true;
	return MSG_ADMIT_CLAIMED;
}

/* Step 2: false when it is not to be looked at now; then a reminder stands for it. */
static bool
has_come(MsgEngine *engine, MsgUpstream *upstream, const MsgLane *lane, const MsgRow *row)
{
	if (row->next_attempt_at == 0)
		return true;

	/* What has been set aside is led to by its reminder, not by the lane. */
	if (lane != NULL)
		return false;
	if (row->next_attempt_at <= engine->turn.now)
		return true;
	msgext_reminder_remove_one(reminders_of(&engine->turn), upstream->oid,
							   MSG_REMINDER_SEND, row->next_attempt_at, row->id);
	look_again(engine, upstream, row, row->next_attempt_at);
	return false;
}

/* Would it reach another provider, or another account there, than it may have reached? */
static bool
has_another_target(const MsgAccount *account, const MsgRow *row)
{
	return account->error == NULL && !row->nulls[Anum_outbox_target - 1] &&
		   DatumGetInt64(row->values[Anum_outbox_target - 1]) != account->target;
}

/*
 * Is it a repeat of what may have arrived, which would not be known as one any more? What
 * was decided then was for a server that has other options now, or has shown since that it
 * ignores our keys, or for another account.
 */
static bool
would_be_doubled(const MsgUpstream *upstream, const MsgAccount *account,
				 const MsgRow *row)
{
	const MsgPolicy *policy = &upstream->server->policy;

	return row->maybe_sent && msgext_row_is_repeat(row) && !policy->resend_unknown &&
		   (!policy->deduplicates || upstream->health.key_ignored ||
			has_another_target(account, row));
}

/* Its sender's account cannot be used. */
static MsgAdmission
wait_for_account(MsgEngine *engine, MsgUpstream *upstream, const MsgAccount *account,
				 const MsgRow *row)
{
	upstream->recheck.possible = true;
	if (account->error != NULL)
		msgext_upstream_error(&engine->turn, upstream, account->error);
	return defer(engine, upstream, row,
				 msgext_refusal_look_again(row->queued_at, engine->turn.now),
				 MSG_WAITS_FOR_ACCOUNT, account->error);
}

static MsgAdmission
admit(MsgEngine *engine, MsgUpstream *upstream, MsgLane *lane, const MsgRow *row)
{
	MsgServer *server = upstream->server;
	TimestampTz now = engine->turn.now;
	const MsgFlight *flight;
	MsgAccount *account;
	const char *code;
	const char *why;
	TimestampTz until;

	if (row->server_oid != upstream->oid)
		return MSG_ADMIT_PASSED;
	flight = msgext_flights_find(&engine->flights, row->id);
	if ((flight != NULL && flight->kind == MSG_FLIGHT_SEND) ||
		msgext_inherited_has(&engine->inherited, row->id))
		return MSG_ADMIT_PASSED;
	if (row->state != MSG_QUEUED)
	{
		if (msgext_poll_is_missing(server, row) &&
			!msgext_poll_begin(engine, upstream, row))
			return look_again_soon(engine, upstream, row);
		return MSG_ADMIT_PASSED;
	}
	if (!has_come(engine, upstream, lane, row))
		return MSG_ADMIT_PASSED;

	/* A person has queued it again while its status was being asked for. */
	if (flight != NULL || is_held(row->tuple))
		return look_again_soon(engine, upstream, row);
	if ((until = msgext_poison_until(&engine->poison, row->id, now)) != 0)
		return look_again(engine, upstream, row, until);
	if (row->origin != msgext_origin())
	{
		msgext_upstream_refuse_copy(upstream);
		return MSG_ADMIT_STOP;
	}
	if (row->expires_at != 0 && row->expires_at <= now)
		return finish(engine, upstream, row,
					  msgext_row_is_begun(row) ? MSG_FAILED : MSG_EXPIRED, "expired",
					  NULL, "its time to be sent has ended");
	if (msgext_row_is_replaced(row))
		return finish(engine, upstream, row, MSG_CANCELLED, "cancelled", NULL,
					  "another one has taken its place");
	if (msgext_set_back_reckoned(row, now))
		return bring_forward(engine, upstream, row);
	if (row->send_after > now)
		return defer(engine, upstream, row, row->send_after, MSG_WAITS_FOR_TIME, NULL);
	if (strcmp(msgext_row_text(row, Anum_outbox_provider), server->provider->name) != 0)
		return finish(engine, upstream, row, MSG_FAILED, "answer", NULL,
					  "the server belongs to another provider now");
	if (!msgext_addressee_may(&engine->turn, upstream, row, &code, &why))
		return finish(engine, upstream, row, MSG_REJECTED, "answer", code, why);
	account = msgext_server_account(server, row->sender_oid,
									msgext_row_text(row, Anum_outbox_sender));
	if (would_be_doubled(upstream, account, row))
		return finish(engine, upstream, row, MSG_UNKNOWN, "answer", NULL,
					  "it may have arrived, and a repeat would not be known as one");
	if (account->error != NULL || msgext_refusal_holds(upstream, account))
		return wait_for_account(engine, upstream, account, row);
	if (!msgext_outage_admits(upstream, now))
		return MSG_ADMIT_STOP;
	if (msgext_session_need(engine->sessions, &engine->flights, upstream, account, now,
							&until) == MSG_SESSION_WAIT)
		return wait_for_login(engine, upstream, lane, row, until);
	return claim_within_limits(engine, upstream, lane, account, row);
}

MsgAdmission
msgext_admit(MsgEngine *engine, MsgUpstream *upstream, MsgLane *lane, const MsgRow *row)
{
	MemoryContext before = MemoryContextSwitchTo(engine->turn.message);
	MsgAdmission result;

	msgext_turn_reading(&engine->turn, row->id, upstream->name);
	result = admit(engine, upstream, lane, row);
	MemoryContextSwitchTo(before);
	MemoryContextReset(engine->turn.message);
	return result;
}

static bool
has_usable_account(MsgUpstream *upstream, const MsgRow *row)
{
	const MsgAccount *account = msgext_server_account(
		upstream->server, row->sender_oid, msgext_row_text(row, Anum_outbox_sender));

	if (account->error == NULL && !msgext_refusal_holds(upstream, account))
		return true;
	upstream->recheck.possible = true;
	return false;
}

/* Is there room for its recipient, or sooner or later than was thought? */
static bool
has_another_limit(MsgEngine *engine, const MsgUpstream *upstream, const MsgRow *row)
{
	const MsgRate *limit = &upstream->server->recipient_limit;
	const char *recipient = msgext_row_text(row, Anum_outbox_recipient);
	TimestampTz until;

	return limit->count == 0 || recipient == NULL ||
		   msgext_recipient_has_room(uses_of(&engine->turn), upstream->oid,
									 msgext_row_text(row, Anum_outbox_limit_key),
									 recipient, row->id, limit, engine->turn.now,
									 &until) ||
		   until != row->next_attempt_at;
}

/* What may have been set aside then without an event, for as long as can be found again. */
static bool
is_reckoned_again(const MsgRow *row, const char *why, TimestampTz now)
{
	return msgext_clock_was_ahead(row->next_attempt_at, now) &&
		   (strcmp(why, MSG_WAITS_FOR_LOGIN) == 0 ||
			strncmp(why, MSG_WAITS_FOR_RATE, strlen(MSG_WAITS_FOR_RATE)) == 0);
}

MsgAdmission
msgext_admit_early(MsgEngine *engine, MsgUpstream *upstream, const MsgRow *row)
{
	MsgRow due = *row;
	const char *why = msgext_row_waits_for(row);
	TimestampTz until;

	if (row->state != MSG_QUEUED || row->server_oid != upstream->oid || why == NULL)
		return MSG_ADMIT_WAITS;
	if (msgext_set_back_reckoned(row, engine->turn.now))
		return bring_forward(engine, upstream, row);
	if ((until = msgext_set_back_until(&engine->turn, row)) != 0)
		return defer(engine, upstream, row, until, why, NULL);
	if (upstream->recheck.set_back && is_reckoned_again(row, why, engine->turn.now))
		;
	else if (strcmp(why, MSG_WAITS_FOR_ACCOUNT) == 0)
	{
		if (!has_usable_account(upstream, row))
			return MSG_ADMIT_WAITS;
	}
	else if (strcmp(why, MSG_WAITS_FOR_RECIPIENT) != 0 ||
			 !has_another_limit(engine, upstream, row))
		return MSG_ADMIT_WAITS;
	due.next_attempt_at = engine->turn.now;
	return msgext_admit(engine, upstream, NULL, &due);
}
