/*
 * forget.c
 *		What reports and pushes say of somebody, removed: see forget.h.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "pg/inbound/forget.h"
#include "pg/store/push.h"
#include "pg/store/report.h"

/* How rows of a table are chosen and emptied. */
typedef struct Blank
{
	AttrNumber server; /* column */
	bool (*chooses)(TupleTableSlot *slot, const MsgMention *mention);
	int ncolumns;
	int columns[3];
	Datum values[3];
	bool nulls[3];
} Blank;

/* Is there anything in it, and him? */
static bool
mentions(TupleTableSlot *slot, AttrNumber column, const MsgMention *mention)
{
	bool isnull;
	Datum value = slot_getattr(slot, column, &isnull);
	bytea *bytes = isnull ? NULL : DatumGetByteaPP(value);

	return bytes != NULL && mention->is_mentioned(mention->arg, VARDATA_ANY(bytes),
												  VARSIZE_ANY_EXHDR(bytes));
}

static bool
mentions_in_json(TupleTableSlot *slot, AttrNumber column, const MsgMention *mention)
{
	bool isnull;
	Datum value = slot_getattr(slot, column, &isnull);
	Jsonb *json = isnull ? NULL : DatumGetJsonbP(value);
	char *text = isnull ? NULL : JsonbToCString(NULL, &json->root, VARSIZE(json));

	return text != NULL && mention->is_mentioned(mention->arg, text, strlen(text));
}

static bool
chooses_report(TupleTableSlot *slot, const MsgMention *mention)
{
	bool isnull;
	Datum message = slot_getattr(slot, Anum_callback_message_id, &isnull);
	Datum report;

	if (isnull)
		return !slot_attisnull(slot, Anum_callback_error) &&
			   mentions(slot, Anum_callback_report, mention);
	report = slot_getattr(slot, Anum_callback_report, &isnull);
	return mention->is_meant(mention->arg, DatumGetInt64(message)) &&
		   toast_raw_datum_size(report) > VARHDRSZ;
}

static bool
chooses_push(TupleTableSlot *slot, const MsgMention *mention)
{
	return !slot_attisnull(slot, Anum_inbox_done_at) &&
		   (mentions_in_json(slot, Anum_inbox_payload, mention) ||
			mentions(slot, Anum_inbox_body, mention) ||
			mentions_in_json(slot, Anum_inbox_headers, mention));
}

static int64
blank_rows(MsgTable *table, Oid server, const MsgMention *mention, const Blank *blank)
{
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "msgext row to be blanked", ALLOCSET_DEFAULT_SIZES);
	MemoryContext before = CurrentMemoryContext;
	TableScanDesc scan = table_beginscan(table->rel, GetActiveSnapshot(), 0, NULL);
	TupleTableSlot *slot = table_slot_create(table->rel, NULL);
	int64 blanked = 0;

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		HeapTuple row;

		CHECK_FOR_INTERRUPTS();
		if (msgext_column_oid(slot, blank->server) != server)
			continue;
		MemoryContextSwitchTo(context);
		if (blank->chooses(slot, mention))
		{
			row = heap_modify_tuple_by_cols(
				ExecCopySlotHeapTuple(slot), RelationGetDescr(table->rel),
				blank->ncolumns, (int *) blank->columns, (Datum *) blank->values,
				(bool *) blank->nulls);
			blanked += msgext_table_update(table, &slot->tts_tid, row, true) == TM_Ok;
		}
		MemoryContextSwitchTo(before);
		MemoryContextReset(context);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(context);
	msgext_table_close(table);
	return blanked;
}

static Datum
no_bytes(void)
{
	return PointerGetDatum(cstring_to_text(""));
}

int64
msgext_forget_reports(Oid server, const MsgMention *mention)
{
	Blank blank = {
		.server = Anum_callback_server_oid,
		.chooses = chooses_report,
		.ncolumns = 1,
		.columns = {Anum_callback_report},
		.values = {no_bytes()},
	};

	return blank_rows(msgext_report_open(), server, mention, &blank);
}

int64
msgext_forget_pushes(Oid server, const MsgMention *mention)
{
	Blank blank = {
		.server = Anum_inbox_server_oid,
		.chooses = chooses_push,
		.ncolumns = 3,
		.columns = {Anum_inbox_payload, Anum_inbox_body, Anum_inbox_headers},
		.values = {(Datum) 0, no_bytes(),
				   DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"))},
		.nulls = {true, false, false},
	};

	return blank_rows(msgext_push_open(), server, mention, &blank);
}
