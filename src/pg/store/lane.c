/*
 * lane.c
 *		Finding new messages of one server and priority: see lane.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "pg/store/lane.h"

/* clang-format off */
#define LANE_COLUMNS(C) \
	C(lane, server_oid) C(lane, priority) C(lane, done) C(lane, scan) C(lane, xid) \
	C(lane, id) C(lane, waiting) C(lane, until)
/* clang-format on */
MSG_COLUMN_NUMBERS(lane, LANE_COLUMNS);
MSG_LAYOUT(lane, LANE_COLUMNS);

/* As pg_snapshot's own code widens them: none is ahead of the next transaction id. */
static uint64
widen(TransactionId xid, FullTransactionId next)
{
	uint32 epoch = EpochFromFullTransactionId(next);

	if (xid > XidFromFullTransactionId(next))
		epoch--;
	return (uint64) epoch << 32 | xid;
}

static int
compare_xids(const void *a, const void *b)
{
	uint64 left = *(const uint64 *) a;
	uint64 right = *(const uint64 *) b;

	return left < right ? -1 : left > right;
}

static void
take_snapshot(MemoryContext context, MsgSnapshot *taken)
{
	Snapshot active = GetActiveSnapshot();
	FullTransactionId next = ReadNextFullTransactionId();
	uint32 i;

	taken->xmin = widen(active->xmin, next);
	taken->xmax = widen(active->xmax, next);
	taken->nxip = active->xcnt;
	taken->xip = MemoryContextAlloc(context, sizeof(uint64) * (active->xcnt + 1));
	for (i = 0; i < active->xcnt; i++)
		taken->xip[i] = widen(active->xip[i], next);
	qsort(taken->xip, taken->nxip, sizeof(uint64), compare_xids);
}

static void
free_snapshot(MsgSnapshot *snapshot)
{
	if (snapshot->xip != NULL)
		pfree(snapshot->xip);
	memset(snapshot, 0, sizeof(*snapshot));
}

static bool
is_running(const MsgSnapshot *snapshot, uint64 xid)
{
	return bsearch(&xid, snapshot->xip, snapshot->nxip, sizeof(uint64), compare_xids) !=
		   NULL;
}

static bool
is_visible(const MsgSnapshot *snapshot, uint64 xid)
{
	return xid < snapshot->xmax && !is_running(snapshot, xid);
}

static bool
same_snapshot(const MsgSnapshot *a, const MsgSnapshot *b)
{
	return a->xmax == b->xmax && a->nxip == b->nxip &&
		   memcmp(a->xip, b->xip, sizeof(uint64) * a->nxip) == 0;
}

static char *
write_snapshot(const MsgSnapshot *snapshot)
{
	StringInfoData text;
	int i;

	initStringInfo(&text);
	appendStringInfo(&text, UINT64_FORMAT ":" UINT64_FORMAT ":", snapshot->xmin,
					 snapshot->xmax);
	for (i = 0; i < snapshot->nxip; i++)
		appendStringInfo(&text, "%s" UINT64_FORMAT, i > 0 ? "," : "", snapshot->xip[i]);
	return text.data;
}

static void
read_snapshot(MemoryContext context, const char *text, MsgSnapshot *snapshot)
{
	const char *c;
	char *end;
	int n = 1;

	for (c = text; *c != '\0'; c++)
		n += *c == ',';
	snapshot->xmin = strtou64(text, &end, 10);
	snapshot->xmax = strtou64(end + 1, &end, 10);
	snapshot->xip = MemoryContextAlloc(context, sizeof(uint64) * n);
	snapshot->nxip = 0;
	while (*end != '\0' && end[1] != '\0')
		snapshot->xip[snapshot->nxip++] = strtou64(end + 1, &end, 10);
}

