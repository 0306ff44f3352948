/*
 * journal.c
 *		Every simulated request and its answer: see journal.h.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "pg/store/relation.h"
#include "pg/store/table.h"
#include "pg/test/case.h"
#include "pg/test/journal.h"
#include "pg/test/preview.h"

/* clang-format off */
#define ATTEMPT_COLUMNS(C) \
	C(attempt, case_number) C(attempt, position) C(attempt, n) C(attempt, message_id) \
	C(attempt, kind) C(attempt, attempt) C(attempt, at) C(attempt, server_oid) \
	C(attempt, server) C(attempt, limit_key) C(attempt, number) C(attempt, taken) \
	C(attempt, answer) C(attempt, method) C(attempt, url) C(attempt, headers) \
	C(attempt, body) C(attempt, status) C(attempt, reply) C(attempt, state)
/* clang-format on */
MSG_COLUMN_NUMBERS(attempt, ATTEMPT_COLUMNS);
MSG_LAYOUT_IN(MSG_IN_TEST, attempt, ATTEMPT_COLUMNS);

static int64
number_of(TupleTableSlot *slot)
{
	bool isnull;
	Datum value = slot_getattr(slot, Anum_attempt_number, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

static MsgJournalEntry *
read_entry(TupleTableSlot *slot)
{
	MsgJournalEntry *entry = palloc0(sizeof(MsgJournalEntry));

	entry->message = msgext_column_int64(slot, Anum_attempt_message_id);
	entry->kind = msgext_column_text(slot, Anum_attempt_kind);
	entry->at = msgext_column_time(slot, Anum_attempt_at);
	entry->server_oid = msgext_column_oid(slot, Anum_attempt_server_oid);
	entry->limit_key = msgext_column_text(slot, Anum_attempt_limit_key);
	entry->number = number_of(slot);
	entry->taken = msgext_column_bool(slot, Anum_attempt_taken);
	return entry;
}

List *
msgext_journal_read(int64 number, int64 *highest)
{
	MsgTable *table = msgext_table_open(&attempt_layout, false);
	List *entries = NIL;
	TupleTableSlot *slot;
	ScanKeyData key;
	MsgScan *scan;

	/* What tests have committed and nobody has reset counts for the numbers alone. */
	*highest = 0;
	msgext_key_int64(&key, 1, BTGreaterStrategyNumber, 0);
	scan = msgext_table_scan(table, MSG_IN_TEST "attempt_pkey", GetActiveSnapshot(), &key,
							 1);
	while ((slot = msgext_scan_next(scan)) != NULL)
	{
		*highest = Max(*highest, number_of(slot));
		if (msgext_column_int64(slot, Anum_attempt_case_number) == number)
			entries = lappend(entries, read_entry(slot));
		CHECK_FOR_INTERRUPTS();
	}
	msgext_scan_end(scan);
	msgext_table_close(table);
	return entries;
}

static void
write_entry(MsgTable *table, int64 number, int position, const MsgJournalEntry *entry)
{
	MsgValues row;

	msgext_values_init(&row);
	msgext_values_int64(&row, Anum_attempt_case_number, number);
	msgext_values_int32(&row, Anum_attempt_position, position);
	msgext_values_int32(&row, Anum_attempt_n, entry->n);
	msgext_values_int64(&row, Anum_attempt_message_id, entry->message);
	msgext_values_text(&row, Anum_attempt_kind, entry->kind);
	if (entry->attempt != 0)
		msgext_values_int32(&row, Anum_attempt_attempt, entry->attempt);
	msgext_values_time(&row, Anum_attempt_at, entry->at);
	msgext_values_oid(&row, Anum_attempt_server_oid, entry->server_oid);
	msgext_values_text(&row, Anum_attempt_server, entry->server);
	msgext_values_text(&row, Anum_attempt_limit_key, entry->limit_key);
	if (entry->number != 0)
		msgext_values_int64(&row, Anum_attempt_number, entry->number);
	msgext_values_bool(&row, Anum_attempt_taken, entry->taken);
	msgext_values_text(&row, Anum_attempt_answer, entry->answer);
	msgext_values_text(&row, Anum_attempt_method, entry->method);
	msgext_values_text(&row, Anum_attempt_url, entry->url);
	if (entry->headers != NULL)
		msgext_values_set(&row, Anum_attempt_headers, JsonbPGetDatum(entry->headers));
	if (entry->body != NULL)
		msgext_values_bytes(&row, Anum_attempt_body, entry->body, entry->body_len);
	if (entry->status != 0)
		msgext_values_int32(&row, Anum_attempt_status, entry->status);
	if (entry->reply != NULL)
		msgext_values_bytes(&row, Anum_attempt_reply, entry->reply, entry->reply_len);
	msgext_values_text(&row, Anum_attempt_state, entry->state);
	msgext_table_insert(table, row.values, row.nulls);
}

void
msgext_journal_write(int64 number, int behind, List *entries)
{
	MsgTable *table = msgext_table_open(&attempt_layout, true);
	ListCell *cell;

	foreach (cell, entries)
		write_entry(table, number, behind + foreach_current_index(cell) + 1,
					lfirst(cell));
	msgext_table_close(table);
}

PG_FUNCTION_INFO_V1(msgext_test_number);

/* Under the view attempts: which case this is. */
PGDLLEXPORT Datum
msgext_test_number(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(msgext_case()->number);
}

PG_FUNCTION_INFO_V1(msgext_test_text);

PGDLLEXPORT Datum
msgext_test_text(PG_FUNCTION_ARGS)
{
	bytea *bytes = PG_GETARG_BYTEA_PP(0);
	char *text = msgext_preview_text(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));

	if (text == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(text));
}
