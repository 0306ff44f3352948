/*
 * poll.c
 *		Asking providers for the status of messages they took: which ones, when, and what
 *		came of it.
 *
 * Runs inside a turn; taking, behind the fence (claim.h). A reminder goes with the answer
 * that is recorded, so that a crash loses no question.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/snapmgr.h"

#include "pg/engine/engine.h"
#include "pg/engine/session.h"
#include "pg/inbound/tracking.h"

TimestampTz
msgext_next_poll(const MsgServer *server, TimestampTz accepted_at, TimestampTz now)
{
	int64 passed_ms = (now - accepted_at) / 1000;
	int64 delay_ms = Min(Max(passed_ms / 2, server->poll_min_ms), server->poll_max_ms);

	return now + delay_ms * 1000;
}

/* Its sender's account cannot be used now. */
static void
put_off(MsgDispatcher *dispatcher, MsgUpstream *upstream, const MsgRow *row,
		const MsgReminder *reminder, const char *error)
{
	TimestampTz again = dispatcher->now + MSG_ACCOUNT_RETRY_US;
	MsgChange change;

	msgext_upstream_error(dispatcher, upstream, error);
	msgext_change_init(&change);
	msgext_change_time(&change, Anum_outbox_next_attempt_at, again);
	if (msgext_outbox_update(outbox_of(dispatcher), row, &change, false) != TM_Ok)
		return;
	msgext_reminder_remove(reminders_of(dispatcher), reminder);
	msgext_upstream_remind(dispatcher, upstream, MSG_REMINDER_POLL, again, row->id);
}

void
msgext_take_polls(MsgDispatcher *dispatcher, MsgUpstream *upstream, int requests)
{
	int max = requests * upstream->server->batch_size;
	MsgReminder *found = palloc(sizeof(MsgReminder) * max);
	int n = msgext_reminder_read(reminders_of(dispatcher), upstream->name,
								 MSG_REMINDER_POLL, upstream->poll_from,
								 upstream->poll_after, dispatcher->now, found, max);
	int i;

	dispatcher->more |= n == max;
	for (i = 0; i < n; i++)
	{
		MsgAccount *account;
		MsgFlight *flight;
		TimestampTz until;
		MsgRow row;

		/* What is under way keeps its reminder, which must not be found again and again. */
		upstream->poll_from = found[i].at;
		upstream->poll_after = found[i].id;
		dispatcher->reading = found[i].id;
		if (hash_search(dispatcher->under_way, &found[i].id, HASH_FIND, NULL) != NULL)
			continue;
		if (!msgext_outbox_find(outbox_of(dispatcher), found[i].id, GetActiveSnapshot(),
								&row) ||
			row.next_attempt_at != found[i].at || msgext_state_is_final(row.state) ||
			row.state == MSG_QUEUED)
		{
			msgext_reminder_remove(reminders_of(dispatcher), &found[i]);
			continue;
		}
		account = msgext_server_account(upstream->server,
										msgext_row_text(&row, Anum_outbox_sender));
		if (account->error != NULL)
		{
			put_off(dispatcher, upstream, &row, &found[i], account->error);
			continue;
		}
		if (msgext_session_need(dispatcher, upstream, account, &until) ==
			MSG_SESSION_WAIT)
		{
			/* The reminder stays; what is behind it needs the same login. */
			upstream->poll_after = found[i].id - 1;
			upstream->polls_held_until = until;
			break;
		}

		if (!msgext_batch_has_room(dispatcher, upstream, account, row.id, true))
		{
			upstream->poll_after = found[i].id - 1;
			dispatcher->more = true;
			break;
		}

		/* The reminder stays until the answer is recorded: a crash loses no poll. */
		flight = msgext_batch_join(dispatcher, upstream, account, &row, true);
		flight->reminders[flight->n - 1] = found[i];
	}
	dispatcher->reading = 0;
}

