/*
 * retention.c
 *		Removing what is over: see retention.h.
 *
 * Messages are passed in the order of their ids, a window at a time, and the cursor is
 * kept in memory: no pass walks what an earlier one has removed.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "access/tableam.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/base/clock.h"
#include "pg/base/guc.h"
#include "pg/engine/erasure.h"
#include "pg/engine/retention.h"
#include "pg/inbound/inbox.h"
#include "pg/inbound/tracking.h"
#include "pg/store/event.h"
#include "pg/store/outbox.h"
#include "pg/store/push.h"
#include "pg/store/recipient_use.h"
#include "pg/store/reference.h"
#include "pg/store/reminder.h"
#include "pg/store/report.h"
#include "pg/store/server_event.h"

/* Messages of one transaction: some 10 ms, where their pages come from disk. */
#define WINDOW 50

/* Pages of a side table that are looked through in one transaction. */
#define WINDOW_PAGES 64

/* From the end of a pass to the next one. */
#define PASS_PAUSE_US (60 * USECS_PER_SEC)
#define SIDE_TABLES_PAUSE_US (600 * USECS_PER_SEC)

/* A recipient limit counts a day at the most in practice; reports repeat for one day. */
#define KEEP_USES_US (31 * USECS_PER_DAY)
#define KEEP_CALLBACKS_US (7 * USECS_PER_DAY)
#define KEEP_SERVER_EVENTS_US (366 * USECS_PER_DAY)

/* How often it is said that foreign keys keep everything. */
#define COMPLAINT_PAUSE_US (3600 * USECS_PER_SEC)

static MemoryContext window_context = NULL; /* reset after each transaction */
static int64 cursor = 0;					/* messages up to this one have been passed */
static int64 reading = 0;					/* the one being looked at, or 0 */
static int64 aged = 0; /* messages up to this one are old: most of them have gone */
static TimestampTz next_pass = 0;
static TimestampTz next_side_tables = 0;
static TimestampTz next_complaint = 0;

/*
 * A table that is looked through from end to end, for rows older than "keep", or for those
 * of messages that have gone: a message may have had several ids of the provider's, and
 * names one of them.
 */
typedef struct SideTable
{
	MsgTable *(*open)(void);
	TimestampTz (*at)(TupleTableSlot *row);
	int64 keep_us;
	int64 (*message)(TupleTableSlot *row);
	BlockNumber next; /* page to go on with */
} SideTable;

static MsgTable *
open_references(void)
{
	return msgext_reference_open(true);
}

static SideTable side_tables[] = {
	{msgext_recipient_open, msgext_recipient_used_at, KEEP_USES_US},
	{msgext_report_open, msgext_report_received_at, KEEP_CALLBACKS_US},
	{msgext_server_event_open, msgext_server_event_at, KEEP_SERVER_EVENTS_US},
	{msgext_push_open, msgext_inbox_ended_at, KEEP_CALLBACKS_US},
	{open_references, .message = msgext_reference_message},
};

