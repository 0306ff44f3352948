/*
 * scan.c
 *		Reading the extension's tables by index: see scan.h.
 *
 * Owns index scans and the keys they are begun with. Writes nothing.
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "access/tableam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_collation.h"
#include "executor/executor.h"
#include "executor/instrument.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "pg/base/compat.h"
#include "pg/store/relation.h"
#include "pg/store/scan.h"

/*
 * The B-tree code allocates what a scan needs when it comes to need it, as with the first
 * dead entry, in the context that is current then. A scan outlives the callers' contexts,
 * which are reset after each message: all that is done with it is done in its own one.
 */
static void
check(const MsgScan *scan)
{
#ifdef USE_ASSERT_CHECKING
	const BTScanOpaqueData *state = scan->desc->opaque;

	Assert(scan->index->rd_rel->relam == BTREE_AM_OID);
	Assert(GetMemoryChunkContext(scan->desc) == scan->context);
	Assert(state->killedItems == NULL ||
		   GetMemoryChunkContext(state->killedItems) == scan->context);
#endif
}

static MsgScan *
open_scan(MemoryContext context, Relation table, const char *index, Snapshot snapshot,
		  ScanKeyData *keys, int nkeys, bool entries)
{
	MemoryContext before = MemoryContextSwitchTo(context);
	MsgScan *scan = palloc0(sizeof(MsgScan));

	Assert(CheckRelationLockedByMe(table, AccessShareLock, true));
	scan->context = context;
	scan->index = index_open(msgext_relation_oid(index), AccessShareLock);
	Assert(scan->index->rd_index->indrelid == RelationGetRelid(table));
	scan->slot = table_slot_create(table, NULL);
	scan->desc = msgext_index_beginscan(table, scan->index, snapshot, nkeys);
	scan->desc->xs_want_itup = entries;
	index_rescan(scan->desc, keys, nkeys, NULL, 0);
	check(scan);
	MemoryContextSwitchTo(before);
	return scan;
}

MsgScan *
msgext_scan_open(MemoryContext context, Relation table, const char *index,
				 Snapshot snapshot, ScanKeyData *keys, int nkeys)
{
	return open_scan(context, table, index, snapshot, keys, nkeys, false);
}

MsgScan *
msgext_scan_open_entries(MemoryContext context, Relation table, const char *index,
						 Snapshot snapshot, ScanKeyData *keys, int nkeys)
{
	return open_scan(context, table, index, snapshot, keys, nkeys, true);
}

static IndexTuple
get_entry(MsgScan *scan, ScanDirection direction)
{
	MemoryContext before = MemoryContextSwitchTo(scan->context);
	bool found = index_getnext_tid(scan->desc, direction) != NULL;

	scan->fetched = false;
	check(scan);
	MemoryContextSwitchTo(before);
	return found ? scan->desc->xs_itup : NULL;
}

IndexTuple
msgext_scan_next_entry(MsgScan *scan)
{
	return get_entry(scan, ForwardScanDirection);
}

TupleTableSlot *
msgext_scan_row(MsgScan *scan)
{
	MemoryContext before = MemoryContextSwitchTo(scan->context);
	bool found;

	Assert(!scan->fetched);
	scan->fetched = true;
	found = index_fetch_heap(scan->desc, scan->slot);

	MemoryContextSwitchTo(before);
	return found ? scan->slot : NULL;
}

IndexTuple
msgext_scan_last_entry(MsgScan *scan)
{
	return get_entry(scan, BackwardScanDirection);
}

void
msgext_scan_again(MsgScan *scan, ScanKeyData *keys, int nkeys)
{
	MemoryContext before = MemoryContextSwitchTo(scan->context);

	index_rescan(scan->desc, keys, nkeys, NULL, 0);
	check(scan);
	MemoryContextSwitchTo(before);
}

TupleTableSlot *
msgext_scan_next(MsgScan *scan)
{
	MemoryContext before = MemoryContextSwitchTo(scan->context);
	bool found = index_getnext_slot(scan->desc, ForwardScanDirection, scan->slot);

	check(scan);
	MemoryContextSwitchTo(before);
	return found ? scan->slot : NULL;
}

