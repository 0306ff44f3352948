/*
 * table.c
 *		The extension's tables through the access methods: see table.h.
 *
 * Owns how rows are written and found; their entries in indexes are index_entries.c's.
 * Knows no column by name.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/hio.h"
#include "access/table.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "storage/bufmgr.h"
#include "storage/freespace.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "pg/store/new_pages.h"
#include "pg/store/relation.h"
#include "pg/store/table.h"

static void
check_layout(const MsgTable *table, MsgLayout *layout)
{
	static const char hint[] =
		"Run ALTER EXTENSION msgext UPDATE, and restart the server if the library is "
		"older.";
	TupleDesc desc = RelationGetDescr(table->rel);
	int i;

	if (layout->checked == msgext_relation_generation())
		return;
	if (desc->natts != layout->natts)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"msgext.%s\" has %d columns, but the library expects %d",
						layout->table, desc->natts, layout->natts),
				 errhint("%s", hint)));
	for (i = 0; i < desc->natts; i++)
	{
		const char *name = NameStr(TupleDescAttr(desc, i)->attname);

		if (strcmp(name, layout->columns[i]) != 0)
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
							errmsg("column %d of table \"msgext.%s\" is \"%s\", but the "
								   "library expects \"%s\"",
								   i + 1, layout->table, name, layout->columns[i]),
							errhint("%s", hint)));
	}
	layout->checked = msgext_relation_generation();
}

MsgTable *
msgext_table_open(MsgLayout *layout, bool writable)
{
	MsgTable *table = palloc0(sizeof(MsgTable));

	table->context = CurrentMemoryContext;
	table->rel = table_open(msgext_relation_oid(layout->table),
							writable ? RowExclusiveLock : AccessShareLock);
	table->indexes.context = table->context;
	table->indexes.table = table->rel;
	check_layout(table, layout);
	return table;
}

/* What must hold wherever a table is read or written. */
static void
check(const MsgTable *table, LOCKMODE mode)
{
	Assert(IsTransactionState());
	Assert(GetMemoryChunkContext((void *) table) == table->context);
	Assert(CheckRelationLockedByMe(table->rel, mode, true));
	Assert(table->ngathered >= 0 && table->ngathered < MSG_GATHER_MAX);
}

/* The slot kept there, made when it is needed first. */
static TupleTableSlot *
keep_slot(MsgTable *table, TupleTableSlot **slot)
{
	if (*slot == NULL)
	{
		MemoryContext before = MemoryContextSwitchTo(table->context);

		*slot = table_slot_create(table->rel, NULL);
		MemoryContextSwitchTo(before);
	}
	return *slot;
}

TupleTableSlot *
msgext_table_slot(MsgTable *table)
{
	return keep_slot(table, &table->slot);
}

void
msgext_table_close(MsgTable *table)
{
	int i;

	msgext_table_flush(table);
	if (table->bulk != NULL)
		FreeBulkInsertState(table->bulk);
	if (table->finder != NULL)
		msgext_scan_end(table->finder);
	for (i = 0; i < MSG_GATHER_MAX && table->gathered[i] != NULL; i++)
		ExecDropSingleTupleTableSlot(table->gathered[i]);
	msgext_indexes_close(&table->indexes);
	if (table->slot != NULL)
		ExecDropSingleTupleTableSlot(table->slot);

	/* The lock stays until the transaction ends, as after any statement. */
	table_close(table->rel, NoLock);
	pfree(table);
}

TupleTableSlot *
msgext_table_fetch(MsgTable *table, ItemPointer tid, Snapshot snapshot)
{
	TupleTableSlot *slot = msgext_table_slot(table);

	check(table, AccessShareLock);

	/* While we hold our lock it becomes longer only. */
	if (ItemPointerGetBlockNumberNoCheck(tid) >= table->nblocks)
		table->nblocks = RelationGetNumberOfBlocks(table->rel);
	if (!ItemPointerIsValid(tid) || ItemPointerGetBlockNumber(tid) >= table->nblocks ||
		!table_tuple_fetch_row_version(table->rel, tid, snapshot, slot))
		return NULL;
	return slot;
}

