/*
 * dispatcher.c
 *		The engine: see dispatcher.h.
 *
 * Owns when a turn is taken, what precedes the first one, and what follows a failed one.
 * What a turn is made of is turn.c's.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "net/http_thread.h"
#include "pg/base/guc.h"
#include "pg/engine/engine.h"
#include "pg/engine/session.h"
#include "pg/ipc/registry.h"

/* So many results are worth a commit that only claims. */
#define REFILL 16

/* A result that cannot be recorded is set aside for this long. */
#define STRIKE_US (60 * USECS_PER_SEC)

static bool
turn_is_due(const MsgDispatcher *dispatcher, TimestampTz now)
{
	ListCell *cell;

	if (dispatcher->nlanded > 0 && now >= dispatcher->record_at)
		return true;
	if (now >= dispatcher->last_turn + MSG_TICK_US)
		return true;
	if ((dispatcher->news & MSG_NEWS_CALLBACK) != 0 && dispatcher->rematches != NIL)
		return true;
	if (!msgext_takes(dispatcher))
		return false;
	if (dispatcher->flights >= msgext_max_in_flight)
		return false;
	if ((dispatcher->news & ~MSG_NEWS_CALLBACK) != 0)
		return true;
	foreach (cell, dispatcher->upstreams)
	{
		const MsgUpstream *upstream = lfirst(cell);

		if (upstream->server == NULL || upstream->paused ||
			upstream->in_flight >= upstream->server->max_in_flight)
			continue;
		if ((upstream->next_due != 0 && upstream->next_due <= now) ||
			(upstream->throttled_until != 0 && upstream->throttled_until <= now))
			return true;
	}
	return false;
}

/*
 * With many results to record and more to send, the wire is filled up first, in a turn of
 * its own: one more commit, but while this process writes the provider has work. Not when
 * an answer may be a reason to stop.
 */
static bool
wants_refill(const MsgDispatcher *dispatcher)
{
	const MsgFlight *flight;

	if (dispatcher->nlanded < REFILL || !dispatcher->more || dispatcher->careful ||
		!msgext_takes(dispatcher))
		return false;
	for (flight = dispatcher->landed; flight != NULL; flight = flight->next)
	{
		if (flight->login || (flight->outcomes[0].verdict != MSG_VERDICT_ACCEPTED &&
							  flight->outcomes[0].verdict != MSG_VERDICT_PROGRESS))
			return false;
	}
	return true;
}

void
msgext_dispatcher_run(MsgDispatcher *dispatcher)
{
	MemoryContext before = CurrentMemoryContext;

	if (dispatcher->rematches == NIL)
		dispatcher->news &= ~MSG_NEWS_CALLBACK;
	if (msgext_http_thread_ready(dispatcher->http))
		msgext_flight_land(dispatcher);
	if (turn_is_due(dispatcher, GetCurrentTimestamp()))
	{
		if (wants_refill(dispatcher))
			msgext_turn(dispatcher, false);
		msgext_turn(dispatcher, true);
	}
	MemoryContextSwitchTo(before);
}

long
msgext_dispatcher_timeout_ms(const MsgDispatcher *dispatcher, TimestampTz now)
{
	TimestampTz at = dispatcher->last_turn + MSG_TICK_US;
	ListCell *cell;

	if (turn_is_due(dispatcher, now))
		return 0;
	if (dispatcher->nlanded > 0)
		at = Min(at, dispatcher->record_at);
	foreach (cell, dispatcher->upstreams)
	{
		const MsgUpstream *upstream = lfirst(cell);

		if (upstream->server == NULL || upstream->paused || !msgext_takes(dispatcher) ||
			upstream->in_flight >= upstream->server->max_in_flight ||
			dispatcher->flights >= msgext_max_in_flight)
			continue;
		if (upstream->next_due != 0)
			at = Min(at, upstream->next_due);
		if (upstream->throttled_until != 0)
			at = Min(at, upstream->throttled_until);
	}
	return at <= now ? 0 : (long) ((at - now + 999) / 1000);
}

