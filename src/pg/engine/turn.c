/*
 * turn.c
 *		One turn of the engine: see turn.h.
 *
 * Owns the order within a turn. Finding work is take.c's, results are record.c's,
 * requests request.c's; when a turn is due, dispatcher.c says.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/timestamp.h"

#include "pg/base/clock.h"
#include "pg/engine/addressee.h"
#include "pg/engine/limiter.h"
#include "pg/engine/outage.h"
#include "pg/engine/record.h"
#include "pg/engine/request.h"
#include "pg/engine/statistics.h"
#include "pg/engine/turn.h"
#include "pg/ipc/notify.h"

/* A row that could not be recorded is looked at again after this. */
#define HELD_US 2000

/* How far lanes have been read, and health, are written down this often. */
#define SAVE_US USECS_PER_SEC

/* The turn has committed: its results of this flight are done with. True if all are. */
static bool
settle_flight(MsgFlights *flights, MsgFlight *flight, int64 *results)
{
	bool done = true;
	int i;

	for (i = 0; i < flight->n; i++)
	{
		if (flight->settled[i] == MSG_SETTLED_WRITTEN)
		{
			flight->settled[i] = MSG_SETTLED_DONE;
			++*results;
			msgext_flights_forget(flights, flight->jobs[i].id);
			if (flight->claim != NULL)
				msgext_batch_settle(flight->claim);
		}
		done &= flight->settled[i] == MSG_SETTLED_DONE;
	}
	return done;
}

/*
 * The turn has committed: what it recorded is done with, so many results. True if a login
 * was among it.
 */
static bool
retire(MsgEngine *engine, int64 *results)
{
	MsgFlights *flights = &engine->flights;
	bool login = false;
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &flights->landed)
	{
		MsgFlight *flight = dlist_container(MsgFlight, node, iter.cur);

		if (flight->kind == MSG_FLIGHT_LOGIN && flight->settled[0] == MSG_SETTLED_WRITTEN)
		{
			msgext_session_commit_login(engine->sessions, flight, engine->turn.now);
			login = true;
		}
		if (settle_flight(flights, flight, results))
		{
			flights->nlanded--;
			msgext_flight_free(flights, flight);
		}
	}
	flights->record_at = flights->nlanded > 0 ? engine->turn.now + HELD_US : 0;
	return login;
}

static void
refresh(MsgEngine *engine, const MsgTurnPlan *plan)
{
	MsgTurn *turn = &engine->turn;
	MsgUpstreams *upstreams = &engine->upstreams;
	bool news = (plan->news & MSG_NEWS_SERVER) != 0;
	List *looked;

	msgext_upstreams_refresh(turn, upstreams);
	looked = plan->looks ? msgext_upstreams_to_look_at(upstreams) : NIL;
	if (news || plan->looks)
	{
		List *listed = news ? upstreams->list : looked;

		msgext_upstreams_read_pauses(turn, upstreams, listed, news);
		msgext_refusals_read(turn, listed);
		msgext_upstreams_refresh(turn, upstreams); /* again, if a pause has ended */
	}
	msgext_addressees_read(turn, upstreams);
	msgext_outages_read(turn, upstreams, news || plan->looks);
	if (plan->looks || (plan->news & MSG_NEWS_CALLBACK) != 0)
		msgext_rematch_news(&engine->rematches);
	msgext_upstreams_mark_news(upstreams->list, plan->news);
	if (plan->looks)
		msgext_upstreams_mark_news(looked, MSG_NEWS_ALL);
}

/* Writes down what is written about once a second. True if that is of this process. */
static bool
save(MsgEngine *engine)
{
	msgext_outages_note(&engine->upstreams);
	msgext_upstreams_save(&engine->turn, &engine->upstreams);
	msgext_statistics_save(&engine->upstreams);
	engine->activity.in_flight = engine->flights.count;
	return engine->activity.any &&
		   msgext_activity_add(MSG_ACTIVITY_DISPATCHER, &engine->activity);
}

bool
msgext_turn(MsgEngine *engine, const MsgTurnPlan *plan)
{
	MsgTurn *turn = &engine->turn;
	TimestampTz begun = GetCurrentTimestamp();
	bool saved = false;
	int64 results = 0;
	bool wrote;
	bool login;

	/* What is done by now is recorded, whether it is worth a turn or not. */
	turn->more = msgext_request_collect(&engine->flights, engine->peer);

	msgext_turn_begin(turn);
	refresh(engine, plan);
	if (plan->records)
	{
		turn->more |= msgext_record(engine, plan->one_by_one);
		msgext_rematch_run(&engine->rematches, turn, &engine->upstreams);
	}
	if (plan->claims)
	{
		CommandCounterIncrement();
		engine->take(engine);
		if (plan->sweep != NULL)
			msgext_sweep_run(plan->sweep, engine);
	}
	msgext_upstreams_write_pauses(&engine->upstreams);
	msgext_refusals_write(&engine->upstreams);

	/* Not what is saved: an idle database is written to no more. */
	wrote = TransactionIdIsValid(GetTopTransactionIdIfAny());
	if (plan->saves ||
		(plan->sweep != NULL && turn->now >= engine->upstreams.last_save + SAVE_US))
		saved = save(engine);
	msgext_turn_commit(turn);
	msgext_statistics_commit(&engine->upstreams);
	msgext_outages_commit(&engine->upstreams);
	if (saved)
		msgext_activity_clear(&engine->activity);

	/* From here on what was claimed is on its way, whatever happens. */
	engine->batches.open = NULL;
	msgext_request_launch(&engine->flights, engine->peer);
	msgext_limiter_leave(engine->limiter, turn->now, msgext_clock());
	msgext_rematch_commit(&engine->rematches);
	login = retire(engine, &results);
	msgext_activity_turn(&engine->activity, begun, wrote, results);
	ereport(DEBUG3, (errmsg_internal("turn: %d requests under way, %d to be recorded",
									 engine->flights.count, engine->flights.nlanded)));
	return login;
}
