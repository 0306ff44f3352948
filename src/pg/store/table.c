/*
 * table.c
 *		The extension's tables through the access methods: see table.h.
 *
 * Owns how rows and index entries are written. Knows no column by name.
 *
 * Index entries are written without the executor, whose state costs more than the
 * entries do where a table is opened for one row. That serves plain B-trees, which ours
 * are; with any other index on a table of ours, an administrator's, the executor does it.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "executor/executor.h"
#include "nodes/primnodes.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/predicate.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "pg/base/compat.h"
#include "pg/store/table.h"

#define KNOWN_MAX 32

/* Relations by name, until a catalog change that may be about one of them. */
static struct
{
	char name[NAMEDATALEN];
	Oid oid;
} known[KNOWN_MAX];
static int nknown = 0;

static void
forget_known(Datum arg, int cache, uint32 hash)
{
	nknown = 0;
}

/* What has been found out about indexes, until a relation changes. */
static MsgIndex judged[KNOWN_MAX];
static int njudged = 0;

static void
forget_judged(Datum arg, Oid relation)
{
	njudged = 0;
}

Oid
msgext_schema_oid(void)
{
	return get_namespace_oid("msgext", true);
}

static Oid
look_up(const char *name)
{
	static bool registered = false;
	Oid schema;

	if (!registered)
	{
		CacheRegisterSyscacheCallback(RELOID, forget_known, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, forget_known, (Datum) 0);
		registered = true;
	}
	schema = msgext_schema_oid();
	return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

Oid
msgext_relation_oid(const char *name)
{
	Oid relation;
	int i;

	for (i = 0; i < nknown; i++)
		if (strcmp(known[i].name, name) == 0)
			return known[i].oid;
	relation = look_up(name);
	if (!OidIsValid(relation))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("relation \"msgext.%s\" does not exist", name),
						errhint("Run CREATE EXTENSION msgext in this database.")));
	if (nknown < KNOWN_MAX)
	{
		strlcpy(known[nknown].name, name, NAMEDATALEN);
		known[nknown++].oid = relation;
	}
	return relation;
}

MsgTable *
msgext_table_open(const char *name, int natts, bool writable)
{
	MsgTable *table = palloc0(sizeof(MsgTable));

	table->context = CurrentMemoryContext;
	table->rel = table_open(msgext_relation_oid(name),
							writable ? RowExclusiveLock : AccessShareLock);
	if (RelationGetNumberOfAttributes(table->rel) != natts)
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table \"msgext.%s\" has %d columns, but the library expects %d",
					name, RelationGetNumberOfAttributes(table->rel), natts),
			 errhint("Run ALTER EXTENSION msgext UPDATE, and restart the server if the "
					 "library is older.")));
	return table;
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
	if (table->finder != NULL)
		msgext_scan_end(table->finder);
	for (i = 0; i < MSG_GATHER_MAX && table->gathered[i] != NULL; i++)
		ExecDropSingleTupleTableSlot(table->gathered[i]);
	for (i = 0; i < table->nindexes; i++)
		if (table->indexes[i].rel != NULL)
			index_close(table->indexes[i].rel, NoLock);
	if (table->result != NULL)
	{
		ExecCloseIndices(table->result);
		FreeExecutorState(table->estate);
		pfree(table->result);
	}
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

	/* While we hold our lock it becomes longer only. */
	if (ItemPointerGetBlockNumberNoCheck(tid) >= table->nblocks)
		table->nblocks = RelationGetNumberOfBlocks(table->rel);
	if (!ItemPointerIsValid(tid) || ItemPointerGetBlockNumber(tid) >= table->nblocks ||
		!table_tuple_fetch_row_version(table->rel, tid, snapshot, slot))
		return NULL;
	return slot;
}

/* What "column IS NOT NULL" asks for, or 0 when the predicate is anything else. */
static AttrNumber
column_present(List *predicate)
{
	NullTest *test = list_length(predicate) == 1 ? linitial(predicate) : NULL;

	if (test == NULL || !IsA(test, NullTest) || test->nulltesttype != IS_NOT_NULL ||
		!IsA(test->arg, Var))
		return 0;
	return ((Var *) test->arg)->varattno;
}