int
msgext_dispatcher_fd(const MsgDispatcher *dispatcher)
{
	return msgext_http_thread_fd(dispatcher->http);
}

void
msgext_dispatcher_news(MsgDispatcher *dispatcher, uint64 news)
{
	dispatcher->news |= news;
}

void
msgext_dispatcher_stop(MsgDispatcher *dispatcher)
{
	dispatcher->stopping = true;
}

void
msgext_dispatcher_finish(MsgDispatcher *dispatcher)
{
	msgext_turn(dispatcher, true);
}

int
msgext_dispatcher_in_flight(const MsgDispatcher *dispatcher)
{
	return dispatcher->flights;
}

bool
msgext_dispatcher_idle(const MsgDispatcher *dispatcher, TimestampTz until)
{
	TimestampTz now = GetCurrentTimestamp();
	ListCell *cell;

	if (dispatcher->flights > 0)
		return false;
	if (!msgext_takes(dispatcher))
		return true;
	if (dispatcher->news != 0 || dispatcher->more)
		return false;
	foreach (cell, dispatcher->upstreams)
	{
		const MsgUpstream *upstream = lfirst(cell);

		if (upstream->server == NULL || upstream->paused)
			continue;
		if ((upstream->throttled_until != 0 && upstream->throttled_until <= until) ||
			(upstream->next_due != 0 &&
			 upstream->next_due <= (upstream->line_until > now ? until : now)))
			return false;
	}
	return true;
}

/* What the dispatcher before this one may have had on the wire when it died. */
static void
settle_claims(MsgDispatcher *dispatcher)
{
	bool found;
	int settled = 0;

	do
	{
		MsgClaim claim;
		int i;

		msgext_turn_begin(dispatcher);
		msgext_upstreams_refresh(dispatcher);
		found = msgext_claim_first(claims_of(dispatcher), &claim);
		if (found)
		{
			for (i = 0; i < claim.n; i++)
				msgext_record_interrupted(dispatcher, claim.messages[i],
										  claim.attempts[i]);
			msgext_claim_remove(claims_of(dispatcher), claim.id);
			settled += claim.n;
		}
		msgext_turn_commit(dispatcher);
	} while (found);
	if (settled > 0)
		ereport(LOG,
				(errmsg("settled %d messages of a dispatcher that had ended", settled)));
}

/* The thread of this process; at its exit it must be gone before libraries clean up. */
static MsgHttpThread *running;

static void
stop_at_exit(int code, Datum arg)
{
	if (running != NULL)
		msgext_http_thread_stop(running);
	running = NULL;
}

static void
start_http(MsgDispatcher *dispatcher)
{
	static bool registered = false;

	if (!registered)
		on_proc_exit(stop_at_exit, 0);
	registered = true;
	dispatcher->http = running = msgext_http_thread_start();
	if (running == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("could not start libcurl")));
	msgext_http_thread_limit(running, (size_t) msgext_max_response_size * 1024);
}

static void
stop_http(MsgDispatcher *dispatcher)
{
	running = NULL;
	msgext_http_thread_stop(dispatcher->http);
}

