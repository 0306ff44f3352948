/*
 * account_pause.c
 *		Accounts that may not be used: see account_pause.h.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "pg/store/account_pause.h"

enum
{
	Anum_account_pause_server_oid = 1,
	Anum_account_pause_mapping_oid,
	Anum_account_pause_paused_at,
	Anum_account_pause_reason,
	Natts_account_pause = Anum_account_pause_reason
};

static MsgTable *
open_table(bool writable)
{
	return msgext_table_open("account_pause", Natts_account_pause, writable);
}

/* All of the server, or the one of the mapping. */
static MsgScan *
begin_scan(MsgTable *pauses, Snapshot snapshot, Oid server, Oid mapping)
{
	ScanKeyData keys[2];

	msgext_key_oid(&keys[0], 1, BTEqualStrategyNumber, server);
	msgext_key_oid(&keys[1], 2, BTEqualStrategyNumber, mapping);
	return msgext_scan_begin(pauses, "account_pause_pkey", snapshot, keys,
							 OidIsValid(mapping) ? 2 : 1);
}

void
msgext_account_pause_read(Oid server, Oid mapping, MsgPause *pause)
{
	MsgTable *pauses = open_table(false);
	MsgScan *scan = begin_scan(pauses, GetActiveSnapshot(), server, mapping);
	TupleTableSlot *slot = OidIsValid(mapping) ? msgext_scan_next(scan) : NULL;
	bool isnull = true;
	Datum reason = (Datum) 0;

	if (slot != NULL)
		reason = slot_getattr(slot, Anum_account_pause_reason, &isnull);
	pause->paused = slot != NULL;
	pause->reason = isnull ? NULL : TextDatumGetCString(reason);
	msgext_scan_end(scan);
	msgext_table_close(pauses);
}

bool
msgext_account_pause_write(Oid server, Oid mapping, const char *reason)
{
	MsgTable *pauses = open_table(true);
	Datum values[Natts_account_pause] = {0};
	bool nulls[Natts_account_pause] = {false};
	SnapshotData dirty;
	MsgScan *scan;
	bool known;
	bool held;

	/* Somebody may be releasing it in a transaction that has not ended. */
	InitDirtySnapshot(dirty);
	scan = begin_scan(pauses, &dirty, server, mapping);
	known = msgext_scan_next(scan) != NULL;
	held =
		known && (TransactionIdIsValid(dirty.xmin) || TransactionIdIsValid(dirty.xmax));
	msgext_scan_end(scan);
	if (!known)
	{
		values[Anum_account_pause_server_oid - 1] = ObjectIdGetDatum(server);
		values[Anum_account_pause_mapping_oid - 1] = ObjectIdGetDatum(mapping);
		values[Anum_account_pause_paused_at - 1] =
			TimestampTzGetDatum(GetCurrentTimestamp());
		nulls[Anum_account_pause_reason - 1] = reason == NULL;
		if (reason != NULL)
			values[Anum_account_pause_reason - 1] = CStringGetTextDatum(reason);
		msgext_table_insert(pauses, values, nulls);
	}
	msgext_table_close(pauses);
	return !held;
}

void
msgext_account_pause_clear(Oid server)
{
	MsgTable *pauses = open_table(true);
	Snapshot latest = RegisterSnapshot(GetLatestSnapshot());
	MsgScan *scan = begin_scan(pauses, latest, server, InvalidOid);
	TupleTableSlot *slot;

	while ((slot = msgext_scan_next(scan)) != NULL)
	{
		ItemPointerData tid = slot->tts_tid;

		msgext_table_delete(pauses, &tid, true);
	}
	msgext_scan_end(scan);
	UnregisterSnapshot(latest);
	msgext_table_close(pauses);
}

List *
msgext_account_pause_list(Oid server)
{
	MsgTable *pauses = open_table(false);
	MsgScan *scan = begin_scan(pauses, GetActiveSnapshot(), server, InvalidOid);
	TupleTableSlot *slot;
	List *mappings = NIL;
	bool isnull;

	while ((slot = msgext_scan_next(scan)) != NULL)
		mappings =
			lappend_oid(mappings, DatumGetObjectId(slot_getattr(
									  slot, Anum_account_pause_mapping_oid, &isnull)));
	msgext_scan_end(scan);
	msgext_table_close(pauses);
	return mappings;
}