MsgScan *
msgext_table_scan(MsgTable *table, const char *index, Snapshot snapshot,
				  ScanKeyData *keys, int nkeys)
{
	check(table, AccessShareLock);
	return msgext_scan_open(table->context, table->rel, index, snapshot, keys, nkeys);
}

MsgScan *
msgext_table_entries(MsgTable *table, const char *index, Snapshot snapshot,
					 ScanKeyData *keys, int nkeys)
{
	check(table, AccessShareLock);
	return msgext_scan_open_entries(table->context, table->rel, index, snapshot, keys,
									nkeys);
}

TupleTableSlot *
msgext_table_find(MsgTable *table, const char *index, Snapshot snapshot,
				  ScanKeyData *keys, int nkeys)
{
	if (table->finder != NULL && table->finder->desc->xs_snapshot == snapshot)
	{
		Assert(strcmp(RelationGetRelationName(table->finder->index), index) == 0);
		msgext_scan_again(table->finder, keys, nkeys);
	}
	else
	{
		if (table->finder != NULL)
			msgext_scan_end(table->finder);
		table->finder = NULL;
		table->finder = msgext_table_scan(table, index, snapshot, keys, nkeys);
	}
	return msgext_scan_next(table->finder);
}

static void
store_row(MsgTable *table, TupleTableSlot *slot, Datum *values, bool *nulls)
{
	int natts = RelationGetNumberOfAttributes(table->rel);

	ExecClearTuple(slot);
	memcpy(slot->tts_values, values, natts * sizeof(Datum));
	memcpy(slot->tts_isnull, nulls, natts * sizeof(bool));
	ExecStoreVirtualTuple(slot);
}

/*
 * The columns of a new row up to the last that has a value. What a row does not have reads
 * as null, as where a column was added later; not where that column has a default.
 */
static TupleDesc
front_columns(MsgTable *table, const bool *nulls)
{
	TupleDesc all = RelationGetDescr(table->rel);
	int natts = all->natts;
	int i;

	if (table->bulk == NULL || (all->constr != NULL && all->constr->missing != NULL))
		return all;
	while (natts > 1 && nulls[natts - 1])
		natts--;
	if (table->front == NULL || table->front->natts < natts)
	{
		MemoryContext before = MemoryContextSwitchTo(table->context);

		table->front = CreateTemplateTupleDesc(natts);
		for (i = 1; i <= natts; i++)
			TupleDescCopyEntry(table->front, i, all, i);
		MemoryContextSwitchTo(before);
	}
	return table->front;
}

/* Before the page that is pinned is left for the next one. */
static void
make_room(MsgTable *table, Size length)
{
	Buffer buffer = table->bulk->current_buf;
	Size space = MAXALIGN(length) +
				 RelationGetTargetPageFreeSpace(table->rel, HEAP_DEFAULT_FILLFACTOR);
	Size left;

	/* A row that long becomes shorter before it gets its place. */
	if (buffer == InvalidBuffer || length > TOAST_TUPLE_THRESHOLD)
		return;
	left = PageGetFreeSpace(BufferGetPage(buffer));
	if (left >= space)
		return;

	/* Lest it be taken for the one with room: it may be known as it was when it was new. */
	if (table->spare == 0)
		RecordPageWithFreeSpace(table->rel, BufferGetBlockNumber(buffer), left);
	msgext_new_pages_ensure(table->rel, space, &table->spare);
}

