/*
 * dispatcher.c
 *		The engine: see dispatcher.h.
 *
 * Owns the schedule: when a turn is taken, and what it is to do. What a turn is made of
 * is turn.c's; what follows a failed one, recover.c's.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "pg/base/clock.h"
#include "pg/base/guc.h"
#include "pg/base/mode.h"
#include "pg/engine/dispatcher.h"
#include "pg/engine/http_peer.h"
#include "pg/engine/outage.h"
#include "pg/engine/recover.h"
#include "pg/engine/request.h"
#include "pg/engine/settle.h"
#include "pg/engine/statistics.h"
#include "pg/engine/take.h"
#include "pg/engine/turn.h"
#include "pg/ipc/notify.h"
#include "pg/ipc/registry.h"

/* So many results are worth a commit that only claims. */
#define REFILL 16

/* What no latch tells of (a lock that went, a clock that moved) is found by this. */
#define TICK_US USECS_PER_SEC

struct MsgDispatcher
{
	MemoryContext context;
	MsgEngine engine;
	MsgHttpPeer http;
	uint64 news; /* see registry.h */
	bool stopping;
	bool one_by_one;	  /* a turn failed: results are recorded one flight at a time */
	bool lanes_are_ahead; /* likewise: lanes in memory are ahead of the tables */
	TimestampTz last_turn;
	TimestampTz last_look; /* at everything, news or not */
	MsgSweep sweep;
};

static bool
claims(const MsgDispatcher *dispatcher)
{
	return !dispatcher->stopping && dispatcher->engine.may_send;
}

/*
 * When the next message or status request of this server is due, or a limit lets one go;
 * 0 = not as far as is known, or there is no room for its request.
 */
static TimestampTz
upstream_due(const MsgUpstream *upstream)
{
	TimestampTz due = upstream->next_due;
	bool closed = upstream->breaker.state == MSG_BREAKER_CLOSED;

	if (upstream->throttled_until != 0 && (due == 0 || upstream->throttled_until < due))
		due = upstream->throttled_until;

	/* With the breaker open it is not looked at: its lanes may have rows that are due. */
	if (due == 0 && (closed || !msgext_upstream_may_have_rows(upstream)))
		return 0;
	if (upstream->server == NULL || upstream->paused ||
		upstream->in_flight >= upstream->server->max_in_flight)
		return 0;
	return closed ? due : Max(due, msgext_outage_until(upstream));
}

/* When the next turn is due, if nothing happens meanwhile; the past: now. */
static TimestampTz
next_turn(const MsgDispatcher *dispatcher)
{
	const MsgEngine *engine = &dispatcher->engine;
	TimestampTz at = dispatcher->last_turn + TICK_US;
	ListCell *cell;

	if (engine->turn.more)
		return 0;
	if (engine->flights.nlanded > 0)
		at = Min(at, engine->flights.record_at);
	if ((dispatcher->news & MSG_NEWS_CALLBACK) != 0 && engine->rematches.expected != NIL)
		return 0;
	if (!claims(dispatcher) || engine->flights.count >= msgext_max_in_flight)
		return at;
	if ((dispatcher->news & ~MSG_NEWS_CALLBACK) != 0)
		return 0;
	foreach (cell, engine->upstreams.list)
	{
		TimestampTz due = upstream_due(lfirst(cell));

		if (due != 0)
			at = Min(at, due);
	}
	return at;
}

/*
 * With many results to record and more to send, the wire is filled up first, in a turn of
 * its own: one more commit, but while this process writes the provider has work. Not when
 * an answer may be a reason to stop.
 */
