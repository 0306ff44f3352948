/*
 * turn.c
 *		One turn of the engine: a transaction that records, claims and commits, and then
 *		sends what it has claimed.
 *
 * Owns the order within a turn, and the tables opened in it. Finding work is take.c's,
 * results are record.c's, requests flight.c's; when a turn is due, dispatcher.c says.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "net/http_thread.h"
#include "pg/base/guc.h"
#include "pg/engine/engine.h"
#include "pg/engine/session.h"
#include "pg/ipc/registry.h"

/* A row that could not be recorded is looked at again after this. */
#define HELD_US 2000

/* How far lanes have been read, and health, are written down this often. */
#define SAVE_US USECS_PER_SEC

MsgTable *
msgext_turn_table(MsgDispatcher *dispatcher, MsgTableKind kind)
{
	MsgTable **table = &dispatcher->tables[kind];
	int64 reading = dispatcher->reading;
	MemoryContext before;

	if (*table != NULL)
		return *table;
	before = MemoryContextSwitchTo(dispatcher->turn);

	/* A table that cannot be opened is the fault of no message. */
	dispatcher->reading = 0;
	switch (kind)
	{
		case MSG_TABLE_OUTBOX:
			*table = msgext_outbox_open(true);
			break;
		case MSG_TABLE_EVENTS:
			*table = msgext_event_open();
			break;
		case MSG_TABLE_REMINDERS:
			*table = msgext_reminder_open(true);
			break;
		case MSG_TABLE_CLAIMS:
			*table = msgext_claim_open(true);
			break;
		case MSG_TABLE_REFERENCES:
			*table = msgext_reference_open(true);
			break;
		case MSG_TABLE_USES:
			*table = msgext_recipient_open();
			break;
	}
	dispatcher->reading = reading;
	MemoryContextSwitchTo(before);
	return *table;
}

static void
close_tables(MsgDispatcher *dispatcher)
{
	int i;

	for (i = 0; i < MSG_TABLE_COUNT; i++)
		if (dispatcher->tables[i] != NULL)
			msgext_table_close(dispatcher->tables[i]);
	memset(dispatcher->tables, 0, sizeof(dispatcher->tables));
}

void
msgext_turn_begin(MsgDispatcher *dispatcher)
{
	dispatcher->host->begin();
	MemoryContextSwitchTo(dispatcher->turn);
	PushActiveSnapshot(GetTransactionSnapshot());
	dispatcher->now = GetCurrentTimestamp();
}

void
msgext_turn_commit(MsgDispatcher *dispatcher)
{
	close_tables(dispatcher);
	PopActiveSnapshot();
	dispatcher->host->commit();
	MemoryContextReset(dispatcher->turn);
}

/* The turn has committed: what it recorded is done with. */
static void
retire(MsgDispatcher *dispatcher)
{
	MsgFlight **link = &dispatcher->landed;
	MsgFlight *flight;

	while ((flight = *link) != NULL)
	{
		bool done = true;
		int i;

		if (flight->login && flight->settled[0] == MSG_SETTLED_WRITTEN)
			msgext_session_commit_login(dispatcher, flight);

		for (i = 0; i < flight->n; i++)
		{
			if (flight->settled[i] == MSG_SETTLED_WRITTEN)
			{
				flight->settled[i] = MSG_SETTLED_DONE;
				hash_search(dispatcher->under_way, &flight->jobs[i].id, HASH_REMOVE,
							NULL);
				if (flight->batch != NULL)
				{
					flight->batch->recorded_now = 0;
					if (--flight->batch->left == 0)
						pfree(flight->batch);
				}
			}
			done &= flight->settled[i] == MSG_SETTLED_DONE;
		}
		if (done)
		{
			*link = flight->next;
			dispatcher->nlanded--;
			msgext_flight_free(dispatcher, flight);
		}
		else
			link = &flight->next;
	}
	dispatcher->record_at = dispatcher->nlanded > 0 ? dispatcher->now + HELD_US : 0;
}

static void
launch(MsgDispatcher *dispatcher)
{
	MsgFlight *flight;

	dispatcher->batch = NULL;
	while ((flight = dispatcher->fresh) != NULL)
	{
		dispatcher->fresh = flight->next;
		msgext_flight_launch(dispatcher, flight);
	}
}

bool
msgext_takes(const MsgDispatcher *dispatcher)
{
	return !dispatcher->stopping && msgext_enabled;
}

void
msgext_turn(MsgDispatcher *dispatcher, bool recording)
{
	uint64 news;

	/* What is done by now is recorded, company or not. */
	msgext_flight_land(dispatcher);

	/* Before the snapshot: what commits from here on sets the latch again. */
	news = dispatcher->news | (msgext_takes(dispatcher) ? msgext_registry_news() : 0);
	dispatcher->news = 0;
	msgext_turn_begin(dispatcher);
	if (dispatcher->now >= dispatcher->last_look + MSG_TICK_US)
	{
		dispatcher->last_look = dispatcher->now;
		news = MSG_NEWS_ALL;
	}
	msgext_upstreams_refresh(dispatcher);
	if ((news & MSG_NEWS_SERVER) != 0)
	{
		msgext_upstreams_read_pauses(dispatcher);
		msgext_upstreams_refresh(dispatcher); /* again, if a pause has ended */
		msgext_http_thread_limit(dispatcher->http,
								 (size_t) msgext_max_response_size * 1024);
	}
	msgext_upstreams_mark_news(dispatcher, news);

	if (recording)
	{
		msgext_record(dispatcher);
		msgext_record_rematch(dispatcher);
	}
	if (msgext_takes(dispatcher))
	{
		CommandCounterIncrement();
		msgext_take(dispatcher);
	}
	msgext_upstreams_write_pauses(dispatcher);
	if (dispatcher->now >= dispatcher->last_save + SAVE_US || dispatcher->stopping)
		msgext_upstreams_save(dispatcher);
	dispatcher->last_turn = dispatcher->now;
	msgext_turn_commit(dispatcher);

	retire(dispatcher);
	launch(dispatcher);
	dispatcher->careful = false;
}
