/*
 * account_pause.c
 *		Accounts that may not be used: see account_pause.h.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/base/clock.h"
#include "pg/store/account_pause.h"
#include "pg/store/table.h"

/* clang-format off */
#define ACCOUNT_PAUSE_COLUMNS(C) \
	C(account_pause, server_oid) C(account_pause, mapping_oid) \
	C(account_pause, mapping_xid) C(account_pause, paused_at) C(account_pause, reason)
/* clang-format on */
MSG_COLUMN_NUMBERS(account_pause, ACCOUNT_PAUSE_COLUMNS);
MSG_LAYOUT(account_pause, ACCOUNT_PAUSE_COLUMNS);

/* All of the server, or the one of the mapping. */
static MsgScan *
begin_scan(MsgTable *pauses, Snapshot snapshot, Oid server, Oid mapping)
{
	ScanKeyData keys[2];

	msgext_key_oid(&keys[0], 1, BTEqualStrategyNumber, server);
	msgext_key_oid(&keys[1], 2, BTEqualStrategyNumber, mapping);
	return msgext_table_scan(pauses, "account_pause_pkey", snapshot, keys,
							 OidIsValid(mapping) ? 2 : 1);
}

/* The version of the mapping that the row is about. */
static TransactionId
version_of(TupleTableSlot *slot)
{
	bool isnull;

	return DatumGetTransactionId(
		slot_getattr(slot, Anum_account_pause_mapping_xid, &isnull));
}

void
msgext_account_pause_read(Oid server, Oid mapping, TransactionId version, MsgPause *pause)
{
	MsgTable *pauses = msgext_table_open(&account_pause_layout, false);
	MsgScan *scan = begin_scan(pauses, GetActiveSnapshot(), server, mapping);
	TupleTableSlot *slot = OidIsValid(mapping) ? msgext_scan_next(scan) : NULL;

	pause->paused = slot != NULL && version_of(slot) == version;
	pause->reason =
		pause->paused ? msgext_column_text(slot, Anum_account_pause_reason) : NULL;
	msgext_scan_end(scan);
	msgext_table_close(pauses);
}

bool
msgext_account_pause_write(Oid server, Oid mapping, TransactionId version,
						   const char *reason)
{
	MsgTable *pauses = msgext_table_open(&account_pause_layout, true);
	TupleTableSlot *slot;
	SnapshotData dirty;
	MsgValues row;
	MsgScan *scan;
	bool free;

	/* Somebody may be releasing it in a transaction that has not ended. */
	InitDirtySnapshot(dirty);
	scan = begin_scan(pauses, &dirty, server, mapping);
	slot = msgext_scan_next(scan);
	free = slot == NULL ||
		   (!TransactionIdIsValid(dirty.xmin) && !TransactionIdIsValid(dirty.xmax));
	if (free && (slot == NULL || version_of(slot) != version))
	{
		msgext_values_init(&row);
		msgext_values_oid(&row, Anum_account_pause_server_oid, server);
		msgext_values_oid(&row, Anum_account_pause_mapping_oid, mapping);
		msgext_values_set(&row, Anum_account_pause_mapping_xid,
						  TransactionIdGetDatum(version));
		msgext_values_time(&row, Anum_account_pause_paused_at, msgext_clock());
		msgext_values_text(&row, Anum_account_pause_reason, reason);
		free = msgext_table_put(pauses, slot, row.values, row.nulls, false);
	}
	msgext_scan_end(scan);
	msgext_table_close(pauses);
	return free;
}

void
msgext_account_pause_clear(Oid server)
{
	MsgTable *pauses = msgext_table_open(&account_pause_layout, true);
	Snapshot latest = RegisterSnapshot(GetLatestSnapshot());

	msgext_table_delete_all(pauses, begin_scan(pauses, latest, server, InvalidOid), true);
	UnregisterSnapshot(latest);
	msgext_table_close(pauses);
}

List *
msgext_account_pause_list(Oid server)
{
	MsgTable *pauses = msgext_table_open(&account_pause_layout, false);
	MsgScan *scan = begin_scan(pauses, GetActiveSnapshot(), server, InvalidOid);
	TupleTableSlot *slot;
	List *accounts = NIL;

	while ((slot = msgext_scan_next(scan)) != NULL)
	{
		MsgPausedAccount *account = palloc(sizeof(MsgPausedAccount));

		account->mapping = msgext_column_oid(slot, Anum_account_pause_mapping_oid);
		account->version = version_of(slot);
		accounts = lappend(accounts, account);
	}
	msgext_scan_end(scan);
	msgext_table_close(pauses);
	return accounts;
}