static Relation
open_index(MsgIndex *index)
{
	if (index->rel == NULL)
		index->rel = index_open(index->oid, RowExclusiveLock);
	return index->rel;
}

/* Can we write its entries ourselves? */
static void
judge(MsgIndex *index)
{
	Form_pg_index form = open_index(index)->rd_index;
	HeapTuple tuple = index->rel->rd_indextuple;

	index->plain = index->rel->rd_rel->relam == BTREE_AM_OID && form->indisready &&
				   !form->indisexclusion && (!form->indisunique || form->indimmediate) &&
				   heap_attisnull(tuple, Anum_pg_index_indexprs, NULL);
	if (index->plain && !heap_attisnull(tuple, Anum_pg_index_indpred, NULL))
	{
		index->present = column_present(RelationGetIndexPredicate(index->rel));
		index->plain = index->present != 0;
	}
}

static void
look_at(MsgIndex *index, Oid oid)
{
	static bool registered = false;
	int i;

	if (!registered)
		CacheRegisterRelcacheCallback(forget_judged, (Datum) 0);
	registered = true;
	for (i = 0; i < njudged; i++)
	{
		if (judged[i].oid == oid)
		{
			*index = judged[i];
			return;
		}
	}
	memset(index, 0, sizeof(*index));
	index->oid = oid;
	judge(index);
	if (njudged < KNOWN_MAX)
	{
		judged[njudged] = *index;
		judged[njudged++].rel = NULL;
	}
}

static void
open_executor(MsgTable *table)
{
	MemoryContext before;

	if (table->result != NULL)
		return;
	before = MemoryContextSwitchTo(table->context);
	table->estate = CreateExecutorState();
	table->result = makeNode(ResultRelInfo);

	/* 0: it is in no range table, where the executor would look up changed columns. */
	InitResultRelInfo(table->result, table->rel, 0, NULL, 0);
	ExecOpenIndices(table->result, true);
	MemoryContextSwitchTo(before);
}

