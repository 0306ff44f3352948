/*
 * push.c
 *		Pushes that are for the application: see push.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/base/clock.h"
#include "pg/store/push.h"

MSG_LAYOUT(inbox, INBOX_COLUMNS);

MsgTable *
msgext_push_open(void)
{
	return msgext_table_open(&inbox_layout, true);
}

MsgTable *
msgext_push_open_read(void)
{
	return msgext_table_open(&inbox_layout, false);
}

MsgScan *
msgext_push_scan(MsgTable *pushes, Oid server, Snapshot snapshot)
{
	ScanKeyData key;

	msgext_key_oid(&key, 1, BTEqualStrategyNumber, server);
	return msgext_table_scan(pushes, "inbox_open", snapshot, &key, 1);
}

/* Since it was read, this very transaction may be done with it. */
static bool
is_there(MsgTable *pushes, ItemPointer tid)
{
	Snapshot latest = RegisterSnapshot(GetLatestSnapshot());
	bool found = msgext_table_fetch(pushes, tid, latest) != NULL;

	UnregisterSnapshot(latest);
	return found;
}

bool
msgext_push_finish(MsgTable *pushes, TupleTableSlot *slot)
{
	int columns[] = {Anum_inbox_done_at};
	Datum values[] = {TimestampTzGetDatum(msgext_clock())};
	bool nulls[] = {false};
	ItemPointerData tid = slot->tts_tid;
	HeapTuple row = ExecCopySlotHeapTuple(slot);
	HeapTuple done = heap_modify_tuple_by_cols(row, RelationGetDescr(pushes->rel),
											   lengthof(columns), columns, values, nulls);
	bool finished =
		is_there(pushes, &tid) && msgext_table_update(pushes, &tid, done, false) == TM_Ok;

	if (finished)
		CommandCounterIncrement();
	heap_freetuple(done);
	heap_freetuple(row);
	return finished;
}