void
msgext_table_insert(MsgTable *table, Datum *values, bool *nulls)
{
	TupleTableSlot *slot;
	HeapTuple row;

	check(table, RowExclusiveLock);
	msgext_indexes_open(&table->indexes);
#ifdef USE_ASSERT_CHECKING
	store_row(table, msgext_table_slot(table), values, nulls);
	msgext_indexes_check_row(&table->indexes, table->slot);
#endif
	if (table->indexes.plain)
	{
		row = heap_form_tuple(front_columns(table, nulls), values, nulls);
		if (table->bulk != NULL)
			make_room(table, row->t_len);
		heap_insert(table->rel, row, GetCurrentCommandId(true), 0, table->bulk);
		msgext_indexes_add(&table->indexes, &row->t_self, values, nulls, false, false);
		heap_freetuple(row);
		return;
	}
	slot = msgext_table_slot(table);
	store_row(table, slot, values, nulls);
	table_tuple_insert(table->rel, slot, GetCurrentCommandId(true), 0, NULL);
	msgext_indexes_execute(&table->indexes, slot, false, MSG_UPDATE_ALL_INDEXES);
}

/*
 * Without the ring of buffers that COPY reads through: what has just been queued is read
 * next.
 */
void
msgext_table_expect_many(MsgTable *table)
{
	MemoryContext before = MemoryContextSwitchTo(table->context);

	table->bulk = GetBulkInsertState();
	FreeAccessStrategy(table->bulk->strategy);
	table->bulk->strategy = NULL;
	MemoryContextSwitchTo(before);
}

bool
msgext_table_insert_unique(MsgTable *table, const char *arbiter, Datum *values,
						   bool *nulls)
{
	TupleTableSlot *slot = msgext_table_slot(table);

	check(table, RowExclusiveLock);
	store_row(table, slot, values, nulls);
	msgext_indexes_check_row(&table->indexes, slot);
	return msgext_indexes_insert_unique(&table->indexes, slot,
										msgext_relation_oid(arbiter));
}

void
msgext_table_skip_duplicates(MsgTable *table, const char *arbiter,
							 MsgDuplicate on_duplicate)
{
	Assert(table->ngathered == 0);
	table->arbiter = arbiter;
	table->on_duplicate = on_duplicate;
}

void
msgext_table_gather(MsgTable *table, Datum *values, bool *nulls)
{
	TupleTableSlot *row;

	check(table, RowExclusiveLock);
	msgext_indexes_open(&table->indexes);
	if (!table->indexes.plain)
	{
		if (table->on_duplicate == NULL)
			msgext_table_insert(table, values, nulls);
		else if (!msgext_table_insert_unique(table, table->arbiter, values, nulls))
			table->on_duplicate(table->slot);
		return;
	}
	row = keep_slot(table, &table->gathered[table->ngathered]);
	store_row(table, row, values, nulls);
	msgext_indexes_check_row(&table->indexes, row);
	ExecMaterializeSlot(row);
	if (++table->ngathered == MSG_GATHER_MAX)
		msgext_table_flush(table);
}

void
msgext_table_flush(MsgTable *table)
{
	int n = table->ngathered;
	int i;

	if (n == 0)
		return;
	table->ngathered = 0;
	check(table, RowExclusiveLock);
	table_multi_insert(table->rel, table->gathered, n, GetCurrentCommandId(true), 0,
					   NULL);
	for (i = 0; i < n; i++)
	{
		TupleTableSlot *row = table->gathered[i];

		slot_getallattrs(row);
		if (msgext_indexes_add(&table->indexes, &row->tts_tid, row->tts_values,
							   row->tts_isnull, table->on_duplicate != NULL, false))
			continue;
		CommandCounterIncrement();
		msgext_table_delete(table, &row->tts_tid, true);
		table->on_duplicate(row);
	}
}

