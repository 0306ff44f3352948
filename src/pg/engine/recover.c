/*
 * recover.c
 *		Going on after a crash or an error: see recover.h.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/base/clock.h"
#include "pg/engine/record.h"
#include "pg/engine/recover.h"
#include "pg/engine/request.h"
#include "pg/engine/statistics.h"
#include "pg/store/claim.h"
#include "pg/store/origin.h"
#include "pg/store/reminder.h"

/* A result that cannot be recorded is set aside for this long. */
#define STRIKE_US (60 * USECS_PER_SEC)

/* So often an error may be a message's fault before its result is set aside. */
#define STRIKES 3

/* A row that another transaction holds is looked at again after this. */
#define HELD_RETRY_US (20 * 1000)

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

/* Settles one message of a claim. False when another transaction holds its row. */
static bool
settle_message(MsgEngine *engine, const MsgClaim *claim, int i)
{
	MsgTurn *turn = &engine->turn;
	MsgAnswer answer = {"interrupted", 0, NULL, 0, turn->now};
	MsgOutcome outcome = {0};
	MsgAttempt attempt = {0};
	MsgRow row;

	outcome.verdict = MSG_VERDICT_UNSURE;
	outcome.retry_after_ms = -1;
	outcome.text = "the dispatcher ended before the answer was recorded";
	msgext_turn_reading(turn, claim->messages[i], NULL);
	if (!msgext_outbox_find(outbox_of(turn), claim->messages[i], GetActiveSnapshot(),
							&row) ||
		row.state != MSG_QUEUED || row.attempts + 1 != claim->attempts[i] ||
		row.created_at != claim->created[i])
		return true;
	attempt.upstream = msgext_upstream_find(&engine->upstreams, row.server_oid);
	if (attempt.upstream == NULL || attempt.upstream->server == NULL ||
		row.origin != msgext_origin())
		return hold_for_person(engine, &row, claim->attempts[i], &outcome, &answer);
	attempt.server = attempt.upstream->server;
	attempt.row = msgext_row_identity(&row);
	attempt.attempt = claim->attempts[i];
	return msgext_record_attempt(engine, &attempt, &outcome, &answer);
}

/*
 * One transaction: settles what can be of the first claim. *left is how many of its
 * messages are held by others. False when there is no claim.
 */
static bool
settle_claim(MsgEngine *engine, int *settled, int *left)
{
	MsgTurn *turn = &engine->turn;
	MsgClaim claim;
	bool found;
	int i;

	*left = 0;
	msgext_turn_begin(turn);
	msgext_upstreams_refresh(turn, &engine->upstreams);
	found = msgext_claim_first(claims_of(turn), &claim);
	for (i = 0; found && i < claim.n; i++)
		*left += !settle_message(engine, &claim, i);
	if (found && *left == 0)
	{
		msgext_claim_remove(claims_of(turn), claim.id);
		*settled += claim.n;
	}
	msgext_turn_flush(turn);
	msgext_turn_commit(turn);
	msgext_statistics_commit(&engine->upstreams);
	return found;
}

void
msgext_recover_claims(MsgEngine *engine)
{
	int settled = 0;
	int left;

	/*
	 * What has been settled is found so again, so that the rest of a claim can wait for a
	 * row that is held: each time with a new snapshot, in which it may have changed.
	 */
	while (settle_claim(engine, &settled, &left))
	{
		CHECK_FOR_INTERRUPTS();
		if (left > 0)
			pg_usleep(HELD_RETRY_US);
	}
	if (settled > 0)
		ereport(LOG,
				(errmsg("settled %d messages of a dispatcher that had ended", settled)));
}

/* Forgets what the failed turn had claimed: it is still in the outbox. */
static void
drop_fresh(MsgEngine *engine)
{
	MsgFlights *flights = &engine->flights;

	while (!dlist_is_empty(&flights->fresh))
	{
		MsgFlight *flight = dlist_head_element(MsgFlight, node, &flights->fresh);

		if (flight->kind == MSG_FLIGHT_LOGIN)
			msgext_session_drop_login(engine->sessions, flight);
		flight->upstream->in_flight--;
		msgext_flight_free(flights, flight);
	}
	if (engine->batches.open != NULL)
		pfree(engine->batches.open);
	engine->batches.open = NULL;
}

/*
 * The message whose fault an error may be, of all that was being looked at, or 0: the
 * environment's errors (a full disk, a shutdown, a file that cannot be read) are
 * nobody's. An internal error is somebody's only if it comes at the same message again
 * and again.
 */
static int64
find_culprit(MsgPoison *poison, int64 reading, int sqlstate)
{
	int times = msgext_poison_suspect(poison, reading);

	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case MAKE_SQLSTATE('5', '3', '0', '0', '0'): /* insufficient resources */
		case MAKE_SQLSTATE('5', '7', '0', '0', '0'): /* operator intervention */
		case MAKE_SQLSTATE('5', '8', '0', '0', '0'): /* system error */
			return 0;
		case MAKE_SQLSTATE('X', 'X', '0', '0', '0'): /* internal error */
			return times >= STRIKES ? reading : 0;
		default:
			return reading;
	}
}

/* What the failed turn had written of results is open again. */
static void
reopen_results(MsgEngine *engine, int64 culprit)
{
	dlist_iter iter;

	dlist_foreach(iter, &engine->flights.landed)
	{
		MsgFlight *flight = dlist_container(MsgFlight, node, iter.cur);
		int i;

		for (i = 0; i < flight->n; i++)
		{
			if (flight->settled[i] == MSG_SETTLED_WRITTEN)
				flight->settled[i] = MSG_SETTLED_OPEN;
			if (culprit != 0 && flight->jobs[i].id == culprit &&
				++flight->strikes >= STRIKES)
				flight->not_before = msgext_clock() + STRIKE_US;
		}
		if (flight->claim != NULL)
			flight->claim->recorded_now = 0;
	}
}

void
msgext_recover_lanes(MsgEngine *engine)
{
	ListCell *cell;

	msgext_turn_begin(&engine->turn);
	foreach (cell, engine->upstreams.list)
		msgext_upstream_load(&engine->turn, &engine->upstreams, lfirst(cell));
	msgext_turn_commit(&engine->turn);
}

bool
msgext_recover_turn(MsgEngine *engine, int sqlstate)
{
	MsgFlights *flights = &engine->flights;
	int64 culprit = find_culprit(&engine->poison, engine->turn.reading, sqlstate);
	bool committed = !engine->turn.active;

	engine->activity.errors++;
	engine->activity.any = true;
	msgext_turn_abandon(&engine->turn);
	if (committed)
	{
		/* What is fresh was claimed by a turn that has committed: it must leave. */
		engine->batches.open = NULL;
		msgext_request_launch(flights, engine->peer);
	}
	else
	{
		drop_fresh(engine);
		reopen_results(engine, culprit);
		msgext_rematch_abort(&engine->rematches);
		msgext_statistics_abort(&engine->upstreams);
	}

	/* A row that cannot even be looked at must not stop those behind it. */
	if (culprit != 0 && flights->nlanded == 0)
		msgext_poison_add(&engine->poison, culprit, msgext_clock());
	return flights->nlanded > 0;
}
