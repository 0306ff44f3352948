/*
 * lane.c
 *		Finding new messages of one server and priority: see lane.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "pg/store/lane.h"
#include "pg/store/snapshot.h"

/* clang-format off */
#define LANE_COLUMNS(C) \
	C(lane, server_oid) C(lane, priority) C(lane, done) C(lane, scan) C(lane, xid) \
	C(lane, id) C(lane, waiting) C(lane, until)
/* clang-format on */
MSG_COLUMN_NUMBERS(lane, LANE_COLUMNS);
MSG_LAYOUT(lane, LANE_COLUMNS);

/* See the list of states in lane.h. */
static void
check(const MsgLane *lane)
{
	Assert(lane->cursor.has_done == (lane->cursor.done.xip != NULL));
	Assert(lane->cursor.scanning == (lane->cursor.scan.xip != NULL));
	Assert(lane->cursor.scanning || lane->scan == NULL);
	Assert(lane->cursor.scanning || (lane->cursor.xid == 0 && lane->cursor.id == 0));
}

/* The lane's row in msgext.lane: its slot while the scan is open, or NULL. */
static TupleTableSlot *
find_saved(MsgLane *lane, MsgTable *lanes, MsgScan **scan)
{
	ScanKeyData keys[2];

	msgext_key_oid(&keys[0], 1, BTEqualStrategyNumber, lane->server);
	msgext_key_int16(&keys[1], 2, BTEqualStrategyNumber, lane->priority);
	*scan = msgext_table_scan(lanes, "lane_pkey", GetActiveSnapshot(), keys, 2);
	return msgext_scan_next(*scan);
}

void
msgext_lane_reload(MsgLane *lane)
{
	MsgTable *lanes = msgext_table_open(&lane_layout, false);
	MsgScan *scan;
	TupleTableSlot *slot = find_saved(lane, lanes, &scan);
	Datum value;
	bool isnull;

	msgext_snapshot_free(&lane->cursor.done);
	msgext_snapshot_free(&lane->cursor.scan);
	lane->cursor.has_done = lane->cursor.scanning = lane->moved = false;
	lane->cursor.xid = 0;
	lane->cursor.id = 0;
	lane->scan = NULL;
	lane->passed = 0;
	if (slot != NULL)
	{
		value = slot_getattr(slot, Anum_lane_done, &isnull);
		if (!isnull)
		{
			lane->cursor.has_done = true;
			msgext_snapshot_read(lane->context, value, &lane->cursor.done);
		}
		value = slot_getattr(slot, Anum_lane_scan, &isnull);
		if (!isnull)
		{
			lane->cursor.scanning = true;
			msgext_snapshot_read(lane->context, value, &lane->cursor.scan);
		}
		lane->cursor.xid = DatumGetUInt64(slot_getattr(slot, Anum_lane_xid, &isnull));
		lane->cursor.id = DatumGetInt64(slot_getattr(slot, Anum_lane_id, &isnull));
	}
	msgext_scan_end(scan);
	msgext_table_close(lanes);
	check(lane);
}

/* FNV-1a, which no other version of PostgreSQL has otherwise, and the priority. */
int32
msgext_lane_hash(Oid server, int16 priority)
{
	uint32 hash = 2166136261U;
	int shift;

	for (shift = 0; shift < 32; shift += 8)
		hash = (hash ^ (server >> shift & 0xff)) * 16777619U;
	return (int32) (hash << 3 | (uint32) priority);
}

MsgLane *
msgext_lane_create(MemoryContext context, Oid server, int16 priority)
{
	MsgLane *lane = MemoryContextAllocZero(context, sizeof(MsgLane));

	lane->context = context;
	lane->server = server;
	lane->priority = priority;
	lane->number = msgext_lane_hash(server, priority);
	msgext_lane_reload(lane);
	return lane;
}

