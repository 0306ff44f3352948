/*
 * index_entries.c
 *		How entries are written into the indexes of a table: see index_entries.h.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/guc.h"

#include "pg/base/pinned.h"
#include "pg/base/run_as.h"
#include "pg/store/index_entries.h"
#include "pg/store/new_pages.h"
#include "pg/store/relation.h"

/* More than a table of ours comes with: of one with more, all are found out each time. */
#define INDEXES_MAX 12
#define TABLES_MAX 32

/* Each time so many rows have got their entries, the right ends are looked for. */
#define MANY 16

/* What has been found out about the indexes of tables, none of them opened. */
typedef struct Known
{
	Oid table;
	bool plain;
	int n;
	MsgIndex list[INDEXES_MAX];
} Known;

static Known known[TABLES_MAX];
static int nknown = 0;
static uint64 known_since = 0; /* msgext_relation_generation() */

/* Who we were, and with which settings, before we became the owner of a table. */
typedef struct Self
{
	MsgRunAs user;
	int settings;
} Self;

/*
 * What the server itself does before it runs functions of an index or a constraint, as in
 * REINDEX; that to read an expression may run some of them already is why it is done
 * around that too. After an error the transaction's end undoes it.
 */
static Self
become_owner(Relation table)
{
	Self self;

	self.user = msgext_run_as(table->rd_rel->relowner);
	self.settings = NewGUCNestLevel();
	msgext_pin_setting("search_path", "pg_catalog, pg_temp");
	return self;
}