static void
open_indexes(MsgTable *table)
{
	List *oids;
	ListCell *cell;

	if (table->indexes != NULL)
		return;
	oids = RelationGetIndexList(table->rel);
	table->indexes =
		MemoryContextAlloc(table->context, sizeof(MsgIndex) * (list_length(oids) + 1));
	table->plain = table->rel->rd_tableam == GetHeapamTableAmRoutine();
	foreach (cell, oids)
	{
		MsgIndex *index = &table->indexes[table->nindexes];

		look_at(index, lfirst_oid(cell));
		table->nindexes++;
		table->plain &= index->plain;
	}
	list_free(oids);
	if (!table->plain)
		open_executor(table);
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
 * Writes the entries of the row at tid, whose columns are given. False when a unique index
 * has such a row already and quiet asks for no error.
 */
static bool
insert_entries(MsgTable *table, ItemPointer tid, const Datum *values, const bool *nulls,
			   bool quiet, bool unchanged)
{
	IndexInfo info = {.type = T_IndexInfo};
	bool unique = true;
	int i;

	for (i = 0; i < table->nindexes; i++)
	{
		MsgIndex *index = &table->indexes[i];
		Form_pg_index form;
		IndexUniqueCheck check = UNIQUE_CHECK_NO;
		Datum keys[INDEX_MAX_KEYS];
		bool absent[INDEX_MAX_KEYS];
		int k;

		if (index->present != 0 && nulls[index->present - 1])
			continue;
		form = open_index(index)->rd_index;
		for (k = 0; k < form->indnatts; k++)
		{
			keys[k] = values[form->indkey.values[k] - 1];
			absent[k] = nulls[form->indkey.values[k] - 1];
		}
		if (form->indisunique)
			check = quiet ? UNIQUE_CHECK_PARTIAL : UNIQUE_CHECK_YES;
		unique &= index_insert(index->rel, keys, absent, tid, table->rel, check,
							   unchanged, &info) ||
				  check != UNIQUE_CHECK_PARTIAL;
	}
	return unique;
}

void
msgext_table_insert(MsgTable *table, Datum *values, bool *nulls)
{
	HeapTuple row;

	open_indexes(table);
	if (table->plain)
	{
		row = heap_form_tuple(RelationGetDescr(table->rel), values, nulls);
		heap_insert(table->rel, row, GetCurrentCommandId(true), 0, NULL);
		insert_entries(table, &row->t_self, values, nulls, false, false);
		heap_freetuple(row);
		return;
	}
	store_row(table, msgext_table_slot(table), values, nulls);
	table_tuple_insert(table->rel, table->slot, GetCurrentCommandId(true), 0, NULL);
	msgext_insert_index_tuples(table->result, table->slot, table->estate, false, false,
							   NULL, NIL, MSG_UPDATE_ALL_INDEXES);
	ResetPerTupleExprContext(table->estate);
}

bool
msgext_table_insert_unique(MsgTable *table, const char *arbiter, Datum *values,
						   bool *nulls)
{
	List *arbiters = list_make1_oid(msgext_relation_oid(arbiter));
	ItemPointerData conflict_tid;
	bool conflict = false;
	uint32 token;

	open_executor(table);
	store_row(table, msgext_table_slot(table), values, nulls);
	if (!msgext_check_index_constraints(table->result, table->slot, table->estate,
										&conflict_tid, arbiters))
		return false;

	/* As INSERT ... ON CONFLICT does it: a racing twin makes one of both give way. */
	token = SpeculativeInsertionLockAcquire(GetCurrentTransactionId());
	table_tuple_insert_speculative(table->rel, table->slot, GetCurrentCommandId(true), 0,
								   NULL, token);
	msgext_insert_index_tuples(table->result, table->slot, table->estate, false, true,
							   &conflict, arbiters, MSG_UPDATE_ALL_INDEXES);
	table_tuple_complete_speculative(table->rel, table->slot, token, !conflict);
	SpeculativeInsertionLockRelease(GetCurrentTransactionId());
	ResetPerTupleExprContext(table->estate);
	return !conflict;
}

void
msgext_table_expect_twins(MsgTable *table, const char *arbiter, MsgTwin on_twin)
{
	table->arbiter = arbiter;
	table->on_twin = on_twin;
}

void
msgext_table_gather(MsgTable *table, Datum *values, bool *nulls)
{
	TupleTableSlot *row;

	open_indexes(table);
	if (!table->plain)
	{
		if (table->on_twin == NULL)
			msgext_table_insert(table, values, nulls);
		else if (!msgext_table_insert_unique(table, table->arbiter, values, nulls))
			table->on_twin(table->slot);
		return;
	}
	row = keep_slot(table, &table->gathered[table->ngathered]);
	store_row(table, row, values, nulls);
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
	table_multi_insert(table->rel, table->gathered, n, GetCurrentCommandId(true), 0,
					   NULL);
	for (i = 0; i < n; i++)
	{
		TupleTableSlot *row = table->gathered[i];

		slot_getallattrs(row);
		if (insert_entries(table, &row->tts_tid, row->tts_values, row->tts_isnull,
						   table->on_twin != NULL, false))
			continue;
		CommandCounterIncrement();
		msgext_table_delete(table, &row->tts_tid, true);
		table->on_twin(row);
	}
}

TM_Result
msgext_table_update(MsgTable *table, ItemPointer tid, HeapTuple row, bool wait)
{
	MsgUpdateIndexes indexes = MSG_UPDATE_NO_INDEXES;
	LockTupleMode lock_mode;
	TM_FailureData failure;
	TM_Result result;

	ExecForceStoreHeapTuple(row, msgext_table_slot(table), false);
	table->slot->tts_tableOid = RelationGetRelid(table->rel);
	result = table_tuple_update(table->rel, tid, table->slot, GetCurrentCommandId(true),
								GetActiveSnapshot(), InvalidSnapshot, wait, &failure,
								&lock_mode, &indexes);
	if (result != TM_Ok || indexes == MSG_UPDATE_NO_INDEXES)
		return result;
	open_indexes(table);
	if (table->plain && indexes == MSG_UPDATE_ALL_INDEXES)
	{
		slot_getallattrs(table->slot);
		insert_entries(table, &table->slot->tts_tid, table->slot->tts_values,
					   table->slot->tts_isnull, false, true);
	}
	else if (!table->plain)
	{
		msgext_insert_index_tuples(table->result, table->slot, table->estate, true, false,
								   NULL, NIL, indexes);
		ResetPerTupleExprContext(table->estate);
	}
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
