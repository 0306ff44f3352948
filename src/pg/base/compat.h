/*
 * compat.h
 *		What differs between the supported major versions of PostgreSQL, in one place.
 *
 * Holds macros and inline functions only. No other file tests PG_VERSION_NUM.
 */
#ifndef MSGEXT_COMPAT_H
#define MSGEXT_COMPAT_H

#include "postgres.h"

#include "access/genam.h"
#include "access/tableam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_proc.h"
#include "executor/executor.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/resowner.h"
#include "utils/timeout.h"
#include "utils/wait_event.h"

#if PG_VERSION_NUM >= 160000
#include "varatt.h"

/* ExtendBufferedRelBy() */
#define MSG_EXTENDS_BY_MANY
#endif

#if PG_VERSION_NUM >= 180000
#include "rewrite/rewriteHandler.h"
#include "storage/waiteventset.h"
#define msgext_index_beginscan(heap, index, snapshot, nkeys)                             \
	index_beginscan((heap), (index), (snapshot), NULL, (nkeys), 0)
#define msgext_check_index_constraints(result, slot, estate, conflict, arbiters)         \
	ExecCheckIndexConstraints((result), (slot), (estate), (conflict), NULL, (arbiters))
#else
#define msgext_index_beginscan(heap, index, snapshot, nkeys)                             \
	index_beginscan((heap), (index), (snapshot), (nkeys), 0)
#define msgext_check_index_constraints(result, slot, estate, conflict, arbiters)         \
	ExecCheckIndexConstraints((result), (slot), (estate), (conflict), (arbiters))
#endif

/* Whose sequence a record of the WAL is about, which its row follows. */
#if PG_VERSION_NUM >= 160000
#define MSG_SEQUENCE_RECORD(rel)                                                         \
	{                                                                                    \
		.locator = (rel)->rd_locator                                                     \
	}
#else
#define MSG_SEQUENCE_RECORD(rel)                                                         \
	{                                                                                    \
		.node = (rel)->rd_node                                                           \
	}
#endif

/* The last leaf of a B-tree, pinned and locked for reading; InvalidBuffer: it has none. */
#if PG_VERSION_NUM >= 170000
#define msgext_btree_right_end(index) _bt_get_endpoint((index), 0, true)
#else
#define msgext_btree_right_end(index) _bt_get_endpoint((index), 0, true, NULL)
#endif

#if PG_VERSION_NUM >= 180000
#define MSG_EXECUTOR_RUN_PARAMETERS                                                      \
	QueryDesc *query, ScanDirection direction, uint64 count
#define MSG_EXECUTOR_RUN_ARGUMENTS query, direction, count
#else
#define MSG_EXECUTOR_RUN_PARAMETERS                                                      \
	QueryDesc *query, ScanDirection direction, uint64 count, bool once
#define MSG_EXECUTOR_RUN_ARGUMENTS query, direction, count, once
#endif

/* Has the table columns that are computed when a row is read? */
static inline bool
msgext_has_virtual_columns(TupleDesc desc)
{
#if PG_VERSION_NUM >= 180000
	return desc->constr != NULL && desc->constr->has_generated_virtual;
#else
	return false;
#endif
}

/* What such a column is, numbered from 1; NULL where it is none. */
static inline Node *
msgext_virtual_column(Relation rel, int column)
{
#if PG_VERSION_NUM >= 180000
	if (TupleDescAttr(RelationGetDescr(rel), column - 1)->attgenerated ==
		ATTRIBUTE_GENERATED_VIRTUAL)
		return build_generation_expression(rel, column);
#endif
	return NULL;
}

/* Of that mode, or a stronger one where the major can tell. */
static inline bool
msgext_lock_held_by_me(const LOCKTAG *tag, LOCKMODE mode)
{
#if PG_VERSION_NUM >= 170000
	return LockHeldByMe(tag, mode, true);
#else
	return LockHeldByMe(tag, mode);
#endif
}

/*
 * The number of a wait event of ours, kept in *event, where the major has them; 0 there
 * before the first call in a process.
 */
static inline uint32
msgext_wait_event(uint32 *event, const char *name)
{
#if PG_VERSION_NUM >= 170000
	if (*event == 0)
		*event = WaitEventExtensionNew(name);
#else
	*event = PG_WAIT_EXTENSION;
#endif
	return *event;
}