/* Asking ends without a last word from the provider. */
static bool
end_polling(MsgDispatcher *dispatcher, const MsgRow *row, const MsgOutcome *outcome,
			const MsgAnswer *answer, const char *why)
{
	MsgChange change;

	msgext_change_init(&change);
	msgext_change_null(&change, Anum_outbox_next_attempt_at);
	msgext_change_time(&change, Anum_outbox_finished_at, dispatcher->now);
	msgext_change_text(&change, Anum_outbox_code,
					   msgext_clean_text(outcome->code, MSG_CODE_MAX));
	msgext_change_text(&change, Anum_outbox_error, why);
	if (msgext_outbox_update(outbox_of(dispatcher), row, &change, false) != TM_Ok)
		return false;
	msgext_record_event(dispatcher, row, row->attempts, row->state, outcome, answer, why);
	return true;
}

bool
msgext_record_poll(MsgDispatcher *dispatcher, MsgFlight *flight, int i)
{
	MsgUpstream *upstream = flight->upstream;
	const MsgOutcome *outcome = &flight->outcomes[i];
	const MsgServer *server = flight->server;
	MsgAnswer answer = msgext_answer_to(flight, i, "poll_ended", 0);
	TimestampTz asked_at = flight->reminders[i].at;
	MsgTracking tracking = {0};
	TimestampTz next;
	bool recorded;
	MsgRow row;

	if (!msgext_outbox_find(outbox_of(dispatcher), flight->jobs[i].id,
							GetActiveSnapshot(), &row) ||
		row.next_attempt_at != asked_at)
	{
		/* A callback or a person was quicker; what it left is no longer ours to ask. */
		msgext_reminder_remove_one(reminders_of(dispatcher), upstream->name,
								   MSG_REMINDER_POLL, asked_at, flight->jobs[i].id);
		return true;
	}
	next = msgext_next_poll(server, row.accepted_at, dispatcher->now);
	if (outcome->retry_after_ms >= 0)
		next = Max(next, dispatcher->now + outcome->retry_after_ms * 1000);

	msgext_batch_note_outcome(dispatcher, flight, row.id, outcome);
	if (outcome->verdict == MSG_VERDICT_AGAIN)
		next = dispatcher->now + MSG_NEXT_TURN_US;

	if (outcome->verdict == MSG_VERDICT_REJECTED)
	{
		next = 0;
		recorded = end_polling(dispatcher, &row, outcome, &answer,
							   "the provider does not tell its status any more");
	}
	else if (next - row.accepted_at > server->poll_give_up_ms * 1000 &&
			 outcome->verdict != MSG_VERDICT_PROGRESS)
	{
		next = 0;
		recorded = end_polling(dispatcher, &row, outcome, &answer,
							   "no last status came within poll_give_up");
	}
	else
	{
		recorded = msgext_track(outbox_of(dispatcher), events_of(dispatcher), &row,
								outcome->events, "status", false, next, false,
								&tracking) == TM_Ok;
		if (recorded && !msgext_state_is_final(tracking.state) &&
			next - row.accepted_at > server->poll_give_up_ms * 1000)
		{
			/* The answer counts, and was the last one asked for. */
			MsgRow again;

			CommandCounterIncrement();
			UpdateActiveSnapshotCommandId();
			next = 0;
			if (msgext_outbox_find(outbox_of(dispatcher), row.id, GetActiveSnapshot(),
								   &again))
				end_polling(dispatcher, &again, outcome, &answer,
							"no last status came within poll_give_up");
		}
	}
	if (!recorded)
		return false;

	msgext_reminder_remove_one(reminders_of(dispatcher), upstream->name,
							   MSG_REMINDER_POLL, asked_at, row.id);
	if (next != 0 && !msgext_state_is_final(tracking.state))
		msgext_upstream_remind(dispatcher, upstream, MSG_REMINDER_POLL, next, row.id);
	if (outcome->verdict == MSG_VERDICT_PROGRESS)
	{
		msgext_upstream_success(dispatcher, upstream);
		msgext_session_worked(dispatcher, flight);
	}
	else if (outcome->verdict != MSG_VERDICT_AGAIN)
		msgext_upstream_error(dispatcher, upstream,
							  outcome->text != NULL ? outcome->text : outcome->code);
	if (outcome->verdict == MSG_VERDICT_PAUSE ||
		(outcome->verdict == MSG_VERDICT_RELOGIN &&
		 !msgext_session_refused(dispatcher, flight)))
		msgext_upstream_pause(upstream, outcome->code, outcome->text,
							  flight->http_status);
	return true;
}