bool
msgext_table_is_held(MsgTable *table, ItemPointer tid)
{
	Buffer buffer = ReadBuffer(table->rel, ItemPointerGetBlockNumber(tid));
	TM_Result result = TM_Ok;
	HeapTupleData tuple;
	ItemId line;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	line = PageGetItemId(BufferGetPage(buffer), ItemPointerGetOffsetNumber(tid));
	if (ItemIdIsNormal(line))
	{
		tuple.t_tableOid = RelationGetRelid(table->rel);
		tuple.t_data = (HeapTupleHeader) PageGetItem(BufferGetPage(buffer), line);
		tuple.t_len = ItemIdGetLength(line);
		tuple.t_self = *tid;
		result = HeapTupleSatisfiesUpdate(&tuple, GetCurrentCommandId(false), buffer);
	}
	UnlockReleaseBuffer(buffer);
	return result == TM_BeingModified;
}

TM_Result
msgext_table_update(MsgTable *table, ItemPointer tid, HeapTuple row, bool wait)
{
	MsgUpdateIndexes which = MSG_UPDATE_NO_INDEXES;
	TupleTableSlot *slot = msgext_table_slot(table);
	LockTupleMode lock_mode;
	TM_FailureData failure;
	TM_Result result;

	check(table, RowExclusiveLock);
	ExecForceStoreHeapTuple(row, slot, false);
	slot->tts_tableOid = RelationGetRelid(table->rel);
	msgext_indexes_check_row(&table->indexes, slot);
#ifdef USE_ASSERT_CHECKING
	/*
	 * heap_update() asserts that nobody holds the row where it is not to wait for him,
	 * although it answers rightly. Whoever takes the row in between still trips it.
	 */
	if (!wait && msgext_table_is_held(table, tid))
		return TM_BeingModified;
#endif
	result = table_tuple_update(table->rel, tid, slot, GetCurrentCommandId(true),
								GetActiveSnapshot(), InvalidSnapshot, wait, &failure,
								&lock_mode, &which);
	if (result != TM_Ok || which == MSG_UPDATE_NO_INDEXES)
		return result;
	msgext_indexes_open(&table->indexes);
	if (table->indexes.plain && which == MSG_UPDATE_ALL_INDEXES)
	{
		slot_getallattrs(slot);
		msgext_indexes_add(&table->indexes, &slot->tts_tid, slot->tts_values,
						   slot->tts_isnull, false, true);
	}
	else if (!table->indexes.plain)
		msgext_indexes_execute(&table->indexes, slot, true, which);
	return result;
}

TM_Result
msgext_table_delete(MsgTable *table, ItemPointer tid, bool wait)
{
	TM_FailureData failure;

	check(table, RowExclusiveLock);
	return table_tuple_delete(table->rel, tid, GetCurrentCommandId(true),
							  GetActiveSnapshot(), InvalidSnapshot, wait, &failure,
							  false);
}

int64
msgext_table_delete_all(MsgTable *table, MsgScan *scan, bool wait)
{
	int64 deleted = 0;
	TupleTableSlot *slot;

	while ((slot = msgext_scan_next(scan)) != NULL)
		deleted += msgext_table_delete(table, &slot->tts_tid, wait) == TM_Ok;
	msgext_scan_end(scan);
	return deleted;
}

void
msgext_table_set_oid(MsgTable *table, TupleTableSlot *slot, int column, Oid oid)
{
	HeapTuple row = ExecCopySlotHeapTuple(slot);
	Datum value = ObjectIdGetDatum(oid);
	bool isnull = false;

	msgext_table_update(table, &row->t_self,
						heap_modify_tuple_by_cols(row, RelationGetDescr(table->rel), 1,
												  &column, &value, &isnull),
						true);
	heap_freetuple(row);
}

bool
msgext_table_put(MsgTable *table, TupleTableSlot *slot, Datum *values, bool *nulls,
				 bool wait)
{
	ItemPointerData tid;

	if (slot == NULL)
	{
		msgext_table_insert(table, values, nulls);
		return true;
	}
	tid = slot->tts_tid;
	return msgext_table_update(
			   table, &tid, heap_form_tuple(RelationGetDescr(table->rel), values, nulls),
			   wait) == TM_Ok;
}
