/*
 * health.c
 *		How a server has been: see health.h.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "pg/store/health.h"
#include "pg/store/table.h"

/* clang-format off */
#define HEALTH_COLUMNS(C) \
	C(health, server_oid) C(health, last_error) C(health, last_error_at) \
	C(health, last_success_at) C(health, last_claim_at) C(health, key_ignored) \
	C(health, stranded) C(health, broken_at) C(health, probe_at) C(health, probes) \
	C(health, failing_at) C(health, failures)
/* clang-format on */
MSG_COLUMN_NUMBERS(health, HEALTH_COLUMNS);
MSG_LAYOUT(health, HEALTH_COLUMNS);

/* The server's row while the scan is open, or NULL. */
static TupleTableSlot *
find(MsgTable *table, Oid server, MsgScan **scan)
{
	ScanKeyData key;

	msgext_key_oid(&key, 1, BTEqualStrategyNumber, server);
	*scan = msgext_table_scan(table, "health_pkey", GetActiveSnapshot(), &key, 1);
	return msgext_scan_next(*scan);
}

void
msgext_health_load(Oid server, MsgHealth *health)
{
	MsgTable *table = msgext_table_open(&health_layout, false);
	MsgScan *scan;
	TupleTableSlot *slot = find(table, server, &scan);
	Datum value;
	bool isnull;

	memset(health, 0, sizeof(*health));
	if (slot != NULL)
	{
		value = slot_getattr(slot, Anum_health_last_error, &isnull);
		if (!isnull)
			strlcpy(health->last_error, TextDatumGetCString(value),
					sizeof(health->last_error));
		health->last_error_at = msgext_column_time(slot, Anum_health_last_error_at);
		health->last_success_at = msgext_column_time(slot, Anum_health_last_success_at);
		health->last_claim_at = msgext_column_time(slot, Anum_health_last_claim_at);
		health->key_ignored = msgext_column_bool(slot, Anum_health_key_ignored);
		health->stranded = msgext_column_int64(slot, Anum_health_stranded);
		health->failing_at = msgext_column_time(slot, Anum_health_failing_at);
		health->failures = msgext_column_int32(slot, Anum_health_failures);
		health->broken_at = msgext_column_time(slot, Anum_health_broken_at);
		health->probe_at = msgext_column_time(slot, Anum_health_probe_at);
		health->probes = msgext_column_int32(slot, Anum_health_probes);
	}
	msgext_scan_end(scan);
	msgext_table_close(table);
}

void
msgext_health_save(Oid server, MsgHealth *health)
{
	MsgTable *table = msgext_table_open(&health_layout, true);
	MsgValues row;
	MsgScan *scan;

	msgext_values_init(&row);
	msgext_values_oid(&row, Anum_health_server_oid, server);
	if (health->last_error_at != 0)
		msgext_values_text(&row, Anum_health_last_error, health->last_error);
	msgext_values_time(&row, Anum_health_last_error_at, health->last_error_at);
	msgext_values_time(&row, Anum_health_last_success_at, health->last_success_at);
	msgext_values_time(&row, Anum_health_last_claim_at, health->last_claim_at);
	msgext_values_bool(&row, Anum_health_key_ignored, health->key_ignored);
	msgext_values_int64(&row, Anum_health_stranded, health->stranded);
	msgext_values_time(&row, Anum_health_failing_at, health->failing_at);
	msgext_values_int32(&row, Anum_health_failures, health->failures);
	msgext_values_time(&row, Anum_health_broken_at, health->broken_at);
	msgext_values_time(&row, Anum_health_probe_at, health->probe_at);
	msgext_values_int32(&row, Anum_health_probes, health->probes);
	msgext_table_put(table, find(table, server, &scan), row.values, row.nulls, true);
	msgext_scan_end(scan);
	msgext_table_close(table);
	health->changed = false;
}