void
msgext_lane_save(MsgLane *lane)
{
	MsgTable *lanes = msgext_table_open(&lane_layout, true);
	MsgScan *scan;
	MsgValues row;

	check(lane);
	Assert(lane->scan == NULL);
	msgext_values_init(&row);
	msgext_values_oid(&row, Anum_lane_server_oid, lane->server);
	msgext_values_int16(&row, Anum_lane_priority, lane->priority);
	if (lane->cursor.has_done)
		msgext_values_set(&row, Anum_lane_done,
						  msgext_snapshot_write(&lane->cursor.done));
	if (lane->cursor.scanning)
		msgext_values_set(&row, Anum_lane_scan,
						  msgext_snapshot_write(&lane->cursor.scan));
	msgext_values_xid8(&row, Anum_lane_xid, lane->cursor.xid);
	msgext_values_int64(&row, Anum_lane_id, lane->cursor.id);
	if (lane->waiting[0] != '\0')
	{
		msgext_values_text(&row, Anum_lane_waiting, lane->waiting);
		msgext_values_time(&row, Anum_lane_until, lane->until);
	}
	msgext_table_put(lanes, find_saved(lane, lanes, &scan), row.values, row.nulls, true);
	msgext_scan_end(scan);
	msgext_table_close(lanes);
	lane->moved = false;
}

void
msgext_lane_forget(Oid server)
{
	MsgTable *lanes = msgext_table_open(&lane_layout, true);
	MsgScan *scan;
	ScanKeyData key;

	msgext_key_oid(&key, 1, BTEqualStrategyNumber, server);
	scan = msgext_table_scan(lanes, "lane_pkey", GetActiveSnapshot(), &key, 1);

	/* One that a dispatcher has written just now is of this cluster. */
	msgext_table_delete_all(lanes, scan, true);
	msgext_table_close(lanes);
}

static void
end_range(MsgLane *lane)
{
	if (lane->scan != NULL)
		msgext_scan_end(lane->scan);
	lane->scan = NULL;
}

void
msgext_lane_rest(MsgLane *lane)
{
	end_range(lane);
}

/* The keys of the current range in index outbox_lane, of which there are three. */
static void
range_keys(const MsgLane *lane, ScanKeyData *keys)
{
	const MsgLaneRange *range = &lane->range;

	msgext_key_int32(&keys[0], 1, BTEqualStrategyNumber, lane->number);
	if (range->one)
	{
		msgext_key_xid8(&keys[1], 2, BTEqualStrategyNumber, range->from);
		msgext_key_int64(&keys[2], 3, BTGreaterStrategyNumber, range->after);
	}
	else
	{
		msgext_key_xid8(&keys[1], 2, BTGreaterEqualStrategyNumber, range->from);
		msgext_key_xid8(&keys[2], 2, BTLessStrategyNumber, range->before);
	}
}

static void
open_range(MsgLane *lane, MsgTable *outbox)
{
	ScanKeyData keys[3];

	range_keys(lane, keys);
	Assert(lane->cursor.scanning && lane->scan == NULL);
	lane->scan = msgext_table_scan(outbox, "outbox_lane", GetActiveSnapshot(), keys, 3);
}

/* Opens the next range above the lane's position; false when there is none. */
static bool
next_range(MsgLane *lane, MsgTable *outbox)
{
	if (!msgext_lane_cursor_range(&lane->cursor, &lane->range))
		return false;
	open_range(lane, outbox);
	return true;
}

/* The range is read to its end. */
static void
pass_range(MsgLane *lane)
{
	msgext_lane_cursor_pass_range(&lane->cursor, &lane->range);
	end_range(lane);
}

static bool
start_scan(MsgLane *lane)
{
	MsgSnapshot now;

	msgext_snapshot_take(lane->context, GetActiveSnapshot(), false, &now);
	if (msgext_lane_cursor_start(&lane->cursor, &now))
		return true;
	msgext_snapshot_free(&now);
	return false;
}

static void
finish_scan(MsgLane *lane)
{
	MsgSnapshot old = msgext_lane_cursor_finish(&lane->cursor);

	msgext_snapshot_free(&old);

	/*
	 * Not "moved": to save a round that passed no message would begin a transaction,
	 * which would make the next round, and so on in an idle database.
	 */
}

