/*
 * reminder.c
 *		What is to be done later: see reminder.h.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "pg/store/reminder.h"

/* clang-format off */
#define REMINDER_COLUMNS(C) \
	C(reminder, server_oid) C(reminder, kind) C(reminder, at) C(reminder, id)
/* clang-format on */
MSG_COLUMN_NUMBERS(reminder, REMINDER_COLUMNS);
MSG_LAYOUT(reminder, REMINDER_COLUMNS);

MsgTable *
msgext_reminder_open(bool writable)
{
	return msgext_table_open(&reminder_layout, writable);
}

void
msgext_reminder_add(MsgTable *reminders, Oid server, const char *kind, TimestampTz at,
					int64 id)
{
	MsgValues row;

	Assert(at != 0 && id > 0);
	msgext_values_init(&row);
	msgext_values_oid(&row, Anum_reminder_server_oid, server);
	msgext_values_text(&row, Anum_reminder_kind, kind);
	msgext_values_time(&row, Anum_reminder_at, at);
	msgext_values_int64(&row, Anum_reminder_id, id);
	msgext_table_insert(reminders, row.values, row.nulls);
}

static MsgScan *
begin_scan(MsgTable *reminders, Oid server, const char *kind, TimestampTz from)
{
	ScanKeyData keys[3];

	msgext_key_oid(&keys[0], 1, BTEqualStrategyNumber, server);
	msgext_key_text(&keys[1], 2, BTEqualStrategyNumber, kind);
	msgext_key_time(&keys[2], 3, BTGreaterEqualStrategyNumber, from);
	return msgext_table_scan(reminders, "reminder_at", GetActiveSnapshot(), keys, 3);
}

int
msgext_reminder_read(MsgTable *reminders, Oid server, const char *kind, TimestampTz from,
					 int64 after, TimestampTz until, MsgReminder *found, int max)
{
	MsgScan *scan = begin_scan(reminders, server, kind, from);
	TupleTableSlot *slot;
	int n = 0;

	Assert(max > 0);

	while (n < max && (slot = msgext_scan_next(scan)) != NULL)
	{
		found[n].at = msgext_column_time(slot, Anum_reminder_at);
		if (found[n].at > until)
			break;
		found[n].id = msgext_column_int64(slot, Anum_reminder_id);
		if (found[n].at == from && found[n].id <= after)
			continue;
		found[n].tid = slot->tts_tid;
		n++;
	}
	msgext_scan_end(scan);
	return n;
}

void
msgext_reminder_remove(MsgTable *reminders, const MsgReminder *reminder)
{
	ItemPointerData tid = reminder->tid;

	/* Another session may have removed it, with its message: that is as good. */
	msgext_table_delete(reminders, &tid, false);
}

void
msgext_reminder_remove_one(MsgTable *reminders, Oid server, const char *kind,
						   TimestampTz at, int64 id)
{
	MsgScan *scan;
	ScanKeyData keys[4];

	msgext_key_oid(&keys[0], 1, BTEqualStrategyNumber, server);
	msgext_key_text(&keys[1], 2, BTEqualStrategyNumber, kind);
	msgext_key_time(&keys[2], 3, BTEqualStrategyNumber, at);
	msgext_key_int64(&keys[3], 4, BTEqualStrategyNumber, id);
	scan = msgext_table_scan(reminders, "reminder_at", GetActiveSnapshot(), keys, 4);
	msgext_table_delete_all(reminders, scan, false);
}

void
msgext_reminder_forget_unknown(Oid server, TimestampTz created_at, int64 id)
{
	MsgTable *reminders = msgext_reminder_open(true);

	msgext_reminder_remove_one(reminders, server, MSG_REMINDER_UNKNOWN, created_at, id);
	msgext_table_close(reminders);
}

bool
msgext_reminder_exists(MsgTable *reminders, Oid server, const char *kind,
					   TimestampTz from, TimestampTz to, int64 id)
{
	MsgScan *scan = begin_scan(reminders, server, kind, from);
	TupleTableSlot *slot;
	bool exists = false;

	while (!exists && (slot = msgext_scan_next(scan)) != NULL &&
		   msgext_column_time(slot, Anum_reminder_at) <= to)
		exists = msgext_column_int64(slot, Anum_reminder_id) == id;
	msgext_scan_end(scan);
	return exists;
}

TimestampTz
msgext_reminder_first(MsgTable *reminders, Oid server, const char *kind, TimestampTz from,
					  int64 after)
{
	MsgScan *scan = begin_scan(reminders, server, kind, from);
	TupleTableSlot *slot;
	TimestampTz at = 0;

	while (at == 0 && (slot = msgext_scan_next(scan)) != NULL)
	{
		at = msgext_column_time(slot, Anum_reminder_at);
		if (at == from && msgext_column_int64(slot, Anum_reminder_id) <= after)
			at = 0;
	}
	msgext_scan_end(scan);
	return at;
}
