/*
 * copied.c
 *		Rows that a copy of another database has brought: see copied.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/snapmgr.h"

#include "pg/store/copied.h"
#include "pg/store/origin.h"

static void
adopt_row(MsgTable *table, const MsgCopied *copied, TupleTableSlot *slot, Oid server)
{
	HeapTuple row = ExecCopySlotHeapTuple(slot);
	int columns[] = {copied->server_oid, copied->origin};
	Datum values[] = {ObjectIdGetDatum(server), Int64GetDatum(msgext_origin())};
	bool nulls[] = {false, false};

	/* A copy of a copy may have brought it twice: the one before this is to be seen. */
	CommandCounterIncrement();
	if (copied->is_known(table, slot, server))
		msgext_table_delete(table, &row->t_self, true);
	else
		msgext_table_update(table, &row->t_self,
							heap_modify_tuple_by_cols(row, RelationGetDescr(table->rel),
													  lengthof(columns), columns, values,
													  nulls),
							true);
	heap_freetuple(row);
}

void
msgext_copied_adopt(MsgTable *table, const MsgCopied *copied, Oid server,
					const char *name)
{
	TableScanDesc scan = table_beginscan(table->rel, GetActiveSnapshot(), 0, NULL);
	TupleTableSlot *slot = table_slot_create(table->rel, NULL);
	bool isnull;

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		Datum origin = slot_getattr(slot, copied->origin, &isnull);

		if (DatumGetInt64(origin) != msgext_origin() &&
			strcmp(msgext_column_text(slot, copied->server), name) == 0)
			adopt_row(table, copied, slot, server);
		CHECK_FOR_INTERRUPTS();
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
}
