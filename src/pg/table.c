/*
 * table.c
 *		The extension's tables through the access methods: see table.h.
 *
 * Owns how rows and index entries are written. Knows no column by name.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "executor/executor.h"
#include "storage/lmgr.h"
#include "storage/predicate.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "pg/compat.h"
#include "pg/table.h"

Oid
msgext_schema_oid(void)
{
	return get_namespace_oid("msgext", true);
}

static Oid
relation_oid(const char *name)
{
	Oid schema = msgext_schema_oid();
	Oid relation = OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;

	if (!OidIsValid(relation))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("relation \"msgext.%s\" does not exist", name),
						errhint("Run CREATE EXTENSION msgext in this database.")));
	return relation;
}

MsgTable *
msgext_table_open(const char *name, int natts, bool writable, bool speculative)
{
	MsgTable *table = palloc(sizeof(MsgTable));

	table->rel =
		table_open(relation_oid(name), writable ? RowExclusiveLock : AccessShareLock);
	if (RelationGetNumberOfAttributes(table->rel) != natts)
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table \"msgext.%s\" has %d columns, but the library expects %d",
					name, RelationGetNumberOfAttributes(table->rel), natts),
			 errhint("Run ALTER EXTENSION msgext UPDATE, and restart the server if the "
					 "library is older.")));
	table->slot = NULL;
	table->finder = NULL;
	table->estate = NULL;
	table->result = NULL;
	if (writable)
	{
		table->estate = CreateExecutorState();
		table->result = makeNode(ResultRelInfo);

		/* 0: it is in no range table, where the executor would look up changed columns. */
		InitResultRelInfo(table->result, table->rel, 0, NULL, 0);
		ExecOpenIndices(table->result, speculative);
		table->slot = table_slot_create(table->rel, NULL);
	}
	return table;
}

void
msgext_table_close(MsgTable *table)
{
	if (table->finder != NULL)
		msgext_scan_end(table->finder);
	if (table->result != NULL)
	{
		ExecDropSingleTupleTableSlot(table->slot);
		ExecCloseIndices(table->result);
		FreeExecutorState(table->estate);
		pfree(table->result);
	}

	/* The lock stays until the transaction ends, as after any statement. */
	table_close(table->rel, NoLock);
	pfree(table);
}

static void
store_row(MsgTable *table, Datum *values, bool *nulls)
{
	int natts = RelationGetNumberOfAttributes(table->rel);

	ExecClearTuple(table->slot);
	memcpy(table->slot->tts_values, values, natts * sizeof(Datum));
	memcpy(table->slot->tts_isnull, nulls, natts * sizeof(bool));
	ExecStoreVirtualTuple(table->slot);
}

void
msgext_table_insert(MsgTable *table, Datum *values, bool *nulls)
{
	store_row(table, values, nulls);
	table_tuple_insert(table->rel, table->slot, GetCurrentCommandId(true), 0, NULL);
	if (table->result->ri_NumIndices > 0)
		msgext_insert_index_tuples(table->result, table->slot, table->estate, false,
								   false, NULL, NIL, MSGEXT_UPDATE_ALL_INDEXES);
	ResetPerTupleExprContext(table->estate);
}

bool
msgext_table_insert_unique(MsgTable *table, const char *arbiter, Datum *values,
						   bool *nulls)
{
	List *arbiters = list_make1_oid(relation_oid(arbiter));
	ItemPointerData conflict_tid;
	bool conflict = false;
	uint32 token;

	store_row(table, values, nulls);
	if (!msgext_check_index_constraints(table->result, table->slot, table->estate,
										&conflict_tid, arbiters))
		return false;

	/* As INSERT ... ON CONFLICT does it: a racing twin makes one of both give way. */
	token = SpeculativeInsertionLockAcquire(GetCurrentTransactionId());
	table_tuple_insert_speculative(table->rel, table->slot, GetCurrentCommandId(true), 0,
								   NULL, token);
	msgext_insert_index_tuples(table->result, table->slot, table->estate, false, true,
							   &conflict, arbiters, MSGEXT_UPDATE_ALL_INDEXES);
	table_tuple_complete_speculative(table->rel, table->slot, token, !conflict);
	SpeculativeInsertionLockRelease(GetCurrentTransactionId());
	ResetPerTupleExprContext(table->estate);
	return !conflict;
}

TM_Result
msgext_table_update(MsgTable *table, ItemPointer tid, HeapTuple row, bool wait)
{
	MsgUpdateIndexes indexes = MSGEXT_UPDATE_NO_INDEXES;
	LockTupleMode lock_mode;
	TM_FailureData failure;
	TM_Result result;

	ExecForceStoreHeapTuple(row, table->slot, false);
	table->slot->tts_tableOid = RelationGetRelid(table->rel);
	result = table_tuple_update(table->rel, tid, table->slot, GetCurrentCommandId(true),
								GetActiveSnapshot(), InvalidSnapshot, wait, &failure,
								&lock_mode, &indexes);
	if (result == TM_Ok && indexes != MSGEXT_UPDATE_NO_INDEXES)
		msgext_insert_index_tuples(table->result, table->slot, table->estate, true, false,
								   NULL, NIL, indexes);
	ResetPerTupleExprContext(table->estate);
	return result;
}

TM_Result
msgext_table_delete(MsgTable *table, ItemPointer tid, bool wait)
{
	TM_FailureData failure;

	return table_tuple_delete(table->rel, tid, GetCurrentCommandId(true),
							  GetActiveSnapshot(), InvalidSnapshot, wait, &failure,
							  false);
}

MsgScan *
msgext_scan_begin(MsgTable *table, const char *index, Snapshot snapshot,
				  ScanKeyData *keys, int nkeys)
{
	MsgScan *scan = palloc(sizeof(MsgScan));

	scan->index = index_open(relation_oid(index), AccessShareLock);
	scan->slot = table_slot_create(table->rel, NULL);
	scan->desc = msgext_index_beginscan(table->rel, scan->index, snapshot, nkeys);
	index_rescan(scan->desc, keys, nkeys, NULL, 0);
	return scan;
}

TupleTableSlot *
msgext_table_find(MsgTable *table, const char *index, Snapshot snapshot,
				  ScanKeyData *keys, int nkeys)
{
	if (table->finder != NULL && table->finder->desc->xs_snapshot == snapshot)
		index_rescan(table->finder->desc, keys, nkeys, NULL, 0);
	else
	{
		if (table->finder != NULL)
			msgext_scan_end(table->finder);
		table->finder = msgext_scan_begin(table, index, snapshot, keys, nkeys);
	}
	return msgext_scan_next(table->finder);
}

TupleTableSlot *
msgext_scan_next(MsgScan *scan)
{
	return index_getnext_slot(scan->desc, ForwardScanDirection, scan->slot) ? scan->slot
																			: NULL;
}

void
msgext_scan_end(MsgScan *scan)
{
	index_endscan(scan->desc);
	ExecDropSingleTupleTableSlot(scan->slot);
	index_close(scan->index, NoLock);
	pfree(scan);
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
