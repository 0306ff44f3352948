/*
 * server_pause.c
 *		Whether a server may be used: see server_pause.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "pg/base/clock.h"
#include "pg/base/mode.h"
#include "pg/store/origin.h"
#include "pg/store/server_pause.h"
#include "pg/store/table.h"

/* clang-format off */
#define SERVER_PAUSE_COLUMNS(C) \
	C(server_pause, server_oid) C(server_pause, paused) C(server_pause, pause_reason) \
	C(server_pause, paused_at) C(server_pause, origin) \
	C(server_pause, copied) C(server_pause, resumed_at)
/* clang-format on */
MSG_COLUMN_NUMBERS(server_pause, SERVER_PAUSE_COLUMNS);
MSG_LAYOUT(server_pause, SERVER_PAUSE_COLUMNS);

/* The server's row while the scan is open, or NULL. */
static TupleTableSlot *
find(MsgTable *pauses, Snapshot snapshot, Oid server, MsgScan **scan)
{
	ScanKeyData key;

	msgext_key_oid(&key, 1, BTEqualStrategyNumber, server);
	*scan = msgext_table_scan(pauses, "server_pause_pkey", snapshot, &key, 1);
	return msgext_scan_next(*scan);
}

/* Is it a restored copy, or has it been a test database? */
static void
pause_copy(MsgPause *pause)
{
	MsgOrigins origins;

	msgext_origin_read(&origins);
	if (!origins.foreign && !origins.test)
		return;
	pause->copied = true;
	if (!pause->paused)
		pause->reason = pstrdup(origins.foreign ? "this database is a restored copy"
												: "this was a test database");
	pause->paused = true;
}

void
msgext_server_pause_read(Oid server, MsgPause *pause)
{
	MsgTable *pauses = msgext_table_open(&server_pause_layout, false);
	MsgScan *scan;
	TupleTableSlot *slot = find(pauses, GetActiveSnapshot(), server, &scan);
	bool adopted = false;

	memset(pause, 0, sizeof(*pause));
	if (slot != NULL)
	{
		pause->paused = msgext_column_bool(slot, Anum_server_pause_paused);
		if (pause->paused)
			pause->reason = msgext_column_text(slot, Anum_server_pause_pause_reason);
		adopted = !slot_attisnull(slot, Anum_server_pause_origin) &&
				  msgext_column_int64(slot, Anum_server_pause_origin) == msgext_origin();
		pause->copied =
			pause->paused && msgext_column_bool(slot, Anum_server_pause_copied);
		pause->resumed_at = msgext_column_time(slot, Anum_server_pause_resumed_at);
	}
	msgext_scan_end(scan);
	msgext_table_close(pauses);
	if (!adopted && !msgext_mode_has_test_extension())
		pause_copy(pause);
}

bool
msgext_server_pause_write(Oid server, const MsgPause *pause, bool wait)
{
	MsgTable *pauses = msgext_table_open(&server_pause_layout, true);
	MsgValues row;
	bool done;

	msgext_values_init(&row);
	msgext_values_oid(&row, Anum_server_pause_server_oid, server);
	msgext_values_bool(&row, Anum_server_pause_paused, pause->paused);
	msgext_values_bool(&row, Anum_server_pause_copied, pause->paused && pause->copied);
	if (pause->paused)
	{
		msgext_values_text(&row, Anum_server_pause_pause_reason, pause->reason);
		msgext_values_time(&row, Anum_server_pause_paused_at, msgext_clock());
	}
	else if (!msgext_mode_has_test_extension())
		msgext_values_int64(&row, Anum_server_pause_origin, msgext_origin());
	if (!pause->paused)
		msgext_values_time(&row, Anum_server_pause_resumed_at, msgext_clock());
	do
	{
		TransactionId writer = InvalidTransactionId;
		TupleTableSlot *slot;
		SnapshotData dirty;
		MsgScan *scan;

		/* What this very statement has written counts too. */
		CommandCounterIncrement();
		CHECK_FOR_INTERRUPTS();
		InitDirtySnapshot(dirty);
		slot = find(pauses, &dirty, server, &scan);
		if (slot != NULL)
			writer = TransactionIdIsValid(dirty.xmin) ? dirty.xmin : dirty.xmax;
		done = !TransactionIdIsValid(writer);
		if (done && slot == NULL)
			done = msgext_table_insert_unique(pauses, "server_pause_pkey", row.values,
											  row.nulls);
		else if (done)
			done = msgext_table_put(pauses, slot, row.values, row.nulls, wait);
		msgext_scan_end(scan);
		if (!done && wait && TransactionIdIsValid(writer))
			XactLockTableWait(writer, NULL, NULL, XLTW_None);
	} while (!done && wait);
	msgext_table_close(pauses);
	return done;
}