/* Of the transaction that has begun, where the major has such a limit. */
static inline void
msgext_disable_transaction_timeout(void)
{
#if PG_VERSION_NUM >= 170000
	disable_timeout(TRANSACTION_TIMEOUT, false);
#endif
}

/* Memory that a setting's check hook hands over. */
static inline void *
msgext_guc_malloc(size_t size)
{
#if PG_VERSION_NUM >= 160000
	return guc_malloc(LOG, size);
#else
	return malloc(size);
#endif
}

/* A setting's text, which its check hook replaces. */
static inline void
msgext_guc_free(void *memory)
{
#if PG_VERSION_NUM >= 160000
	guc_free(memory);
#else
	free(memory);
#endif
}

#if PG_VERSION_NUM >= 170000
#define MSG_MY_PROC_NUMBER MyProcNumber
#else
#define MSG_MY_PROC_NUMBER (MyProc->pgprocno)
#endif

/* One that outlives transactions: no resource owner, session memory. Its maker frees it. */
static inline WaitEventSet *
msgext_wait_event_set_create(int nevents)
{
#if PG_VERSION_NUM >= 170000
	return CreateWaitEventSet(NULL, nevents);
#else
	return CreateWaitEventSet(TopMemoryContext, nevents);
#endif
}

#if PG_VERSION_NUM >= 160000
typedef TU_UpdateIndexes MsgUpdateIndexes;
#define msgext_insert_index_tuples(result, slot, estate, update, speculative, conflict,  \
								   arbiters, which)                                      \
	ExecInsertIndexTuples((result), (slot), (estate), (update), (speculative),           \
						  (conflict), (arbiters), (which) == TU_Summarizing)
#define MSG_UPDATE_ALL_INDEXES TU_All
#define MSG_UPDATE_NO_INDEXES TU_None

static inline AclResult
msgext_server_aclcheck(Oid server, Oid role, AclMode mode)
{
	return object_aclcheck(ForeignServerRelationId, server, role, mode);
}

static inline AclResult
msgext_function_aclcheck(Oid function, Oid role, AclMode mode)
{
	return object_aclcheck(ProcedureRelationId, function, role, mode);
}

static inline AclResult
msgext_database_aclcheck(Oid database, Oid role, AclMode mode)
{
	return object_aclcheck(DatabaseRelationId, database, role, mode);
}

static inline bool
msgext_may_set_role(Oid login, Oid role)
{
	return member_can_set_role(login, role);
}

static inline bool
msgext_server_ownercheck(Oid server, Oid role)
{
	return object_ownercheck(ForeignServerRelationId, server, role);
}

static inline bool
msgext_relation_ownercheck(Oid relation, Oid role)
{
	return object_ownercheck(RelationRelationId, relation, role);
}
#else
typedef bool MsgUpdateIndexes;
#define msgext_insert_index_tuples(result, slot, estate, update, speculative, conflict,  \
								   arbiters, which)                                      \
	ExecInsertIndexTuples((result), (slot), (estate), (update), (speculative),           \
						  (conflict), (arbiters))
#define MSG_UPDATE_ALL_INDEXES true
#define MSG_UPDATE_NO_INDEXES false

static inline AclResult
msgext_server_aclcheck(Oid server, Oid role, AclMode mode)
{
	return pg_foreign_server_aclcheck(server, role, mode);
}

static inline AclResult
msgext_function_aclcheck(Oid function, Oid role, AclMode mode)
{
	return pg_proc_aclcheck(function, role, mode);
}

static inline AclResult
msgext_database_aclcheck(Oid database, Oid role, AclMode mode)
{
	return pg_database_aclcheck(database, role, mode);
}

static inline bool
msgext_may_set_role(Oid login, Oid role)
{
	return is_member_of_role(login, role);
}

static inline bool
msgext_server_ownercheck(Oid server, Oid role)
{
	return pg_foreign_server_ownercheck(server, role);
}

static inline bool
msgext_relation_ownercheck(Oid relation, Oid role)
{
	return pg_class_ownercheck(relation, role);
}
#endif

#endif /* MSGEXT_COMPAT_H */
