/*
 * index_entries.c
 *		How entries are written into the indexes of a table: see index_entries.h.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/inval.h"

#include "pg/store/index_entries.h"

#define KNOWN_MAX 32

/* What has been found out about indexes, until a relation changes. */
static MsgIndex known[KNOWN_MAX];
static int nknown = 0;

static void
forget(Datum arg, Oid relation)
{
	nknown = 0;
}

/* Who we were before we became the owner of a table. */
typedef struct Self
{
	Oid user;
	int security;
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

	GetUserIdAndSecContext(&self.user, &self.security);
	SetUserIdAndSecContext(table->rd_rel->relowner,
						   self.security | SECURITY_RESTRICTED_OPERATION);
	self.settings = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return self;
}

static void
become_self(const Self *self)
{
	AtEOXact_GUC(false, self->settings);
	SetUserIdAndSecContext(self->user, self->security);
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

static void
look_up(Relation table, MsgIndex *index, Oid oid)
{
	static bool registered = false;
	int i;

	if (!registered)
		CacheRegisterRelcacheCallback(forget, (Datum) 0);
	registered = true;
	for (i = 0; i < nknown; i++)
	{
		if (known[i].oid == oid)
		{
			*index = known[i];
			return;
		}
	}
	memset(index, 0, sizeof(*index));
	index->oid = oid;
	find_out(table, index);
	if (nknown < KNOWN_MAX)
	{
		known[nknown] = *index;
		known[nknown++].rel = NULL;
	}
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
	List *oids;
	ListCell *cell;

	if (indexes->list != NULL)
		return;
	Assert(CheckRelationLockedByMe(indexes->table, RowExclusiveLock, true));
	oids = RelationGetIndexList(indexes->table);
	indexes->list =
		MemoryContextAlloc(indexes->context, sizeof(MsgIndex) * (list_length(oids) + 1));
	indexes->plain = indexes->table->rd_tableam == GetHeapamTableAmRoutine();
	foreach (cell, oids)
	{
		MsgIndex *index = &indexes->list[indexes->n];

		look_up(indexes->table, index, lfirst_oid(cell));
		indexes->n++;
		indexes->plain &= index->plain;
	}
	list_free(oids);
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

bool
msgext_indexes_add(MsgIndexes *indexes, ItemPointer tid, const Datum *values,
				   const bool *nulls, bool quiet, bool unchanged)
{
	IndexInfo none = {.type = T_IndexInfo};
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
