/*
 * recipient_use.c
 *		Who was written to lately: see recipient_use.h.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/snapmgr.h"

#include "pg/store/recipient_use.h"

MSG_LAYOUT(recipient_use, RECIPIENT_USE_COLUMNS);

MsgTable *
msgext_recipient_open(void)
{
	return msgext_table_open(&recipient_use_layout, true);
}

static MsgScan *
begin_scan(MsgTable *uses, Oid server, const char *key, const char *recipient,
		   TimestampTz from)
{
	ScanKeyData keys[4];

	msgext_key_oid(&keys[0], 1, BTEqualStrategyNumber, server);
	msgext_key_text(&keys[1], 2, BTEqualStrategyNumber, key != NULL ? key : "");
	msgext_key_text(&keys[2], 3, BTEqualStrategyNumber, recipient);
	msgext_key_time(&keys[3], 4, BTGreaterStrategyNumber, from);

	/* Uses written by this very transaction count. */
	return msgext_table_scan(uses, "recipient_use_key", SnapshotSelf, keys, 4);
}

/* *known: the message has its place already. */
static bool
has_room(MsgTable *uses, Oid server, const char *key, const char *recipient,
		 int64 message, const MsgRate *limit, TimestampTz now, TimestampTz *until,
		 bool *known)
{
	MsgScan *scan = begin_scan(uses, server, key, recipient, now - limit->per_ms * 1000);
	TupleTableSlot *slot;
	TimestampTz oldest = 0;
	int64 n = 0;

	*known = false;
	while (!*known && n < limit->count && (slot = msgext_scan_next(scan)) != NULL)
	{
		*known = msgext_column_int64(slot, Anum_recipient_use_message_id) == message;
		if (oldest == 0)
			oldest = msgext_column_time(slot, Anum_recipient_use_at);
		n++;
	}
	msgext_scan_end(scan);
	*until = oldest + limit->per_ms * 1000;
	return *known || n < limit->count;
}

bool
msgext_recipient_has_room(MsgTable *uses, Oid server, const char *key,
						  const char *recipient, int64 message, const MsgRate *limit,
						  TimestampTz now, TimestampTz *until)
{
	bool known;

	return has_room(uses, server, key, recipient, message, limit, now, until, &known);
}

bool
msgext_recipient_take(MsgTable *uses, Oid server, const char *key, const char *recipient,
					  int64 message, const MsgRate *limit, TimestampTz now,
					  TimestampTz *until)
{
	MsgValues row;
	bool known;

	if (!has_room(uses, server, key, recipient, message, limit, now, until, &known))
		return false;
	if (known)
		return true;
	msgext_values_init(&row);
	msgext_values_oid(&row, Anum_recipient_use_server_oid, server);
	msgext_values_text(&row, Anum_recipient_use_limit_key, key != NULL ? key : "");
	msgext_values_text(&row, Anum_recipient_use_recipient, recipient);
	msgext_values_time(&row, Anum_recipient_use_at, now);
	msgext_values_int64(&row, Anum_recipient_use_message_id, message);
	msgext_table_insert(uses, row.values, row.nulls);
	return true;
}

TimestampTz
msgext_recipient_used_at(TupleTableSlot *use)
{
	return msgext_column_time(use, Anum_recipient_use_at);
}

void
msgext_recipient_release(MsgTable *uses, Oid server, const char *key,
						 const char *recipient, int64 message)
{
	MsgScan *scan = begin_scan(uses, server, key, recipient, PG_INT64_MIN);
	TupleTableSlot *slot;

	while ((slot = msgext_scan_next(scan)) != NULL)
	{
		if (msgext_column_int64(slot, Anum_recipient_use_message_id) == message)
		{
			ItemPointerData tid = slot->tts_tid;

			msgext_table_delete(uses, &tid, false);
			break;
		}
	}
	msgext_scan_end(scan);
}

void
msgext_recipient_move(MsgTable *uses, Oid from, Oid to)
{
	Snapshot latest = RegisterSnapshot(GetLatestSnapshot());
	MsgScan *scan;
	ScanKeyData key;
	TupleTableSlot *slot;

	msgext_key_oid(&key, 1, BTEqualStrategyNumber, from);
	scan = msgext_table_scan(uses, "recipient_use_key", latest, &key, 1);
	while ((slot = msgext_scan_next(scan)) != NULL)
	{
		msgext_table_set_oid(uses, slot, Anum_recipient_use_server_oid, to);
		CHECK_FOR_INTERRUPTS();
	}
	msgext_scan_end(scan);
	UnregisterSnapshot(latest);
}

int64
msgext_recipient_forget(MsgTable *uses, Oid server, const char *recipient)
{
	int64 forgotten = 0;
	ScanKeyData key;
	TupleTableSlot *slot;
	MsgScan *scan;

	msgext_key_oid(&key, 1, BTEqualStrategyNumber, server);
	scan = msgext_table_scan(uses, "recipient_use_key", GetActiveSnapshot(), &key, 1);
	while ((slot = msgext_scan_next(scan)) != NULL)
	{
		char *one = msgext_column_text(slot, Anum_recipient_use_recipient);
		ItemPointerData tid = slot->tts_tid;

		if (strcmp(one, recipient) == 0)
			forgotten += msgext_table_delete(uses, &tid, true) == TM_Ok;
		pfree(one);
		CHECK_FOR_INTERRUPTS();
	}
	msgext_scan_end(scan);
	return forgotten;
}
