/*
 * outbox.c
 *		Rows of msgext.outbox: see outbox.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "utils/builtins.h"

#include "core/provider_list.h"
#include "core/sha256.h"
#include "pg/base/clock.h"
#include "pg/base/json_pg.h"
#include "pg/store/outbox.h"

/* In front of what holds a repeat back. */
#define REPEAT MSG_WAITS_FOR_REPEAT ", "

MSG_LAYOUT(outbox, OUTBOX_COLUMNS);

MsgTable *
msgext_outbox_open(bool writable)
{
	return msgext_table_open(&outbox_layout, writable);
}

bool
msgext_row_is_begun(const MsgRow *row)
{
	const MsgProvider *provider =
		msgext_provider_find(msgext_row_text(row, Anum_outbox_provider));

	/* One that is not loaded might. */
	return !row->nulls[Anum_outbox_detail - 1] &&
		   (provider == NULL || (provider->caps & MSG_CAN_RESUME) != 0);
}

static TimestampTz
time_of(const MsgRow *row, AttrNumber column)
{
	return row->nulls[column - 1] ? 0 : DatumGetTimestampTz(row->values[column - 1]);
}

void
msgext_outbox_read(MsgTable *outbox, TupleTableSlot *slot, MsgRow *row)
{
	char *state;

	row->desc = RelationGetDescr(outbox->rel);
	row->tuple = ExecCopySlotHeapTuple(slot);

	/* In one pass: to find a column behind nullable ones walks over all before it. */
	heap_deform_tuple(row->tuple, row->desc, row->values, row->nulls);
	row->id = DatumGetInt64(row->values[Anum_outbox_id - 1]);
	row->xid = DatumGetUInt64(row->values[Anum_outbox_xid - 1]);
	row->server_oid = DatumGetObjectId(row->values[Anum_outbox_server_oid - 1]);
	row->sender_oid = DatumGetObjectId(row->values[Anum_outbox_sender_oid - 1]);
	row->origin = DatumGetInt64(row->values[Anum_outbox_origin - 1]);
	row->created_at = time_of(row, Anum_outbox_created_at);
	row->queued_at = time_of(row, Anum_outbox_queued_at);
	row->send_after = time_of(row, Anum_outbox_send_after);
	row->expires_at = time_of(row, Anum_outbox_expires_at);
	row->tried_at = time_of(row, Anum_outbox_tried_at);
	row->next_attempt_at = time_of(row, Anum_outbox_next_attempt_at);
	row->accepted_at = time_of(row, Anum_outbox_accepted_at);
	row->finished_at = time_of(row, Anum_outbox_finished_at);
	row->priority = DatumGetInt16(row->values[Anum_outbox_priority - 1]);
	row->attempts = DatumGetInt32(row->values[Anum_outbox_attempts - 1]);
	row->failures = DatumGetInt32(row->values[Anum_outbox_failures - 1]);
	row->maybe_sent = DatumGetBool(row->values[Anum_outbox_maybe_sent - 1]);
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

MsgRowIdentity
msgext_row_identity(const MsgRow *row)
{
	MsgRowIdentity identity = {row->tuple->t_self, row->id, row->created_at};

	return identity;
}

bool
msgext_outbox_find_same(MsgTable *outbox, const MsgRowIdentity *identity,
						Snapshot snapshot, MsgRow *row)
{
	ItemPointerData tid = identity->tid;
	TupleTableSlot *slot = msgext_table_fetch(outbox, &tid, snapshot);
	bool found =
		slot != NULL && msgext_column_int64(slot, Anum_outbox_id) == identity->id;

	if (found)
		msgext_outbox_read(outbox, slot, row);
	if (slot != NULL)
		ExecClearTuple(slot);
	return (found || msgext_outbox_find(outbox, identity->id, snapshot, row)) &&
		   row->created_at == identity->created_at;
}

char *
msgext_row_text(const MsgRow *row, AttrNumber column)
{
	return row->nulls[column - 1] ? NULL : TextDatumGetCString(row->values[column - 1]);
}

bytea *
msgext_row_payload(const MsgRow *row)
{
	if (msgext_row_is_erased(row))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("message " INT64_FORMAT " has no payload any more", row->id),
				 errdetail("It was removed; column erased_at says when.")));
	return DatumGetByteaPP(row->values[Anum_outbox_payload - 1]);
}