void
msgext_scan_end(MsgScan *scan)
{
	MemoryContext before = MemoryContextSwitchTo(scan->context);

	check(scan);
	index_endscan(scan->desc);
	ExecDropSingleTupleTableSlot(scan->slot);
	index_close(scan->index, NoLock);
	MemoryContextSwitchTo(before);
	pfree(scan);
}

int64
msgext_pages_asked(void)
{
	return pgBufferUsage.shared_blks_hit + pgBufferUsage.shared_blks_read;
}

/* One comparison function per strategy, in the order of strategy numbers. */
typedef struct Comparisons
{
	RegProcedure less, less_equal, equal, greater_equal, greater;
} Comparisons;

static RegProcedure
comparison(const Comparisons *by, StrategyNumber strategy)
{
	switch (strategy)
	{
		case BTLessStrategyNumber:
			return by->less;
		case BTLessEqualStrategyNumber:
			return by->less_equal;
		case BTEqualStrategyNumber:
			return by->equal;
		case BTGreaterEqualStrategyNumber:
			return by->greater_equal;
		default:
			return by->greater;
	}
}

static void
key(ScanKeyData *key, AttrNumber column, StrategyNumber strategy, Oid collation,
	const Comparisons *by, Datum value)
{
	ScanKeyEntryInitialize(key, 0, column, strategy, InvalidOid, collation,
						   comparison(by, strategy), value);
}

void
msgext_key_text(ScanKeyData *entry, AttrNumber column, StrategyNumber strategy,
				const char *value)
{
	static const Comparisons by = {F_TEXT_LT, F_TEXT_LE, F_TEXTEQ, F_TEXT_GE, F_TEXT_GT};

	key(entry, column, strategy, C_COLLATION_OID, &by, CStringGetTextDatum(value));
}

void
msgext_key_oid(ScanKeyData *entry, AttrNumber column, StrategyNumber strategy, Oid value)
{
	static const Comparisons by = {F_OIDLT, F_OIDLE, F_OIDEQ, F_OIDGE, F_OIDGT};

	key(entry, column, strategy, InvalidOid, &by, ObjectIdGetDatum(value));
}

void
msgext_key_bytes(ScanKeyData *entry, AttrNumber column, StrategyNumber strategy,
				 bytea *value)
{
	static const Comparisons by = {F_BYTEALT, F_BYTEALE, F_BYTEAEQ, F_BYTEAGE, F_BYTEAGT};

	key(entry, column, strategy, InvalidOid, &by, PointerGetDatum(value));
}

void
msgext_key_int64(ScanKeyData *entry, AttrNumber column, StrategyNumber strategy,
				 int64 value)
{
	static const Comparisons by = {F_INT8LT, F_INT8LE, F_INT8EQ, F_INT8GE, F_INT8GT};

	key(entry, column, strategy, InvalidOid, &by, Int64GetDatum(value));
}

void
msgext_key_int32(ScanKeyData *entry, AttrNumber column, StrategyNumber strategy,
				 int32 value)
{
	static const Comparisons by = {F_INT4LT, F_INT4LE, F_INT4EQ, F_INT4GE, F_INT4GT};

	key(entry, column, strategy, InvalidOid, &by, Int32GetDatum(value));
}

void
msgext_key_int16(ScanKeyData *entry, AttrNumber column, StrategyNumber strategy,
				 int16 value)
{
	static const Comparisons by = {F_INT2LT, F_INT2LE, F_INT2EQ, F_INT2GE, F_INT2GT};

	key(entry, column, strategy, InvalidOid, &by, Int16GetDatum(value));
}

void
msgext_key_xid8(ScanKeyData *entry, AttrNumber column, StrategyNumber strategy,
				uint64 value)
{
	static const Comparisons by = {F_XID8LT, F_XID8LE, F_XID8EQ, F_XID8GE, F_XID8GT};

	key(entry, column, strategy, InvalidOid, &by, UInt64GetDatum(value));
}

void
msgext_key_time(ScanKeyData *entry, AttrNumber column, StrategyNumber strategy,
				int64 value)
{
	static const Comparisons by = {F_TIMESTAMPTZ_LT, F_TIMESTAMPTZ_LE, F_TIMESTAMPTZ_EQ,
								   F_TIMESTAMPTZ_GE, F_TIMESTAMPTZ_GT};

	key(entry, column, strategy, InvalidOid, &by, TimestampTzGetDatum(value));
}