/* See the list of states in lane.h. */
static void
check(const MsgLane *lane)
{
	Assert(lane->has_done == (lane->done.xip != NULL));
	Assert(lane->scanning == (lane->scan.xip != NULL));
	Assert(lane->scanning || lane->range == NULL);
	Assert(lane->scanning || (lane->xid == 0 && lane->id == 0));
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
	Oid out;
	bool varlena;

	free_snapshot(&lane->done);
	free_snapshot(&lane->scan);
	lane->has_done = lane->scanning = lane->moved = false;
	lane->xid = 0;
	lane->id = 0;
	lane->range = NULL;
	if (slot != NULL)
	{
		getTypeOutputInfo(PG_SNAPSHOTOID, &out, &varlena);
		value = slot_getattr(slot, Anum_lane_done, &isnull);
		if (!isnull)
		{
			lane->has_done = true;
			read_snapshot(lane->context, OidOutputFunctionCall(out, value), &lane->done);
		}
		value = slot_getattr(slot, Anum_lane_scan, &isnull);
		if (!isnull)
		{
			lane->scanning = true;
			read_snapshot(lane->context, OidOutputFunctionCall(out, value), &lane->scan);
		}
		lane->xid = DatumGetUInt64(slot_getattr(slot, Anum_lane_xid, &isnull));
		lane->id = DatumGetInt64(slot_getattr(slot, Anum_lane_id, &isnull));
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

static Datum
snapshot_datum(const MsgSnapshot *snapshot)
{
	Oid in;
	Oid param;

	getTypeInputInfo(PG_SNAPSHOTOID, &in, &param);
	return OidInputFunctionCall(in, write_snapshot(snapshot), param, -1);
}

void
msgext_lane_save(MsgLane *lane)
{
	MsgTable *lanes = msgext_table_open(&lane_layout, true);
	MsgScan *scan;
	MsgValues row;

	check(lane);
	Assert(lane->range == NULL);
	msgext_values_init(&row);
	msgext_values_oid(&row, Anum_lane_server_oid, lane->server);
	msgext_values_int16(&row, Anum_lane_priority, lane->priority);
	if (lane->has_done)
		msgext_values_set(&row, Anum_lane_done, snapshot_datum(&lane->done));
	if (lane->scanning)
		msgext_values_set(&row, Anum_lane_scan, snapshot_datum(&lane->scan));
	msgext_values_xid8(&row, Anum_lane_xid, lane->xid);
	msgext_values_int64(&row, Anum_lane_id, lane->id);
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
	ScanKeyData key;
	TupleTableSlot *slot;
	MsgScan *scan;

	msgext_key_oid(&key, 1, BTEqualStrategyNumber, server);
	scan = msgext_table_scan(lanes, "lane_pkey", GetActiveSnapshot(), &key, 1);
	while ((slot = msgext_scan_next(scan)) != NULL)
	{
		ItemPointerData tid = slot->tts_tid;

		msgext_table_delete(lanes, &tid, true);
	}
	msgext_scan_end(scan);
	msgext_table_close(lanes);
}

static void
end_range(MsgLane *lane)
{
	if (lane->range != NULL)
		msgext_scan_end(lane->range);
	lane->range = NULL;
}

void
msgext_lane_rest(MsgLane *lane)
{
	end_range(lane);
}

static void
open_range(MsgLane *lane, MsgTable *outbox, bool point, uint64 from, uint64 before,
		   int64 after_id)
{
	ScanKeyData keys[3];

	msgext_key_int32(&keys[0], 1, BTEqualStrategyNumber, lane->number);
	if (point)
	{
		msgext_key_xid8(&keys[1], 2, BTEqualStrategyNumber, from);
		msgext_key_int64(&keys[2], 3, BTGreaterStrategyNumber, after_id);
	}
	else
	{
		msgext_key_xid8(&keys[1], 2, BTGreaterEqualStrategyNumber, from);
		msgext_key_xid8(&keys[2], 2, BTLessStrategyNumber, before);
	}
	Assert(lane->scanning && lane->range == NULL);
	lane->range = msgext_table_scan(outbox, "outbox_lane", GetActiveSnapshot(), keys, 3);
	lane->range_is_point = point;
}

/* Opens the next range above the lane's position; false when scan has been read. */
static bool
next_range(MsgLane *lane, MsgTable *outbox)
{
	uint64 begin = lane->has_done ? lane->done.xmax : 0;
	uint64 from;
	int i;

	/* The rest of the transaction in which reading stopped. */
	if (lane->xid != 0 && lane->id != PG_INT64_MAX)
	{
		open_range(lane, outbox, true, lane->xid, 0, lane->id);
		return true;
	}

	/* Transactions that were running in done and have ended since. */
	for (i = 0; lane->has_done && i < lane->done.nxip; i++)
	{
		uint64 xid = lane->done.xip[i];

		if (xid > lane->xid && is_visible(&lane->scan, xid))
		{
			lane->xid = xid;
			lane->id = 0;
			open_range(lane, outbox, true, xid, 0, 0);
			return true;
		}
	}

	/* Transactions that began after done. */
	from = Max(begin, lane->xid + 1);
	if (from < lane->scan.xmax)
	{
		open_range(lane, outbox, false, from, lane->scan.xmax, 0);
		return true;
	}
	return false;
}

/* The range is read to its end. */
static void
pass_range(MsgLane *lane)
{
	if (!lane->range_is_point)
		lane->xid = lane->scan.xmax;
	lane->id = PG_INT64_MAX;
	end_range(lane);
}

static bool
start_scan(MsgLane *lane)
{
	MsgSnapshot now;

	take_snapshot(lane->context, &now);
	if (lane->has_done && same_snapshot(&now, &lane->done))
	{
		free_snapshot(&now);
		return false;
	}
	lane->scan = now;
	lane->scanning = true;
	lane->xid = 0;
	lane->id = 0;
	return true;
}

static void
finish_scan(MsgLane *lane)
{
	free_snapshot(&lane->done);
	lane->done = lane->scan;
	lane->has_done = true;
	memset(&lane->scan, 0, sizeof(lane->scan));
	lane->scanning = false;
	lane->xid = 0;
	lane->id = 0;

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
		if (!lane->scanning)
		{
			/* Once a call: what commits meanwhile sets our latch. */
			if (fresh || !start_scan(lane))
				return false;
			fresh = true;
		}
		if (lane->range == NULL && !next_range(lane, outbox))
		{
			finish_scan(lane);
			continue;
		}
		while ((slot = msgext_scan_next(lane->range)) != NULL)
		{
			bool isnull;
			uint64 xid = DatumGetUInt64(slot_getattr(slot, Anum_outbox_xid, &isnull));

			/* Not in this round's snapshot, so it belongs to the next round. */
			if (!is_visible(&lane->scan, xid) || !belongs_to_lane(lane, slot))
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
	Assert(lane->range != NULL);
	Assert(row->xid > lane->xid || (row->xid == lane->xid && row->id > lane->id));
	lane->xid = row->xid;
	lane->id = row->id;
	lane->moved = true;
}

bool
msgext_lane_has_passed(const MsgLane *lane, const MsgRow *row)
{
	if (lane->has_done && is_visible(&lane->done, row->xid))
		return true;
	if (!lane->scanning || !is_visible(&lane->scan, row->xid))
		return false;
	return row->xid < lane->xid || (row->xid == lane->xid && row->id <= lane->id);
}

int64
msgext_lane_count(MsgLane *lane, MsgTable *outbox, TimestampTz *oldest)
{
	MsgRow row;
	int64 n = 0;

	while (msgext_lane_next(lane, outbox, &row))
	{
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
