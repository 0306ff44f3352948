/*
 * event_id.c
 *		Ids of events: see event_id.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/itup.h"
#include "access/relation.h"
#include "access/transam.h"
#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "pg/base/run_as.h"
#include "pg/store/event_id.h"
#include "pg/store/relation.h"
#include "pg/store/sequence.h"

#define EVENT_IDS "event_id_seq"

int64
msgext_event_last_id(void)
{
	return msgext_sequence_last(EVENT_IDS);
}

/* The highest id in the table from this one on, whoever wrote it, or 0. */
static int64
highest_from(MsgTable *events, int64 id)
{
	int64 highest = 0;
	ScanKeyData key;
	IndexTuple entry;
	MsgScan *scan;

	msgext_key_int64(&key, 1, BTGreaterEqualStrategyNumber, id);
	scan = msgext_table_entries(events, "event_id", GetActiveSnapshot(), &key, 1);
	if ((entry = msgext_scan_last_entry(scan)) != NULL)
	{
		bool isnull;

		highest = DatumGetInt64(
			index_getattr(entry, 1, RelationGetDescr(scan->index), &isnull));
	}
	msgext_scan_end(scan);
	return highest;
}

/* As its owner, whose alone it is to set it: the current user may be anybody. */
static void
set_sequence(int64 id)
{
	Relation rel = relation_open(msgext_relation_oid(EVENT_IDS), AccessShareLock);
	MsgRunAs self = msgext_run_as(rel->rd_rel->relowner);

	(void) DirectFunctionCall2(setval_oid, ObjectIdGetDatum(RelationGetRelid(rel)),
							   Int64GetDatum(id));
	msgext_run_as_end(&self);
	relation_close(rel, NoLock);
}

/* One session after the other: the next finds it done. */
void
msgext_event_ids_reach(int64 id)
{
	LOCKTAG tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, msgext_relation_oid(EVENT_IDS), 0, 0);
	LockAcquire(&tag, ExclusiveLock, false, false);
	if (id > msgext_event_last_id())
	{
		set_sequence(id);
		ereport(LOG, (errmsg("sequence msgext.event_id_seq had been set back, and is "
							 "at " INT64_FORMAT " again",
							 id)));
	}
	LockRelease(&tag, ExclusiveLock, false);
}

int64
msgext_event_next_id(MsgTable *events)
{
	static FullTransactionId checked = {0};
	static int64 last = 0;
	FullTransactionId now = GetTopFullTransactionId();
	int64 id = msgext_sequence_take(EVENT_IDS);
	int64 highest;

	/* A look into the index is little, but not nothing: once a transaction is enough. */
	if (!FullTransactionIdEquals(now, checked) || id <= last)
		while ((highest = highest_from(events, id)) != 0)
		{
			msgext_event_ids_reach(highest);
			id = msgext_sequence_take(EVENT_IDS);
		}
	checked = now;
	last = id;
	return id;
}