MsgDispatcher *
msgext_dispatcher_create(MemoryContext parent, const MsgXactOps *host)
{
	MemoryContext context =
		AllocSetContextCreate(parent, "msgext dispatcher", ALLOCSET_DEFAULT_SIZES);
	MsgDispatcher *dispatcher = MemoryContextAllocZero(context, sizeof(MsgDispatcher));
	HASHCTL control;

	dispatcher->context = context;
	dispatcher->turn =
		AllocSetContextCreate(context, "msgext turn", ALLOCSET_DEFAULT_SIZES);
	dispatcher->message =
		AllocSetContextCreate(context, "msgext message", ALLOCSET_DEFAULT_SIZES);
	dispatcher->host = host;
	dispatcher->limiter = msgext_limiter_create(context);
	dispatcher->logins = msgext_sessions_create(context);
	control.keysize = sizeof(int64);
	control.entrysize = sizeof(MsgUnderWay);
	control.hcxt = context;
	dispatcher->under_way = hash_create("msgext messages under way", 1024, &control,
										HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	control.entrysize = sizeof(MsgBatchLimit);
	dispatcher->portions = hash_create("msgext portions", 64, &control,
									   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	start_http(dispatcher);
	dispatcher->news = MSG_NEWS_ALL;
	PG_TRY();
	{
		settle_claims(dispatcher);
	}
	PG_CATCH();
	{
		stop_http(dispatcher);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return dispatcher;
}

void
msgext_dispatcher_destroy(MsgDispatcher *dispatcher)
{
	ListCell *cell;
	HASH_SEQ_STATUS scan;
	MsgUnderWay *entry;

	stop_http(dispatcher);
	hash_seq_init(&scan, dispatcher->under_way);
	while ((entry = hash_seq_search(&scan)) != NULL)
		msgext_server_unpin(entry->flight->server);
	foreach (cell, dispatcher->upstreams)
	{
		MsgUpstream *upstream = lfirst(cell);

		if (upstream->server != NULL)
			msgext_server_unpin(upstream->server);
	}
	MemoryContextDelete(dispatcher->context);
}

/* Forgets what the failed turn had claimed: it is still in the outbox. */
static void
drop_fresh(MsgDispatcher *dispatcher)
{
	MsgFlight *flight;

	while ((flight = dispatcher->fresh) != NULL)
	{
		int i;

		dispatcher->fresh = flight->next;
		if (flight->login)
			msgext_session_drop_login(dispatcher, flight);
		for (i = 0; i < flight->n; i++)
			hash_search(dispatcher->under_way, &flight->jobs[i].id, HASH_REMOVE, NULL);
		flight->upstream->in_flight--;
		msgext_flight_free(dispatcher, flight);
	}
	if (dispatcher->batch != NULL)
		pfree(dispatcher->batch);
	dispatcher->batch = NULL;
}

void
msgext_dispatcher_recover(MsgDispatcher *dispatcher)
{
	MsgFlight *flight;
	ListCell *cell;

	memset(dispatcher->tables, 0, sizeof(dispatcher->tables));
	drop_fresh(dispatcher);
	for (flight = dispatcher->landed; flight != NULL; flight = flight->next)
	{
		int i;

		for (i = 0; i < flight->n; i++)
		{
			if (flight->settled[i] == MSG_SETTLED_WRITTEN)
				flight->settled[i] = MSG_SETTLED_OPEN;
			if (flight->jobs[i].id == dispatcher->reading && ++flight->strikes >= 3)
				flight->not_before = GetCurrentTimestamp() + STRIKE_US;
		}
		if (flight->batch != NULL)
			flight->batch->recorded_now = 0;
	}

	/* A row that cannot even be looked at must not stop those behind it. */
	if (dispatcher->reading != 0 && dispatcher->nlanded == 0 &&
		dispatcher->npoison < MSG_POISON_MAX)
		dispatcher->poison[dispatcher->npoison++] = dispatcher->reading;
	dispatcher->reading = 0;
	dispatcher->careful = dispatcher->nlanded > 0;
	MemoryContextReset(dispatcher->turn);

	/* In a transaction of its own: the lanes as they were last written down. */
	dispatcher->host->begin();
	MemoryContextSwitchTo(dispatcher->turn);
	PushActiveSnapshot(GetTransactionSnapshot());
	dispatcher->now = GetCurrentTimestamp();
	foreach (cell, dispatcher->upstreams)
		msgext_upstream_load(dispatcher, lfirst(cell));
	PopActiveSnapshot();
	dispatcher->host->commit();
	dispatcher->last_turn = dispatcher->now;
}
