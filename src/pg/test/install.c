/*
 * install.c
 *		What CREATE EXTENSION msgext_test calls: may this become a test database?
 *
 * Not where messages are on their way: nothing would go on with them, and a test could
 * take one of them for its own.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/snapmgr.h"

#include "pg/store/outbox.h"

static bool
is_unfinished(const MsgRow *row)
{
	return !msgext_state_is_final(row->state) && row->nulls[Anum_outbox_finished_at - 1];
}

PG_FUNCTION_INFO_V1(msgext_test_check_idle);

PGDLLEXPORT Datum
msgext_test_check_idle(PG_FUNCTION_ARGS)
{
	MsgTable *outbox;
	TableScanDesc scan;
	TupleTableSlot *slot;
	Snapshot snapshot;
	int64 n = 0;

	if (!creating_extension)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("only CREATE EXTENSION may call this function")));
	outbox = msgext_outbox_open(false);

	/* Whoever queues or sends just now is waited for; whoever comes later waits. */
	LockRelation(outbox->rel, ShareLock);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan = table_beginscan(outbox->rel, snapshot, 0, NULL);
	slot = table_slot_create(outbox->rel, NULL);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		MsgRow row;

		msgext_outbox_read(outbox, slot, &row);
		n += is_unfinished(&row);
		heap_freetuple(row.tuple);
		CHECK_FOR_INTERRUPTS();
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	msgext_table_close(outbox);
	if (n > 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("this database has messages on their way"),
			 errdetail_plural(INT64_FORMAT " message has not come to its end.",
							  INT64_FORMAT " messages have not come to their end.", n, n),
			 errhint("Extension msgext_test is for databases of their own, in which "
					 "nothing is sent.")));
	PG_RETURN_VOID();
}