static void
become_self(const Self *self)
{
	AtEOXact_GUC(false, self->settings);
	msgext_run_as_end(&self->user);
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
find_out(Relation table, MsgIndex *index)
{
	Form_pg_index form = open_index(index)->rd_index;
	HeapTuple tuple = index->rel->rd_indextuple;

	index->plain = (index->rel->rd_rel->relam == BTREE_AM_OID ||
					index->rel->rd_rel->relam == GIN_AM_OID) &&
				   form->indisready && !form->indisexclusion &&
				   (!form->indisunique || form->indimmediate) &&
				   heap_attisnull(tuple, Anum_pg_index_indexprs, NULL);
	if (index->plain && !heap_attisnull(tuple, Anum_pg_index_indpred, NULL))
	{
		Self self = become_owner(table);

		index->present = column_present(RelationGetIndexPredicate(index->rel));
		become_self(&self);
		index->plain = index->present != 0;
	}
}

static const Known *
find_known(Oid table)
{
	int i;

	if (known_since != msgext_relation_generation())
		nknown = 0;
	for (i = 0; i < nknown; i++)
		if (known[i].table == table)
			return &known[i];
	return NULL;
}

/* Not what may have changed while it was found out. */
static void
remember(const MsgIndexes *indexes, uint64 since)
{
	Known *entry = &known[nknown];
	int i;

	if (since != msgext_relation_generation() || nknown == TABLES_MAX ||
		indexes->n > INDEXES_MAX)
		return;
	entry->table = RelationGetRelid(indexes->table);
	entry->plain = indexes->plain;
	entry->n = indexes->n;
	for (i = 0; i < indexes->n; i++)
	{
		entry->list[i] = indexes->list[i];
		entry->list[i].rel = NULL;
		entry->list[i].spare = 0;
	}
	nknown++;
	known_since = since;
}

static void
find_out_all(MsgIndexes *indexes)
{
	uint64 since = msgext_relation_generation();
	List *oids = RelationGetIndexList(indexes->table);
	ListCell *cell;

	indexes->list = MemoryContextAllocZero(indexes->context,
										   sizeof(MsgIndex) * (list_length(oids) + 1));
	indexes->plain = indexes->table->rd_tableam == GetHeapamTableAmRoutine();
	foreach (cell, oids)
	{
		MsgIndex *index = &indexes->list[indexes->n++];

		index->oid = lfirst_oid(cell);
		find_out(indexes->table, index);
		indexes->plain &= index->plain;
	}
	list_free(oids);
	remember(indexes, since);
}

/* Makes the executor ready to run as the table's owner; leave_executor() ends it. */
static Self
enter_executor(MsgIndexes *indexes)
{
	Self self = become_owner(indexes->table);
	MemoryContext before;

	if (indexes->result != NULL)
		return self;
	before = MemoryContextSwitchTo(indexes->context);
	indexes->estate = CreateExecutorState();
	indexes->result = makeNode(ResultRelInfo);

	/* 0: it is in no range table, where the executor would look up changed columns. */
	InitResultRelInfo(indexes->result, indexes->table, 0, NULL, 0);
	ExecOpenIndices(indexes->result, true);
	MemoryContextSwitchTo(before);
	return self;
}

static void
leave_executor(MsgIndexes *indexes, const Self *self)
{
	ResetPerTupleExprContext(indexes->estate);
	become_self(self);
}

void
msgext_indexes_open(MsgIndexes *indexes)
{
	const Known *entry;

	if (indexes->list != NULL)
		return;
	Assert(CheckRelationLockedByMe(indexes->table, RowExclusiveLock, true));
	entry = find_known(RelationGetRelid(indexes->table));
	if (entry == NULL)
	{
		find_out_all(indexes);
		return;
	}
	indexes->plain = entry->plain;
	indexes->n = entry->n;
	indexes->list =
		MemoryContextAlloc(indexes->context, (entry->n + 1) * sizeof(MsgIndex));
	memcpy(indexes->list, entry->list, entry->n * sizeof(MsgIndex));
}

void
msgext_indexes_close(MsgIndexes *indexes)
{
	int i;

	for (i = 0; i < indexes->n; i++)
		if (indexes->list[i].rel != NULL)
			index_close(indexes->list[i].rel, NoLock);
	if (indexes->result != NULL)
	{
		ExecCloseIndices(indexes->result);
		FreeExecutorState(indexes->estate);
		pfree(indexes->result);
	}
}

/* What an access method keeps between entries: B-trees nothing, GINs how they are made. */
static IndexInfo *
info_of(MsgIndexes *indexes, MsgIndex *index, IndexInfo *none)
{
	if (index->rel->rd_rel->relam == BTREE_AM_OID)
		return none;
	if (index->info == NULL)
	{
		index->info = MemoryContextAllocZero(indexes->context, sizeof(IndexInfo));
		index->info->type = T_IndexInfo;
		index->info->ii_Context = indexes->context;
	}
	return index->info;
}

/*
 * Most of our indexes grow at their right end alone. The B-tree code remembers the page
 * there, which spares it the way down, once a tree has three levels: more than 100,000
 * entries. In a smaller one we tell it the page, which it tries and forgets when it is full
 * or the entry belongs elsewhere.
 */
static void
remember_right_end(Relation index)
{
	Buffer buffer = msgext_btree_right_end(index);
	BTPageOpaque opaque;

	if (buffer == InvalidBuffer)
		return;
	opaque = BTPageGetOpaque(BufferGetPage(buffer));
	if (P_ISLEAF(opaque) && !P_ISROOT(opaque))
		RelationSetTargetBlock(index, BufferGetBlockNumber(buffer));
	_bt_relbuf(index, buffer);
}

/* Where the last page that was remembered is full, there will be more. */
static void
expect_more(MsgIndex *index)
{
	if (RelationGetTargetBlock(index->rel) != InvalidBlockNumber)
		return;
	remember_right_end(index->rel);
	msgext_new_pages_ensure(index->rel, BLCKSZ / 2, &index->spare);
}

bool
msgext_indexes_add(MsgIndexes *indexes, ItemPointer tid, const Datum *values,
				   const bool *nulls, bool quiet, bool unchanged)
{
	IndexInfo none = {.type = T_IndexInfo};
	bool many = ++indexes->nadded % MANY == 0;
	bool unique = true;
	int i;

	Assert(indexes->list != NULL && indexes->plain);
	for (i = 0; i < indexes->n; i++)
	{
		MsgIndex *index = &indexes->list[i];
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
		if (many && index->rel->rd_rel->relam == BTREE_AM_OID)
			expect_more(index);
		if (form->indisunique)
			check = quiet ? UNIQUE_CHECK_PARTIAL : UNIQUE_CHECK_YES;
		unique &= index_insert(index->rel, keys, absent, tid, indexes->table, check,
							   unchanged, info_of(indexes, index, &none)) ||
				  check != UNIQUE_CHECK_PARTIAL;
	}
	return unique;
}

void
msgext_indexes_execute(MsgIndexes *indexes, TupleTableSlot *row, bool update,
					   MsgUpdateIndexes which)
{
	Self self = enter_executor(indexes);

	msgext_insert_index_tuples(indexes->result, row, indexes->estate, update, false, NULL,
							   NIL, which);
	leave_executor(indexes, &self);
}

bool
msgext_indexes_insert_unique(MsgIndexes *indexes, TupleTableSlot *row, Oid arbiter)
{
	List *arbiters = list_make1_oid(arbiter);
	ItemPointerData conflict_tid;
	bool conflict = false;
	uint32 token;
	Self self = enter_executor(indexes);

	if (!msgext_check_index_constraints(indexes->result, row, indexes->estate,
										&conflict_tid, arbiters))
		conflict = true;
	else
	{
		/* As INSERT ... ON CONFLICT does it: of two that race, one gives way. */
		token = SpeculativeInsertionLockAcquire(GetCurrentTransactionId());
		table_tuple_insert_speculative(indexes->table, row, GetCurrentCommandId(true), 0,
									   NULL, token);
		msgext_insert_index_tuples(indexes->result, row, indexes->estate, false, true,
								   &conflict, arbiters, MSG_UPDATE_ALL_INDEXES);
		table_tuple_complete_speculative(indexes->table, row, token, !conflict);
		SpeculativeInsertionLockRelease(GetCurrentTransactionId());
	}
	leave_executor(indexes, &self);
	list_free(arbiters);
	return !conflict;
}

void
msgext_indexes_check_row(MsgIndexes *indexes, TupleTableSlot *row)
{
#ifdef USE_ASSERT_CHECKING
	Self self;

	if (indexes->table->rd_att->constr == NULL)
		return;
	self = enter_executor(indexes);
	ExecConstraints(indexes->result, row, indexes->estate);
	leave_executor(indexes, &self);
#endif
}
