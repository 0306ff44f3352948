/*
 * recover.c
 *		Going on after an error: see recover.h.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "pg/base/clock.h"
#include "pg/engine/outage.h"
#include "pg/engine/recover.h"
#include "pg/engine/request.h"
#include "pg/engine/statistics.h"

/* A result that cannot be recorded is set aside for this long. */
#define STRIKE_US (60 * USECS_PER_SEC)

/* So often an error may be a message's fault before its result is set aside. */
#define STRIKES 3

/* So often in a row the environment's error has come at one message alone. */
#define ENVIRONMENT_STRIKES 10

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
 * The message whose fault an error may be, of all that was being looked at, or 0: a
 * shutdown and a full disk are nobody's. Nor is another error of the environment's (no
 * memory, a file that cannot be read) or an internal one, unless it comes at the same
 * message again and again: that one is too large, or lies where the disk is damaged.
 */
static int64
find_culprit(MsgPoison *poison, int64 reading, int sqlstate)
{
	int times = msgext_poison_suspect(poison, reading);

	if (sqlstate == ERRCODE_DISK_FULL)
		return 0;
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case MAKE_SQLSTATE('5', '7', '0', '0', '0'): /* operator intervention */
			return 0;
		case MAKE_SQLSTATE('5', '3', '0', '0', '0'): /* insufficient resources */
		case MAKE_SQLSTATE('5', '8', '0', '0', '0'): /* system error */
			return times >= ENVIRONMENT_STRIKES ? reading : 0;
		case MAKE_SQLSTATE('X', 'X', '0', '0', '0'): /* internal error */
			return times >= STRIKES ? reading : 0;
		default:
			return reading;
	}
}

/* What the failed turn had written of results is open again. Is one of them the culprit? */
static bool
reopen_results(MsgEngine *engine, int64 culprit)
{
	bool found = false;
	dlist_iter iter;

	dlist_foreach(iter, &engine->flights.landed)
	{
		MsgFlight *flight = dlist_container(MsgFlight, node, iter.cur);
		int i;

		for (i = 0; i < flight->n; i++)
		{
			if (flight->settled[i] == MSG_SETTLED_WRITTEN)
				flight->settled[i] = MSG_SETTLED_OPEN;
			if (culprit == 0 || flight->jobs[i].id != culprit ||
				flight->settled[i] == MSG_SETTLED_DONE)
				continue;
			found = true;
			if (++flight->strikes >= STRIKES)
				flight->not_before = msgext_clock() + STRIKE_US;
		}
		if (flight->claim != NULL)
			flight->claim->recorded_now = 0;
	}
	return found;
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
	bool is_result = false;

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
		is_result = reopen_results(engine, culprit);
		msgext_inherited_abort(&engine->inherited, culprit);
		msgext_rematch_abort(&engine->rematches);
		msgext_statistics_abort(&engine->upstreams);
		msgext_outages_abort(&engine->upstreams);
	}

	/* A row that cannot even be looked at must not stop those behind it. */
	if (culprit != 0 && !is_result)
		msgext_poison_add(&engine->poison, culprit, msgext_clock());
	return flights->nlanded > 0;
}
