/*
 * server_pause.c
 *		Whether a server may be used, and how it has been: see server_pause.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "pg/store/origin.h"
#include "pg/store/server_pause.h"

enum
{
	Anum_server_pause_server = 1,
	Anum_server_pause_paused,
	Anum_server_pause_pause_reason,
	Anum_server_pause_paused_at,
	Anum_server_pause_origin,
	Natts_server_pause = Anum_server_pause_origin
};

enum
{
	Anum_health_server = 1,
	Anum_health_last_error,
	Anum_health_last_error_at,
	Anum_health_last_success_at,
	Anum_health_last_claim_at,
	Anum_health_key_ignored,
	Natts_health = Anum_health_key_ignored
};

static TupleTableSlot *
find(MsgTable *table, const char *index, Snapshot snapshot, const char *server,
	 MsgScan **scan)
{
	ScanKeyData key;

	msgext_key_text(&key, 1, BTEqualStrategyNumber, server);
	*scan = msgext_scan_begin(table, index, snapshot, &key, 1);
	return msgext_scan_next(*scan);
}

void
msgext_server_pause_read(const char *server, MsgPause *pause)
{
	MsgTable *pauses = msgext_table_open("server_pause", Natts_server_pause, false);
	MsgScan *scan;
	TupleTableSlot *slot =
		find(pauses, "server_pause_pkey", GetActiveSnapshot(), server, &scan);
	bool adopted = false;
	bool isnull;
	Datum value;

	pause->paused = false;
	pause->reason = NULL;
	if (slot != NULL)
	{
		pause->paused =
			DatumGetBool(slot_getattr(slot, Anum_server_pause_paused, &isnull));
		value = slot_getattr(slot, Anum_server_pause_pause_reason, &isnull);
		if (pause->paused && !isnull)
			pause->reason = TextDatumGetCString(value);
		value = slot_getattr(slot, Anum_server_pause_origin, &isnull);
		adopted = !isnull && DatumGetInt64(value) == msgext_origin();
	}
	msgext_scan_end(scan);
	msgext_table_close(pauses);
	if (!pause->paused && !adopted && msgext_origin_is_foreign())
	{
		pause->paused = true;
		pause->reason = pstrdup("this database is a restored copy");
	}
}

/* Writes values over the row in slot, or as a new row; false when it is held. */
static bool
put(MsgTable *table, TupleTableSlot *slot, Datum *values, bool *nulls, bool wait)
{
	ItemPointerData tid;
	TM_Result result;

	if (slot == NULL)
	{
		msgext_table_insert(table, values, nulls);
		return true;
	}
	tid = slot->tts_tid;
	result = msgext_table_update(
		table, &tid, heap_form_tuple(RelationGetDescr(table->rel), values, nulls), wait);
	return result == TM_Ok;
}

bool
msgext_server_pause_write(const char *server, bool paused, const char *reason, bool wait)
{
	MsgTable *pauses = msgext_table_open("server_pause", Natts_server_pause, true);
	Datum values[Natts_server_pause];
	bool nulls[Natts_server_pause] = {false};
	bool done;

	values[Anum_server_pause_server - 1] = CStringGetTextDatum(server);
	values[Anum_server_pause_paused - 1] = BoolGetDatum(paused);
	nulls[Anum_server_pause_pause_reason - 1] = !paused || reason == NULL;
	if (paused && reason != NULL)
		values[Anum_server_pause_pause_reason - 1] = CStringGetTextDatum(reason);
	nulls[Anum_server_pause_paused_at - 1] = !paused;
	values[Anum_server_pause_paused_at - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
	nulls[Anum_server_pause_origin - 1] = paused;
	values[Anum_server_pause_origin - 1] = Int64GetDatum(msgext_origin());
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
		slot = find(pauses, "server_pause_pkey", &dirty, server, &scan);
		if (slot != NULL)
			writer = TransactionIdIsValid(dirty.xmin) ? dirty.xmin : dirty.xmax;
		done = !TransactionIdIsValid(writer);
		if (done && slot == NULL)
			done = msgext_table_insert_unique(pauses, "server_pause_pkey", values, nulls);
		else if (done)
			done = put(pauses, slot, values, nulls, wait);
		msgext_scan_end(scan);
		if (!done && wait && TransactionIdIsValid(writer))
			XactLockTableWait(writer, NULL, NULL, XLTW_None);
	} while (!done && wait);
	msgext_table_close(pauses);
	return done;
}

void
msgext_health_load(const char *server, MsgHealth *health)
{
	MsgTable *table = msgext_table_open("health", Natts_health, false);
	MsgScan *scan;
	TupleTableSlot *slot = find(table, "health_pkey", GetActiveSnapshot(), server, &scan);
	Datum value;
	bool isnull;

	memset(health, 0, sizeof(*health));
	if (slot != NULL)
	{
		value = slot_getattr(slot, Anum_health_last_error, &isnull);
		if (!isnull)
			strlcpy(health->last_error, TextDatumGetCString(value),
					sizeof(health->last_error));
		value = slot_getattr(slot, Anum_health_last_error_at, &isnull);
		health->last_error_at = isnull ? 0 : DatumGetTimestampTz(value);
		value = slot_getattr(slot, Anum_health_last_success_at, &isnull);
		health->last_success_at = isnull ? 0 : DatumGetTimestampTz(value);
		value = slot_getattr(slot, Anum_health_last_claim_at, &isnull);
		health->last_claim_at = isnull ? 0 : DatumGetTimestampTz(value);
		health->key_ignored =
			DatumGetBool(slot_getattr(slot, Anum_health_key_ignored, &isnull));
	}
	msgext_scan_end(scan);
	msgext_table_close(table);
}

void
msgext_health_save(const char *server, MsgHealth *health)
{
	MsgTable *table = msgext_table_open("health", Natts_health, true);
	Datum values[Natts_health];
	bool nulls[Natts_health] = {false};
	MsgScan *scan;
	TupleTableSlot *slot;

	values[Anum_health_server - 1] = CStringGetTextDatum(server);
	nulls[Anum_health_last_error - 1] = health->last_error_at == 0;
	values[Anum_health_last_error - 1] = CStringGetTextDatum(health->last_error);
	nulls[Anum_health_last_error_at - 1] = health->last_error_at == 0;
	values[Anum_health_last_error_at - 1] = TimestampTzGetDatum(health->last_error_at);
	nulls[Anum_health_last_success_at - 1] = health->last_success_at == 0;
	values[Anum_health_last_success_at - 1] =
		TimestampTzGetDatum(health->last_success_at);
	nulls[Anum_health_last_claim_at - 1] = health->last_claim_at == 0;
	values[Anum_health_last_claim_at - 1] = TimestampTzGetDatum(health->last_claim_at);
	values[Anum_health_key_ignored - 1] = BoolGetDatum(health->key_ignored);
	slot = find(table, "health_pkey", GetActiveSnapshot(), server, &scan);
	put(table, slot, values, nulls, true);
	msgext_scan_end(scan);
	msgext_table_close(table);
	health->changed = false;
}
