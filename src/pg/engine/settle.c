/*
 * settle.c
 *		What came of the claims of a dispatcher that has ended: see settle.h.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/base/clock.h"
#include "pg/engine/record.h"
#include "pg/engine/settle.h"
#include "pg/engine/statistics.h"
#include "pg/store/claim.h"
#include "pg/store/origin.h"
#include "pg/store/reminder.h"

/* A row that another transaction holds is looked at again after this. */
#define HELD_RETRY_US (50 * 1000)

/* Its server is gone. What cannot be resent by policy is held for a person. */
static bool
hold_for_person(MsgEngine *engine, const MsgRow *row, int attempt,
				const MsgOutcome *outcome, const MsgAnswer *answer)
{
	MsgTurn *turn = &engine->turn;
	MsgChange change;

	msgext_change_init(&change);
	msgext_change_set(&change, Anum_outbox_attempts, Int32GetDatum(attempt));
	msgext_change_set(&change, Anum_outbox_maybe_sent, BoolGetDatum(true));
	msgext_change_state(&change, MSG_UNKNOWN);
	msgext_change_text(&change, Anum_outbox_error, outcome->text);
	if (msgext_outbox_update(outbox_of(turn), row, &change, false) != TM_Ok)
		return false;
	msgext_answer_record(turn, row, attempt, MSG_UNKNOWN, outcome, answer, NULL);
	msgext_reminder_add(reminders_of(turn), row->server_oid, MSG_REMINDER_UNKNOWN,
						row->created_at, row->id);
	return true;
}

/* False when another transaction holds its row. */
static bool
settle_message(MsgEngine *engine, const MsgInheritedMessage *message)
{
	MsgTurn *turn = &engine->turn;
	MsgAnswer answer = {"interrupted", 0, NULL, 0, turn->now};
	MsgOutcome outcome = {0};
	MsgAttempt attempt = {0};
	MsgRow row;

	outcome.verdict = MSG_VERDICT_UNSURE;
	outcome.retry_after_ms = -1;
	outcome.text = "the dispatcher ended before the answer was recorded";
	if (!msgext_outbox_find(outbox_of(turn), message->id, GetActiveSnapshot(), &row) ||
		row.attempts + 1 != message->attempt || row.created_at != message->created)
		return true;
	attempt.upstream = msgext_upstream_find(&engine->upstreams, row.server_oid);
	if (row.state == MSG_QUEUED &&
		(attempt.upstream == NULL || attempt.upstream->server == NULL ||
		 row.origin != msgext_origin()))
		return hold_for_person(engine, &row, message->attempt, &outcome, &answer);
	if (attempt.upstream != NULL)
		attempt.server = attempt.upstream->server;
	attempt.row = msgext_row_identity(&row);
	attempt.attempt = message->attempt;
	return msgext_record_attempt(engine, &attempt, &outcome, &answer);
}

/* One transaction. Adds to *settled how many it settled; true if none is left. */
static bool
settle_claim(MsgEngine *engine, MsgInheritedClaim *claim, int *settled)
{
	MsgTurn *turn = &engine->turn;
	bool all = true;
	int i;

	msgext_turn_begin(turn);
	msgext_upstreams_refresh(turn, &engine->upstreams);
	for (i = 0; i < claim->n; i++)
	{
		MsgInheritedMessage *message = &claim->messages[i];

		if (!message->settled && message->not_before <= turn->now)
		{
			msgext_turn_reading(turn, message->id, NULL);
			message->written = settle_message(engine, message);
		}
		all &= message->settled || message->written;
	}
	msgext_turn_reading(turn, 0, NULL);
	if (all)
		msgext_claim_remove(claims_of(turn), claim->id);
	msgext_turn_flush(turn);
	msgext_turn_commit(turn);
	msgext_statistics_commit(&engine->upstreams);
	for (i = 0; i < claim->n; i++)
	{
		MsgInheritedMessage *message = &claim->messages[i];

		*settled += message->written;
		message->settled |= message->written;
		message->written = false;
	}
	return all;
}

void
msgext_settle(MsgEngine *engine)
{
	MsgInherited *inherited = &engine->inherited;
	ListCell *cell;
	int settled = 0;

	inherited->look_at = msgext_clock() + HELD_RETRY_US;
	foreach (cell, inherited->claims)
	{
		MsgInheritedClaim *claim = lfirst(cell);

		CHECK_FOR_INTERRUPTS();
		if (settle_claim(engine, claim, &settled))
		{
			inherited->claims = foreach_delete_current(inherited->claims, cell);
			pfree(claim);
		}
	}
	if (settled > 0)
		ereport(LOG,
				(errmsg("settled %d messages of a dispatcher that had ended", settled)));
}
