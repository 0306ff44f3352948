/*
 * erasure.c
 *		Payloads of messages that are over: see erasure.h.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/base/clock.h"
#include "pg/catalog/server.h"
#include "pg/engine/erasure.h"
#include "pg/inbound/tracking.h"
#include "pg/store/origin.h"
#include "pg/store/outbox.h"

/* Messages that are looked at in one transaction, and of them those that are changed. */
#define WINDOW 500
#define WINDOW_CHANGES 50

/* From the end of a pass to the next one: so long, or so many times what it took. */
#define PASS_PAUSE_US (60 * USECS_PER_SEC)
#define PASS_PAUSE_FACTOR 10

static uint64 generation = 0; /* of the servers that were looked at */
static uint64 settings = 0;	  /* which of them remove payloads, and when */
static int64 shortest_us = 0; /* the shortest time that one of them sets; 0 = none does */
static int64 cursor = 0;	  /* messages up to this one need no look any more ... */
static int64 again = 0; /* ... or up to the one before this, in the next pass; 0 = all */
static int64 reading = 0;	/* the last one that an uncommitted window looked at, or 0 */
static int64 window_at = 0; /* the cursor as that window began */
static int64 alone_to = 0;	/* each up to this one has a window of its own */
static TimestampTz pass_began = 0;
static TimestampTz next_pass = 0;

bool
msgext_erasure_due(TimestampTz now)
{
	return now >= next_pass || generation != msgext_server_generation();
}

/* Where other servers remove payloads, or at other times, all messages are passed again. */
static void
read_settings(void)
{
	uint64 before = settings;
	ListCell *cell;

	if (generation == msgext_server_generation())
		return;
	generation = msgext_server_generation();
	settings = 0;
	shortest_us = 0;
	foreach (cell, msgext_server_oids())
	{
		const MsgServer *server = msgext_server_get(lfirst_oid(cell));
		int64 us = server != NULL ? server->payload_retention_ms * 1000 : 0;

		if (us == 0)
			continue;
		settings = hash_combine64(hash_combine64(settings, server->oid), us);
		shortest_us = shortest_us == 0 ? us : Min(shortest_us, us);
	}
	if (settings == before)
		return;
	cursor = again = alone_to = 0;
	pass_began = 0;
	next_pass = 0;
}

static void
come_again(int64 id)
{
	if (again == 0 || id < again)
		again = id;
}

/*
 * The last window was undone, by an error that is in the log. What it looked at is looked
 * at again, one by one: whose error it was is alone then, and is left for the next pass.
 */
static void
look_again(void)
{
	if (reading == 0)
		return;
	cursor = window_at;
	if (reading <= alone_to)
	{
		cursor = reading;
		come_again(reading);
	}
	else
		alone_to = reading;
	reading = 0;
}

static void
end_pass(TimestampTz now)
{
	if (again != 0)
		cursor = again - 1;
	again = 0;
	next_pass = now + Max(PASS_PAUSE_US, (now - pass_began) * PASS_PAUSE_FACTOR);
	pass_began = 0;
}

typedef enum Erasure
{
	ERASURE_NONE,  /* nothing to be removed, now or later */
	ERASURE_LATER, /* it is not over, or not for long enough, or is held by somebody */
	ERASURE_DONE
} Erasure;

static Erasure
erase(MsgTable *outbox, const MsgRow *row, TimestampTz now)
{
	TimestampTz ended = msgext_track_ended_at(row);
	const MsgServer *server;
	MsgChange change;

	if (msgext_row_is_erased(row))
		return ERASURE_NONE;

	/* The server of a restored copy's message is known when it has been adopted. */
	if (row->origin != msgext_origin())
		return ERASURE_LATER;
	server = msgext_server_get(row->server_oid);
	if (server == NULL || server->payload_retention_ms == 0)
		return ERASURE_NONE;
	if (ended == 0 || ended > now - server->payload_retention_ms * 1000)
		return ERASURE_LATER;
	msgext_change_init(&change);
	msgext_change_erase(&change, now);
	return msgext_outbox_update(outbox, row, &change, false) == TM_Ok ? ERASURE_DONE
																	  : ERASURE_LATER;
}

/* False: it is as young as all behind it. */
static bool
look_at(MsgTable *outbox, TupleTableSlot *slot, TimestampTz now, int *changes)
{
	bool isnull;
	MsgRow row;

	reading = DatumGetInt64(slot_getattr(slot, Anum_outbox_id, &isnull));
	msgext_outbox_read(outbox, slot, &row);
	if (row.created_at > now - shortest_us &&
		!msgext_clock_was_ahead(row.created_at, now))
		return false;
	switch (erase(outbox, &row, now))
	{
		case ERASURE_NONE:
			break;
		case ERASURE_LATER:
			come_again(row.id);
			break;
		case ERASURE_DONE:
			(*changes)++;
			break;
	}
	cursor = row.id;
	heap_freetuple(row.tuple);
	return true;
}

bool
msgext_erasure_window(void)
{
	TimestampTz now = msgext_clock();
	TimestampTz begun = GetCurrentTimestamp();
	TupleTableSlot *slot = NULL;
	MsgTable *outbox;
	ScanKeyData key;
	MsgScan *scan;
	bool more = true;
	int changes = 0;
	int n = 0;
	int rows;

	look_again();
	read_settings();
	if (shortest_us == 0)
		next_pass = DT_NOEND;
	if (begun < next_pass)
		return false;
	if (pass_began == 0)
		pass_began = begun;
	window_at = cursor;
	rows = cursor < alone_to ? 1 : WINDOW;
	outbox = msgext_outbox_open(true);
	msgext_key_int64(&key, 1, BTGreaterStrategyNumber, cursor);
	scan = msgext_table_scan(outbox, "outbox_pkey", GetActiveSnapshot(), &key, 1);
	while (more && n++ < rows && changes < WINDOW_CHANGES)
		more = (slot = msgext_scan_next(scan)) != NULL &&
			   look_at(outbox, slot, now, &changes);
	msgext_scan_end(scan);
	msgext_table_close(outbox);
	return more;
}

void
msgext_erasure_committed(bool more)
{
	reading = 0;
	if (!more && pass_began != 0)
		end_pass(GetCurrentTimestamp());
}