static bool
wants_refill(const MsgDispatcher *dispatcher)
{
	const MsgEngine *engine = &dispatcher->engine;
	dlist_iter iter;

	if (engine->flights.nlanded < REFILL || !engine->turn.work_left ||
		dispatcher->one_by_one || !claims(dispatcher))
		return false;
	dlist_foreach(iter, unconstify(dlist_head *, &engine->flights.landed))
	{
		const MsgFlight *flight = dlist_container(MsgFlight, node, iter.cur);

		if (flight->kind == MSG_FLIGHT_LOGIN ||
			(flight->outcomes[0].verdict != MSG_VERDICT_ACCEPTED &&
			 flight->outcomes[0].verdict != MSG_VERDICT_PROGRESS))
			return false;
	}
	return true;
}

static void
take_turn(MsgDispatcher *dispatcher, bool records)
{
	TimestampTz now = msgext_clock();
	MsgTurnPlan plan = {0};

	plan.records = records;
	plan.claims = !dispatcher->stopping;
	plan.one_by_one = dispatcher->one_by_one;
	plan.saves = dispatcher->stopping;
	plan.sweep = &dispatcher->sweep;

	/* Before the snapshot: what commits from here on sets the latch again. */
	plan.news = dispatcher->news | (claims(dispatcher) ? msgext_registry_news() : 0);
	dispatcher->news = 0;
	if (now >= dispatcher->last_look + TICK_US)
	{
		dispatcher->last_look = now;
		plan.looks = true;
	}
	if (plan.looks || (plan.news & MSG_NEWS_SERVER) != 0)
		msgext_http_peer_limit(&dispatcher->http);
	if (msgext_turn(&dispatcher->engine, &plan))
		dispatcher->news = MSG_NEWS_ALL;
	dispatcher->last_turn = dispatcher->engine.turn.now;
	dispatcher->one_by_one = false;
}

/* Before any turn, also one that only writes down how far they have been read. */
static void
set_lanes_back(MsgDispatcher *dispatcher)
{
	if (!dispatcher->lanes_are_ahead)
		return;
	msgext_recover_lanes(&dispatcher->engine);
	dispatcher->lanes_are_ahead = false;
	dispatcher->last_turn = dispatcher->engine.turn.now;
}

void
msgext_dispatcher_run(MsgDispatcher *dispatcher)
{
	MsgEngine *engine = &dispatcher->engine;
	MemoryContext before = CurrentMemoryContext;

	set_lanes_back(dispatcher);

	/* Before the first turn: what is settled is in no turn's way. */
	if (engine->inherited.claims != NIL && engine->inherited.look_at <= msgext_clock())
		msgext_settle(engine);

	/*
	 * Reports without a message are looked for in any turn; only expected ones cause one.
	 */
	if (engine->rematches.expected == NIL && (dispatcher->news & MSG_NEWS_CALLBACK) != 0)
	{
		msgext_rematch_news(&engine->rematches);
		dispatcher->news &= ~MSG_NEWS_CALLBACK;
	}
	if (msgext_http_thread_ready(dispatcher->http.thread))
		(void) msgext_request_collect(&engine->flights, engine->peer);
	if (next_turn(dispatcher) <= msgext_clock())
	{
		if (wants_refill(dispatcher))
			take_turn(dispatcher, false);
		take_turn(dispatcher, true);
	}
	MemoryContextSwitchTo(before);
}

void
msgext_dispatcher_recover(MsgDispatcher *dispatcher, int sqlstate)
{
	dispatcher->one_by_one = msgext_recover_turn(&dispatcher->engine, sqlstate);
	dispatcher->lanes_are_ahead = true;
}

long
msgext_dispatcher_timeout_ms(const MsgDispatcher *dispatcher, TimestampTz now)
{
	TimestampTz at = next_turn(dispatcher);

	if (dispatcher->lanes_are_ahead)
		return 0;
	if (dispatcher->engine.inherited.claims != NIL)
		at = Min(at, dispatcher->engine.inherited.look_at);
	return at <= now ? 0 : (long) ((at - now + 999) / 1000);
}

int
msgext_dispatcher_fd(const MsgDispatcher *dispatcher)
{
	return msgext_http_thread_fd(dispatcher->http.thread);
}

