/*
 * statistic.c
 *		What has been counted of a server: see statistic.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/snapmgr.h"

#include "pg/base/clock.h"
#include "pg/store/statistic.h"
#include "pg/store/table.h"

/* clang-format off */
#define STATISTIC_COLUMNS(C) \
	C(statistic, server_oid) \
	C(statistic, queued) C(statistic, accepted) C(statistic, sent) \
	C(statistic, delivered) C(statistic, read) C(statistic, undelivered) \
	C(statistic, rejected) C(statistic, failed) C(statistic, expired) \
	C(statistic, unknown) C(statistic, cancelled) C(statistic, retried) \
	C(statistic, requests) C(statistic, request_errors) C(statistic, polls) \
	C(statistic, logins) C(statistic, bytes_sent) C(statistic, bytes_received) \
	C(statistic, callbacks) C(statistic, callbacks_unmatched) \
	C(statistic, waits_rate) C(statistic, waits_recipient) C(statistic, breaks) \
	C(statistic, request_time) C(statistic, request_time_us) \
	C(statistic, wait_time) C(statistic, wait_time_us) \
	C(statistic, delivery_time) C(statistic, delivery_time_us) \
	C(statistic, reset_at)
/* clang-format on */
MSG_COLUMN_NUMBERS(statistic, STATISTIC_COLUMNS);
MSG_LAYOUT(statistic, STATISTIC_COLUMNS);

StaticAssertDecl(Anum_statistic_breaks == Anum_statistic_queued + MSG_COUNTERS - 1,
				 "columns and counters differ");

/* Where the buckets of a histogram are; their sum is in the column behind. */
static AttrNumber
column_of(int time)
{
	return Anum_statistic_request_time + 2 * time;
}

/* The server's row while the scan is open, or NULL. */
static TupleTableSlot *
find(MsgTable *table, Oid server, Snapshot snapshot, MsgScan **scan)
{
	ScanKeyData key;

	msgext_key_oid(&key, 1, BTEqualStrategyNumber, server);
	*scan = msgext_table_scan(table, "statistic_pkey", snapshot, &key, 1);
	return msgext_scan_next(*scan);
}

/* One of another length was not written by this library: it counts as far as it goes. */
static void
read_buckets(Datum value, int64 *buckets)
{
	ArrayType *array = DatumGetArrayTypeP(value);
	int n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	if (!ARR_HASNULL(array) && ARR_ELEMTYPE(array) == INT8OID)
		memcpy(buckets, ARR_DATA_PTR(array), sizeof(int64) * Min(n, MSG_BUCKETS));
}

static void
read_row(TupleTableSlot *slot, MsgCounts *counts, TimestampTz *reset_at)
{
	int i;

	memset(counts, 0, sizeof(*counts));
	*reset_at = 0;
	if (slot == NULL)
		return;
	slot_getallattrs(slot);
	for (i = 0; i < MSG_COUNTERS; i++)
		counts->n[i] = DatumGetInt64(slot->tts_values[Anum_statistic_queued - 1 + i]);
	for (i = 0; i < MSG_TIMES; i++)
	{
		MsgHistogram *histogram = &counts->times[i];

		read_buckets(slot->tts_values[column_of(i) - 1], histogram->buckets);
		histogram->sum_us = DatumGetInt64(slot->tts_values[column_of(i)]);
	}
	counts->any = true;
	*reset_at = msgext_column_time(slot, Anum_statistic_reset_at);
}

Datum
msgext_statistic_buckets(const MsgHistogram *histogram)
{
	Datum elements[MSG_BUCKETS];
	int i;

	for (i = 0; i < MSG_BUCKETS; i++)
		elements[i] = Int64GetDatum(histogram->buckets[i]);
	return PointerGetDatum(construct_array(elements, MSG_BUCKETS, INT8OID, sizeof(int64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static void
fill_row(MsgValues *row, Oid server, const MsgCounts *counts, TimestampTz reset_at)
{
	int i;

	msgext_values_init(row);
	msgext_values_oid(row, Anum_statistic_server_oid, server);
	for (i = 0; i < MSG_COUNTERS; i++)
		msgext_values_int64(row, Anum_statistic_queued + i, counts->n[i]);
	for (i = 0; i < MSG_TIMES; i++)
	{
		msgext_values_set(row, column_of(i), msgext_statistic_buckets(&counts->times[i]));
		msgext_values_int64(row, column_of(i) + 1, counts->times[i].sum_us);
	}
	msgext_values_time(row, Anum_statistic_reset_at, reset_at);
}

void
msgext_statistic_read(Oid server, MsgCounts *counts, TimestampTz *reset_at)
{
	MsgTable *table = msgext_table_open(&statistic_layout, false);
	MsgScan *scan;

	read_row(find(table, server, GetActiveSnapshot(), &scan), counts, reset_at);
	msgext_scan_end(scan);
	msgext_table_close(table);
}

bool
msgext_statistic_add(Oid server, const MsgCounts *counts)
{
	MsgTable *table = msgext_table_open(&statistic_layout, true);
	TupleTableSlot *slot;
	TimestampTz reset_at;
	MsgCounts total;
	MsgValues row;
	MsgScan *scan;
	bool done;

	slot = find(table, server, GetActiveSnapshot(), &scan);
	read_row(slot, &total, &reset_at);
	msgext_counts_merge(&total, counts);
	fill_row(&row, server, &total, slot != NULL ? reset_at : msgext_clock());
	done = msgext_table_put(table, slot, row.values, row.nulls, false);
	msgext_scan_end(scan);
	msgext_table_close(table);
	return done;
}

void
msgext_statistic_reset(Oid server)
{
	MsgTable *table = msgext_table_open(&statistic_layout, true);
	MsgCounts zero = {0};
	MsgValues row;
	bool done;

	fill_row(&row, server, &zero, msgext_clock());
	do
	{
		TupleTableSlot *slot;
		Snapshot latest;
		MsgScan *scan;

		/* What this very statement has written counts too. */
		CommandCounterIncrement();
		CHECK_FOR_INTERRUPTS();
		latest = RegisterSnapshot(GetLatestSnapshot());
		slot = find(table, server, latest, &scan);
		done = slot == NULL || msgext_table_put(table, slot, row.values, row.nulls, true);
		msgext_scan_end(scan);
		UnregisterSnapshot(latest);
	} while (!done);
	CommandCounterIncrement();
	msgext_table_close(table);
}