static void
begin(const MsgXactOps *xact)
{
	if (window_context == NULL)
		window_context = AllocSetContextCreate(TopMemoryContext, "msgext retention",
											   ALLOCSET_DEFAULT_SIZES);
	xact->begin();
	MemoryContextSwitchTo(window_context);
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
commit(const MsgXactOps *xact)
{
	PopActiveSnapshot();
	xact->commit();
	MemoryContextReset(window_context);
}

/*
 * Does a table of somebody's refer to the outbox? What it refers to must stay, and a row
 * that is removed below SQL would not ask it.
 */
static bool
is_referred_to(const MsgTable *outbox)
{
	const TriggerDesc *triggers = outbox->rel->trigdesc;
	int i;

	for (i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (RI_FKey_trigger_type(triggers->triggers[i].tgfoid) == RI_TRIGGER_PK)
			return true;
	return false;
}

static void
complain(TimestampTz now)
{
	if (now < next_complaint)
		return;
	next_complaint = now + COMPLAINT_PAUSE_US;
	ereport(
		WARNING,
		(errmsg("finished messages are kept, for a foreign key refers to "
				"msgext.outbox"),
		 errhint("Drop the foreign key; an id without one may outlive its message.")));
}

/* What a message goes with. */
typedef struct Belongings
{
	MsgTable *outbox;
	MsgTable *events;
	MsgTable *references;
	MsgTable *reminders;
} Belongings;

/* Of what nobody takes, or asks about, any more. */
static void
remove_reminders(MsgTable *reminders, const MsgRow *row)
{
	if (row->next_attempt_at != 0)
		msgext_reminder_remove_one(reminders, row->server_oid, MSG_REMINDER_POLL,
								   row->next_attempt_at, row->id);
	if (row->maybe_sent)
		msgext_reminder_remove_one(reminders, row->server_oid, MSG_REMINDER_UNKNOWN,
								   row->created_at, row->id);
}

/* The message goes with all that is about it alone; a row that is held stays for now. */
static void
remove_message(const Belongings *of, const MsgRow *row)
{
	const char *provider_id = msgext_row_text(row, Anum_outbox_provider_id);

	if (msgext_table_delete(of->outbox, &row->tuple->t_self, false) != TM_Ok)
		return;
	msgext_event_remove(of->events, row->id);
	if (provider_id != NULL)
		msgext_reference_remove(of->references, row->server_oid, provider_id, row->id);
	remove_reminders(of->reminders, row);
}

/* Removes the finished messages of one window; false at the end of the pass. */
static bool
remove_window(const MsgXactOps *xact)
{
	Belongings of;
	TimestampTz now;
	TimestampTz horizon;
	ScanKeyData key;
	TupleTableSlot *slot;
	MsgScan *scan;
	bool more = true;
	int n = 0;

	begin(xact);
	now = msgext_clock();
	horizon = now - (int64) msgext_retention * 60 * USECS_PER_SEC;
	of.outbox = msgext_outbox_open(true);
	of.events = msgext_event_open();
	of.references = msgext_reference_open(true);
	of.reminders = msgext_reminder_open(true);
	if (is_referred_to(of.outbox))
	{
		complain(GetCurrentTimestamp());
		more = false;
	}
	msgext_key_int64(&key, 1, BTGreaterStrategyNumber, cursor);
	scan = msgext_table_scan(of.outbox, "outbox_pkey", GetActiveSnapshot(), &key, 1);
	while (more && n++ < WINDOW)
	{
		TimestampTz ended;
		MsgRow row;

		if ((slot = msgext_scan_next(scan)) == NULL)
			more = false;
		else
		{
			bool isnull;

			reading = DatumGetInt64(slot_getattr(slot, Anum_outbox_id, &isnull));
			msgext_outbox_read(of.outbox, slot, &row);
			if (row.created_at < horizon)
				aged = row.id;

			/* As young as all behind it, but one that was queued by a clock ahead. */
			else
				more = msgext_clock_was_ahead(row.created_at, now);
			ended = msgext_track_ended_at(&row);
			if (ended != 0 && ended < horizon)
				remove_message(&of, &row);
			cursor = row.id;
		}
	}
	if (!more)
		cursor = 0;
	reading = 0;
	msgext_scan_end(scan);
	msgext_table_close(of.reminders);
	msgext_table_close(of.references);
	msgext_table_close(of.events);
	msgext_table_close(of.outbox);
	commit(xact);
	return more;
}

static bool
erase_window(const MsgXactOps *xact)
{
	bool more;

	begin(xact);
	more = msgext_erasure_window();
	commit(xact);
	msgext_erasure_committed(more);
	return more;
}

/* Only of old messages it is looked up: they are gone, or few. */
static bool
has_gone(MsgTable *outbox, int64 message)
{
	TupleTableSlot *slot;
	ScanKeyData key;

	if (message > aged)
		return false;
	msgext_key_int64(&key, 1, BTEqualStrategyNumber, message);
	slot = msgext_table_find(outbox, "outbox_pkey", GetActiveSnapshot(), &key, 1);
	if (slot != NULL)
		ExecClearTuple(slot);
	return slot == NULL;
}

/* Looks through some pages of a side table; false at its end. */
static bool
trim_window(const MsgXactOps *xact, SideTable *side)
{
	ItemPointerData first;
	ItemPointerData last;
	TableScanDesc scan;
	TupleTableSlot *slot;
	TimestampTz horizon;
	MsgTable *outbox;
	MsgTable *table;
	bool more;

	begin(xact);
	horizon = msgext_clock() - side->keep_us;
	outbox = msgext_outbox_open(false);
	table = side->open();
	slot = table_slot_create(table->rel, NULL);
	ItemPointerSet(&first, side->next, FirstOffsetNumber);
	ItemPointerSet(&last, side->next + WINDOW_PAGES - 1, MaxOffsetNumber);
	scan = table_beginscan_tidrange(table->rel, GetActiveSnapshot(), &first, &last);
	while (table_scan_getnextslot_tidrange(scan, ForwardScanDirection, slot))
	{
		if (side->message != NULL ? has_gone(outbox, side->message(slot))
								  : side->at(slot) < horizon)
			msgext_table_delete(table, &slot->tts_tid, false);
	}
	table_endscan(scan);
	side->next += WINDOW_PAGES;
	more = side->next < RelationGetNumberOfBlocks(table->rel);
	if (!more)
		side->next = 0;
	ExecDropSingleTupleTableSlot(slot);
	msgext_table_close(table);
	msgext_table_close(outbox);
	commit(xact);
	return more;
}

/* News does not wait. */
static bool
has_time(TimestampTz until)
{
	return !MyLatch->is_set && GetCurrentTimestamp() < until;
}

static void
remove_old(const MsgXactOps *xact, TimestampTz start, TimestampTz until)
{
	if (reading != 0)
	{
		/* It raised an error the last time, which is in the log. */
		cursor = reading;
		reading = 0;
	}
	if (start >= next_pass)
	{
		bool more;

		do
			more = remove_window(xact);
		while (more && has_time(until));
		if (!more)
			next_pass = start + PASS_PAUSE_US;
	}
	if (start >= next_side_tables)
	{
		int i;

		next_side_tables = start + SIDE_TABLES_PAUSE_US;
		for (i = 0; i < lengthof(side_tables); i++)
		{
			while (has_time(until) && trim_window(xact, &side_tables[i]))
				;
			if (side_tables[i].next != 0)
				next_side_tables = 0;
		}
	}
}

void
msgext_retention_run(const MsgXactOps *xact, int64 budget_us)
{
	TimestampTz start = GetCurrentTimestamp();
	TimestampTz until = start + budget_us;
	MemoryContext before = CurrentMemoryContext;

	if (msgext_erasure_due(start))
		while (erase_window(xact) && has_time(until))
			;
	if (msgext_retention >= 0)
		remove_old(xact, start, until);
	MemoryContextSwitchTo(before);
}