void
msgext_dispatcher_news(MsgDispatcher *dispatcher, uint64 news)
{
	dispatcher->news |= news;
}

void
msgext_dispatcher_look_at_mode(MsgDispatcher *dispatcher)
{
	dispatcher->engine.may_send = true;
	dispatcher->news = MSG_NEWS_ALL;
}

bool
msgext_dispatcher_may_send(const MsgDispatcher *dispatcher)
{
	return dispatcher->engine.may_send;
}

void
msgext_dispatcher_stop(MsgDispatcher *dispatcher)
{
	dispatcher->stopping = true;
}

void
msgext_dispatcher_finish(MsgDispatcher *dispatcher)
{
	set_lanes_back(dispatcher);
	do
		take_turn(dispatcher, true);
	while (dispatcher->engine.turn.more);
}

int
msgext_dispatcher_in_flight(const MsgDispatcher *dispatcher)
{
	return dispatcher->engine.flights.count;
}

bool
msgext_dispatcher_idle(const MsgDispatcher *dispatcher, TimestampTz until)
{
	const MsgEngine *engine = &dispatcher->engine;
	TimestampTz now = msgext_clock();
	ListCell *cell;

	if (engine->flights.count > 0)
		return false;
	if (!claims(dispatcher))
		return true;
	if (dispatcher->news != 0 || engine->turn.work_left || engine->turn.more ||
		dispatcher->lanes_are_ahead || engine->inherited.claims != NIL)
		return false;
	foreach (cell, engine->upstreams.list)
	{
		const MsgUpstream *upstream = lfirst(cell);

		if (upstream->server == NULL || upstream->paused ||
			msgext_outage_until(upstream) > until)
			continue;
		if (upstream->breaker.state != MSG_BREAKER_CLOSED &&
			msgext_upstream_may_have_rows(upstream))
			return false;
		if ((upstream->throttled_until != 0 && upstream->throttled_until <= until) ||
			(upstream->next_due != 0 &&
			 upstream->next_due <= (upstream->reserved_until > now ? until : now)))
			return false;
	}
	return true;
}

/* In a test database there is no HTTP client. */
static void
refuse_test_database(const MsgXactOps *xact)
{
	bool test;

	xact->begin();
	test = msgext_mode() == MSG_MODE_TEST;
	xact->commit();
	if (test)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("nothing is sent from a test database")));
}

MsgDispatcher *
msgext_dispatcher_create(MemoryContext parent, const MsgXactOps *xact)
{
	MemoryContext context;
	MsgDispatcher *dispatcher;

	refuse_test_database(xact);

	/* Until it is whole, it goes with an error. */
	context = AllocSetContextCreate(CurrentMemoryContext, "msgext dispatcher",
									ALLOCSET_DEFAULT_SIZES);
	dispatcher = MemoryContextAllocZero(context, sizeof(MsgDispatcher));
	dispatcher->context = context;
	dispatcher->news = MSG_NEWS_ALL;
	msgext_engine_init(&dispatcher->engine, context, xact);
	dispatcher->engine.take = msgext_take;
	dispatcher->engine.peer = &dispatcher->http.peer;
	msgext_inherited_read(&dispatcher->engine.inherited, &dispatcher->engine.turn,
						  context);
	dispatcher->engine.batches.last_claim = dispatcher->engine.inherited.last_claim;

	/* The last step that may fail: no error ends a thread. */
	msgext_http_peer_start(&dispatcher->http);
	MemoryContextSetParent(context, parent);
	return dispatcher;
}

void
msgext_dispatcher_destroy(MsgDispatcher *dispatcher)
{
	msgext_http_peer_stop(&dispatcher->http);
	msgext_statistics_leave(&dispatcher->engine.upstreams);
	msgext_engine_release(&dispatcher->engine);

	/* It may be called from within, when an error ends a CALL. */
	MemoryContextSwitchTo(MemoryContextGetParent(dispatcher->context));
	MemoryContextDelete(dispatcher->context);
}
