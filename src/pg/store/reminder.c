/*
 * reminder.c
 *		What is to be done later: see reminder.h.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "pg/store/reminder.h"

enum
{
	Anum_reminder_server = 1,
	Anum_reminder_kind,
	Anum_reminder_at,
	Anum_reminder_id,
	Natts_reminder = Anum_reminder_id
};

MsgTable *
msgext_reminder_open(bool writable)
{
	return msgext_table_open("reminder", Natts_reminder, writable);
}

void
msgext_reminder_add(MsgTable *due, const char *server, const char *kind, TimestampTz at,
					int64 id)
{
	Datum values[Natts_reminder];
	bool nulls[Natts_reminder] = {false};

	values[Anum_reminder_server - 1] = CStringGetTextDatum(server);
	values[Anum_reminder_kind - 1] = CStringGetTextDatum(kind);
	values[Anum_reminder_at - 1] = TimestampTzGetDatum(at);
	values[Anum_reminder_id - 1] = Int64GetDatum(id);
	msgext_table_insert(due, values, nulls);
}

static MsgScan *
begin_scan(MsgTable *due, const char *server, const char *kind, TimestampTz from)
{
	ScanKeyData keys[3];

	msgext_key_text(&keys[0], 1, BTEqualStrategyNumber, server);
	msgext_key_text(&keys[1], 2, BTEqualStrategyNumber, kind);
	msgext_key_time(&keys[2], 3, BTGreaterEqualStrategyNumber, from);
	return msgext_scan_begin(due, "reminder_at", GetActiveSnapshot(), keys, 3);
}

int
msgext_reminder_read(MsgTable *due, const char *server, const char *kind,
					 TimestampTz from, int64 after, TimestampTz until, MsgReminder *found,
					 int max)
{
	MsgScan *scan = begin_scan(due, server, kind, from);
	TupleTableSlot *slot;
	bool isnull;
	int n = 0;

	while (n < max && (slot = msgext_scan_next(scan)) != NULL)
	{
		found[n].at = DatumGetTimestampTz(slot_getattr(slot, Anum_reminder_at, &isnull));
		if (found[n].at > until)
			break;
		found[n].id = DatumGetInt64(slot_getattr(slot, Anum_reminder_id, &isnull));
		if (found[n].at == from && found[n].id <= after)
			continue;
		found[n].tid = slot->tts_tid;
		n++;
	}
	msgext_scan_end(scan);
	return n;
}

void
msgext_reminder_remove(MsgTable *due, const MsgReminder *reminder)
{
	ItemPointerData tid = reminder->tid;

	/* Another session may have removed it, with its message: that is as good. */
	msgext_table_delete(due, &tid, false);
}

void
msgext_reminder_remove_one(MsgTable *due, const char *server, const char *kind,
						   TimestampTz at, int64 id)
{
	ScanKeyData keys[4];
	TupleTableSlot *slot;
	MsgScan *scan;

	msgext_key_text(&keys[0], 1, BTEqualStrategyNumber, server);
	msgext_key_text(&keys[1], 2, BTEqualStrategyNumber, kind);
	msgext_key_time(&keys[2], 3, BTEqualStrategyNumber, at);
	msgext_key_int64(&keys[3], 4, BTEqualStrategyNumber, id);
	scan = msgext_scan_begin(due, "reminder_at", GetActiveSnapshot(), keys, 4);
	while ((slot = msgext_scan_next(scan)) != NULL)
	{
		ItemPointerData tid = slot->tts_tid;

		msgext_table_delete(due, &tid, false);
	}
	msgext_scan_end(scan);
}

TimestampTz
msgext_reminder_first(MsgTable *due, const char *server, const char *kind,
					  TimestampTz from, int64 after)
{
	MsgScan *scan = begin_scan(due, server, kind, from);
	TupleTableSlot *slot;
	TimestampTz at = 0;
	bool isnull;

	while (at == 0 && (slot = msgext_scan_next(scan)) != NULL)
	{
		at = DatumGetTimestampTz(slot_getattr(slot, Anum_reminder_at, &isnull));
		if (at == from &&
			DatumGetInt64(slot_getattr(slot, Anum_reminder_id, &isnull)) <= after)
			at = 0;
	}
	msgext_scan_end(scan);
	return at;
}
