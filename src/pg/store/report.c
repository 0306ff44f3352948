/*
 * report.c
 *		Reports pushed by providers: see report.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "pg/base/clock.h"
#include "pg/base/digest.h"
#include "pg/base/text.h"
#include "pg/store/report.h"

MSG_LAYOUT(callback, CALLBACK_COLUMNS);

MsgTable *
msgext_report_open(void)
{
	return msgext_table_open(&callback_layout, true);
}

MsgTable *
msgext_report_open_read(void)
{
	return msgext_table_open(&callback_layout, false);
}

TimestampTz
msgext_report_received_at(TupleTableSlot *row)
{
	return msgext_column_time(row, Anum_callback_received_at);
}

bytea *
msgext_report_digest(const MsgEvent *report)
{
	pg_cryptohash_ctx *digest = msgext_digest_begin();
	char *status = pstrdup(report->status != NULL ? report->status : "");
	char at[32];
	char *c;

	for (c = status; *c != '\0'; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	snprintf(at, sizeof(at), INT64_FORMAT, (int64) report->at_us);
	msgext_digest_add_text(digest, report->provider_id);
	msgext_digest_add_text(digest, report->channel);
	msgext_digest_add_text(digest, status);
	msgext_digest_add_text(digest, at);
	msgext_digest_add_text(digest, report->code);
	return msgext_digest_end(digest);
}

bytea *
msgext_report_digest_of_rest(int64 message)
{
	pg_cryptohash_ctx *digest = msgext_digest_begin();

	msgext_digest_add_text(digest, "rest");
	msgext_digest_add_text(digest, psprintf(INT64_FORMAT, message));
	return msgext_digest_end(digest);
}

/* Of the row of that digest, or of none. */
static MsgScan *
begin_scan(MsgTable *reports, Oid server, bytea *digest, Snapshot snapshot)
{
	ScanKeyData keys[2];

	msgext_key_oid(&keys[0], 1, BTEqualStrategyNumber, server);
	msgext_key_bytes(&keys[1], 2, BTEqualStrategyNumber, digest);
	return msgext_table_scan(reports, "callback_pkey", snapshot, keys, 2);
}

int32
msgext_report_repeats(MsgTable *reports, HeapTuple row)
{
	bool isnull;

	return DatumGetInt32(heap_getattr(row, Anum_callback_repeats,
									  RelationGetDescr(reports->rel), &isnull));
}

TM_Result
msgext_report_update(MsgTable *reports, HeapTuple row, int64 message, int32 more,
					 bool wait)
{
	TupleDesc desc = RelationGetDescr(reports->rel);
	int columns[] = {Anum_callback_repeats, Anum_callback_message_id};
	Datum values[] = {Int32GetDatum(msgext_report_repeats(reports, row) + more),
					  Int64GetDatum(message)};
	bool nulls[] = {false, message == 0};
	TM_Result result = msgext_table_update(
		reports, &row->t_self,
		heap_modify_tuple_by_cols(row, desc, lengthof(columns), columns, values, nulls),
		wait);

	/* What follows in this transaction goes on from here. */
	CommandCounterIncrement();
	return result;
}

bool
msgext_report_repeat(MsgTable *reports, Oid server, bytea *digest, int32 times)
{
	Snapshot latest = RegisterSnapshot(GetLatestSnapshot());
	MsgScan *scan = begin_scan(reports, server, digest, latest);
	TupleTableSlot *slot = msgext_scan_next(scan);
	int64 message = 0;

	if (slot != NULL)
	{
		message = msgext_column_int64(slot, Anum_callback_message_id);

		/* A count that another session is raising just now may miss this one. */
		msgext_report_update(reports, ExecCopySlotHeapTuple(slot), message, times, false);
	}
	msgext_scan_end(scan);
	UnregisterSnapshot(latest);
	return message != 0;
}

void
msgext_report_remove(MsgTable *reports, Oid server, bytea *digest)
{
	Snapshot latest = RegisterSnapshot(GetLatestSnapshot());

	msgext_table_delete_all(reports, begin_scan(reports, server, digest, latest), true);
	UnregisterSnapshot(latest);
	CommandCounterIncrement();
}

bool
msgext_report_add(MsgTable *reports, Oid server, bytea *digest, const MsgEvent *report,
				  int64 message, const char *error)
{
	const char *id = report->provider_id;
	MsgValues row;

	msgext_values_init(&row);
	msgext_values_oid(&row, Anum_callback_server_oid, server);
	msgext_values_set(&row, Anum_callback_digest, PointerGetDatum(digest));
	msgext_values_text(&row, Anum_callback_provider_id,
					   id != NULL ? msgext_from_utf8(id) : NULL);
	msgext_values_time(&row, Anum_callback_received_at, msgext_clock());
	if (message != 0)
		msgext_values_int64(&row, Anum_callback_message_id, message);
	msgext_values_int32(&row, Anum_callback_repeats, 0);
	msgext_values_bytes(&row, Anum_callback_report, report->raw, report->raw_len);
	msgext_values_text(&row, Anum_callback_error, error);
	if (!msgext_table_insert_unique(reports, "callback_pkey", row.values, row.nulls))
		return false;
	CommandCounterIncrement();
	return true;
}

bool
msgext_report_is_kept(MsgTable *reports, Oid server, bytea *digest)
{
	Snapshot latest = RegisterSnapshot(GetLatestSnapshot());
	MsgScan *scan = begin_scan(reports, server, digest, latest);
	bool found = msgext_scan_next(scan) != NULL;

	msgext_scan_end(scan);
	UnregisterSnapshot(latest);
	return found;
}

void
msgext_report_move(Oid from, Oid to)
{
	MsgTable *reports = msgext_report_open();
	Snapshot latest;
	MsgScan *scan;
	ScanKeyData key;
	TupleTableSlot *slot;
	bool isnull;

	/* What the same statement has moved before, from another oid, is there too. */
	CommandCounterIncrement();
	latest = RegisterSnapshot(GetLatestSnapshot());
	msgext_key_oid(&key, 1, BTEqualStrategyNumber, from);
	scan = msgext_table_scan(reports, "callback_pkey", latest, &key, 1);
	while ((slot = msgext_scan_next(scan)) != NULL)
	{
		bytea *digest =
			DatumGetByteaPP(slot_getattr(slot, Anum_callback_digest, &isnull));
		MsgScan *other = begin_scan(reports, to, digest, latest);
		bool there = msgext_scan_next(other) != NULL;

		msgext_scan_end(other);
		if (there)
			msgext_table_delete(reports, &slot->tts_tid, true);
		else
			msgext_table_set_oid(reports, slot, Anum_callback_server_oid, to);
		CHECK_FOR_INTERRUPTS();
	}
	msgext_scan_end(scan);
	UnregisterSnapshot(latest);
	msgext_table_close(reports);
}