bool
msgext_row_is_replaced(const MsgRow *row)
{
	return !row->nulls[Anum_outbox_waits_since - 1] &&
		   row->nulls[Anum_outbox_operation_id - 1] && row->tried_at != 0 &&
		   row->queued_at == row->created_at && !row->maybe_sent &&
		   !msgext_row_is_begun(row);
}

bool
msgext_row_is_repeat(const MsgRow *row)
{
	const char *why = msgext_row_text(row, Anum_outbox_waiting);

	return why != NULL && (strcmp(why, MSG_WAITS_FOR_REPEAT) == 0 ||
						   strncmp(why, REPEAT, strlen(REPEAT)) == 0);
}

const char *
msgext_row_waits_for(const MsgRow *row)
{
	const char *why = msgext_row_text(row, Anum_outbox_waiting);

	return why != NULL && strncmp(why, REPEAT, strlen(REPEAT)) == 0 ? why + strlen(REPEAT)
																	: why;
}

MsgJson *
msgext_row_detail(MsgArena *arena, const MsgRow *row)
{
	if (row->nulls[Anum_outbox_detail - 1])
		return NULL;
	return msgext_json_from_jsonb(arena,
								  DatumGetJsonbP(row->values[Anum_outbox_detail - 1]));
}

/*
 * The caller's id is unique per server and sender, and minds the case of letters. To a
 * provider that need not: it would take another's message for a repeat, and never send it.
 * So what tells them apart goes along: names, which are the same in a restored copy.
 */
static char *
key_of_operation(const MsgRow *row, const char *operation_id)
{
	const char *server = msgext_row_text(row, Anum_outbox_server);
	const char *sender = msgext_row_text(row, Anum_outbox_sender);
	unsigned char digest[MSG_SHA256_LEN];
	char hex[MSG_SHA256_HEX + 1];
	MsgSha256 hash;

	msgext_sha256_begin(&hash);
	msgext_sha256_add(&hash, server, strlen(server) + 1);
	msgext_sha256_add(&hash, sender, strlen(sender) + 1);
	msgext_sha256_add(&hash, operation_id, strlen(operation_id));
	msgext_sha256_end(&hash, digest);
	msgext_sha256_write(digest, hex);
	return psprintf("%s-%.16s", operation_id, hex);
}

char *
msgext_row_key(const MsgRow *row)
{
	char *key = msgext_row_text(row, Anum_outbox_key);
	char *operation_id = msgext_row_text(row, Anum_outbox_operation_id);

	if (key == NULL && operation_id != NULL)
		key = key_of_operation(row, operation_id);
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
msgext_change_waits_for(MsgChange *change, const MsgRow *row, const char *why)
{
	if (msgext_row_is_repeat(row) && strcmp(why, MSG_WAITS_FOR_REPEAT) != 0)
		why = psprintf(REPEAT "%s", why);
	msgext_change_text(change, Anum_outbox_waiting, why);
}

void
msgext_change_erase(MsgChange *change, TimestampTz now)
{
	msgext_change_null(change, Anum_outbox_payload);
	msgext_change_time(change, Anum_outbox_erased_at, now);
}

void
msgext_change_state(MsgChange *change, MsgState state)
{
	const char *name = msgext_state_name(state);

	msgext_change_text(change, Anum_outbox_state, name);
	msgext_change_text(change, Anum_outbox_problem,
					   msgext_state_is_bad_end(state) ? name : NULL);
}

TM_Result
msgext_outbox_update(MsgTable *outbox, const MsgRow *row, MsgChange *change, bool wait)
{
	Datum values[Natts_outbox];
	bool nulls[Natts_outbox];
	HeapTuple changed;
	TM_Result result;
	int i;

	for (i = 0; i < Natts_outbox; i++)
	{
		values[i] = change->replaces[i] ? change->values[i] : row->values[i];
		nulls[i] = change->replaces[i] ? change->nulls[i] : row->nulls[i];
	}
	changed = heap_form_tuple(row->desc, values, nulls);
	result = msgext_table_update(outbox, &row->tuple->t_self, changed, wait);
	heap_freetuple(changed);
	return result;
}
