/*
 * outbox.c
 *		Rows of msgext.outbox: see outbox.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "utils/builtins.h"

#include "core/provider.h"
#include "pg/clock.h"
#include "pg/json_pg.h"
#include "pg/outbox.h"

MsgTable *
msgext_outbox_open(bool writable)
{
	return msgext_table_open("outbox", Natts_outbox, writable);
}

static TimestampTz
time_of(HeapTuple tuple, TupleDesc desc, AttrNumber column)
{
	bool isnull;
	Datum value = heap_getattr(tuple, column, desc, &isnull);

	return isnull ? 0 : DatumGetTimestampTz(value);
}

void
msgext_outbox_read(MsgTable *outbox, TupleTableSlot *slot, MsgRow *row)
{
	TupleDesc desc = RelationGetDescr(outbox->rel);
	HeapTuple tuple = ExecCopySlotHeapTuple(slot);
	bool isnull;
	char *state;

	row->tuple = tuple;
	row->desc = desc;
	row->id = DatumGetInt64(heap_getattr(tuple, Anum_outbox_id, desc, &isnull));
	row->xid = DatumGetUInt64(heap_getattr(tuple, Anum_outbox_xid, desc, &isnull));
	row->home = DatumGetInt64(heap_getattr(tuple, Anum_outbox_home, desc, &isnull));
	row->created_at = time_of(tuple, desc, Anum_outbox_created_at);
	row->queued_at = time_of(tuple, desc, Anum_outbox_queued_at);
	row->send_after = time_of(tuple, desc, Anum_outbox_send_after);
	row->expires_at = time_of(tuple, desc, Anum_outbox_expires_at);
	row->tried_at = time_of(tuple, desc, Anum_outbox_tried_at);
	row->next_attempt_at = time_of(tuple, desc, Anum_outbox_next_attempt_at);
	row->accepted_at = time_of(tuple, desc, Anum_outbox_accepted_at);
	row->priority =
		DatumGetInt16(heap_getattr(tuple, Anum_outbox_priority, desc, &isnull));
	row->attempts =
		DatumGetInt32(heap_getattr(tuple, Anum_outbox_attempts, desc, &isnull));
	row->failures =
		DatumGetInt32(heap_getattr(tuple, Anum_outbox_failures, desc, &isnull));
	row->maybe_sent =
		DatumGetBool(heap_getattr(tuple, Anum_outbox_maybe_sent, desc, &isnull));
	state = msgext_row_text(row, Anum_outbox_state);
	if (!msgext_state_parse(state, &row->state))
		elog(ERROR, "message " INT64_FORMAT " has unknown state \"%s\"", row->id, state);
	pfree(state);
}

bool
msgext_outbox_find(MsgTable *outbox, int64 id, Snapshot snapshot, MsgRow *row)
{
	ScanKeyData key;
	TupleTableSlot *slot;

	msgext_key_int64(&key, 1, BTEqualStrategyNumber, id);
	slot = msgext_table_find(outbox, "outbox_pkey", snapshot, &key, 1);
	if (slot == NULL)
		return false;
	msgext_outbox_read(outbox, slot, row);
	ExecClearTuple(slot);
	return true;
}

bool
msgext_outbox_find_at(MsgTable *outbox, ItemPointer tid, int64 id, Snapshot snapshot,
					  MsgRow *row)
{
	TupleTableSlot *slot = outbox->slot;
	bool isnull;
	bool found = false;

	/* Its place may have been given to another row since. */
	if (table_tuple_fetch_row_version(outbox->rel, tid, snapshot, slot) &&
		DatumGetInt64(slot_getattr(slot, Anum_outbox_id, &isnull)) == id)
	{
		msgext_outbox_read(outbox, slot, row);
		found = true;
	}
	ExecClearTuple(slot);
	return found || msgext_outbox_find(outbox, id, snapshot, row);
}

Datum
msgext_row_value(const MsgRow *row, AttrNumber column, bool *isnull)
{
	return heap_getattr(row->tuple, column, row->desc, isnull);
}

char *
msgext_row_text(const MsgRow *row, AttrNumber column)
{
	bool isnull;
	Datum value = msgext_row_value(row, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

bytea *
msgext_row_payload(const MsgRow *row)
{
	bool isnull;

	return DatumGetByteaPP(msgext_row_value(row, Anum_outbox_payload, &isnull));
}

MsgJson *
msgext_row_detail(MsgArena *arena, const MsgRow *row)
{
	bool isnull;
	Datum stored = msgext_row_value(row, Anum_outbox_detail, &isnull);

	return isnull ? NULL : msgext_json_from_jsonb(arena, DatumGetJsonbP(stored));
}

char *
msgext_row_key(const MsgRow *row)
{
	char *key = msgext_row_text(row, Anum_outbox_key);

	if (key == NULL)
		key = msgext_row_text(row, Anum_outbox_operation_id);
	if (key == NULL)
	{
		key = palloc(MSG_KEY_LEN + 1);
		msgext_own_key(msgext_unix_us(row->created_at), row->id, key);
	}
	return key;
}

void
msgext_change_init(MsgChange *change)
{
	memset(change->replaces, 0, sizeof(change->replaces));
}

void
msgext_change_set(MsgChange *change, AttrNumber column, Datum value)
{
	change->values[column - 1] = value;
	change->nulls[column - 1] = false;
	change->replaces[column - 1] = true;
}

void
msgext_change_null(MsgChange *change, AttrNumber column)
{
	change->values[column - 1] = (Datum) 0;
	change->nulls[column - 1] = true;
	change->replaces[column - 1] = true;
}

void
msgext_change_text(MsgChange *change, AttrNumber column, const char *value)
{
	if (value != NULL)
		msgext_change_set(change, column, CStringGetTextDatum(value));
	else
		msgext_change_null(change, column);
}

void
msgext_change_time(MsgChange *change, AttrNumber column, TimestampTz value)
{
	if (value != 0)
		msgext_change_set(change, column, TimestampTzGetDatum(value));
	else
		msgext_change_null(change, column);
}

void
msgext_change_state(MsgChange *change, MsgState state)
{
	msgext_change_text(change, Anum_outbox_state, msgext_state_name(state));
}

TM_Result
msgext_outbox_update(MsgTable *outbox, const MsgRow *row, MsgChange *change, bool wait)
{
	HeapTuple changed = heap_modify_tuple(row->tuple, row->desc, change->values,
										  change->nulls, change->replaces);
	TM_Result result = msgext_table_update(outbox, &row->tuple->t_self, changed, wait);

	heap_freetuple(changed);
	return result;
}