/* Is the row of this lane, or of one that has the same number? */
static bool
belongs_to_lane(const MsgLane *lane, TupleTableSlot *slot)
{
	bool isnull;

	return DatumGetObjectId(slot_getattr(slot, Anum_outbox_server_oid, &isnull)) ==
			   lane->server &&
		   DatumGetInt16(slot_getattr(slot, Anum_outbox_priority, &isnull)) ==
			   lane->priority;
}

bool
msgext_lane_next(MsgLane *lane, MsgTable *outbox, MsgRow *row)
{
	bool fresh = false; /* scan was taken in this call */

	for (;;)
	{
		TupleTableSlot *slot;

		check(lane);
		if (!lane->cursor.scanning)
		{
			/* Once a call: what commits meanwhile sets our latch. */
			if (fresh || !start_scan(lane))
				return false;
			fresh = true;
		}
		if (lane->scan == NULL && !next_range(lane, outbox))
		{
			finish_scan(lane);
			continue;
		}
		while ((slot = msgext_scan_next(lane->scan)) != NULL)
		{
			bool isnull;
			uint64 xid = DatumGetUInt64(slot_getattr(slot, Anum_outbox_xid, &isnull));

			/* Not in this round's snapshot, so it belongs to the next round. */
			if (!msgext_lane_cursor_wants(&lane->cursor, xid) ||
				!belongs_to_lane(lane, slot))
				continue;
			msgext_outbox_read(outbox, slot, row);
			return true;
		}
		pass_range(lane);
	}
}

void
msgext_lane_pass(MsgLane *lane, const MsgRow *row)
{
	check(lane);
	Assert(lane->scan != NULL);
	Assert(row->xid > lane->cursor.xid ||
		   (row->xid == lane->cursor.xid && row->id > lane->cursor.id));
	msgext_lane_cursor_pass(&lane->cursor, row->xid, row->id);
	lane->moved = true;

	/* One that was queued again is not new. */
	lane->passed += row->queued_at == row->created_at;
}

bool
msgext_lane_has_passed(const MsgLane *lane, const MsgRow *row)
{
	return msgext_lane_cursor_has_passed(&lane->cursor, row->xid, row->id);
}

int64
msgext_lane_count(MsgLane *lane, MsgTable *outbox, int max_rows, TimestampTz *oldest)
{
	MsgRow row;
	int64 n = 0;

	while (max_rows-- > 0 && msgext_lane_next(lane, outbox, &row))
	{
		CHECK_FOR_INTERRUPTS();
		if (row.state == MSG_QUEUED && row.next_attempt_at == 0)
		{
			n++;
			if (*oldest == 0 || row.queued_at < *oldest)
				*oldest = row.queued_at;
		}
		msgext_lane_pass(lane, &row);
		heap_freetuple(row.tuple);
	}
	msgext_lane_rest(lane);
	return n;
}

int
msgext_lane_count_entries(MsgLane *lane, MsgTable *outbox, int max, int *max_pages)
{
	int64 until = msgext_pages_asked() + *max_pages;
	int n = 0;

	if (!lane->cursor.scanning && !start_scan(lane))
		return 0;
	while (n < max && msgext_pages_asked() < until &&
		   msgext_lane_cursor_range(&lane->cursor, &lane->range))
	{
		ScanKeyData keys[3];
		IndexTuple entry;
		MsgScan *scan;

		range_keys(lane, keys);
		scan = msgext_table_entries(outbox, "outbox_lane", GetActiveSnapshot(), keys, 3);
		while (n < max && msgext_pages_asked() < until &&
			   (entry = msgext_scan_next_entry(scan)) != NULL)
		{
			bool isnull;

			n += msgext_lane_cursor_wants(
				&lane->cursor, DatumGetUInt64(index_getattr(
								   entry, 2, RelationGetDescr(scan->index), &isnull)));
		}
		msgext_scan_end(scan);
		msgext_lane_cursor_pass_range(&lane->cursor, &lane->range);
	}
	*max_pages = until - msgext_pages_asked();
	return n;
}
