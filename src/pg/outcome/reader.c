/*
 * reader.c
 *		The next events of a consumer: see reader.h.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "pg/catalog/access.h"
#include "pg/outcome/event_filter.h"
#include "pg/outcome/reader.h"
#include "pg/store/event_id.h"
#include "pg/store/origin.h"
#include "pg/store/snapshot.h"

/* So many rows cost more to look at again than a row of msgext.feed to write. */
#define WORTH_A_WRITE 100

struct MsgReader
{
	MsgFeed *feed;
	MsgEventFilter *filter;
	MemoryContext context; /* of the reader and its snapshots */
	MemoryContext row;	   /* of one event */
	MsgFeedMark mark;	   /* taken before the snapshot */
	Snapshot snapshot;
	MsgTable *events;
	MsgTable *outbox;
	MsgScan *scan; /* of the batch, or NULL */
	bool fresh;	   /* the batch began with this reader: there is no newer one yet */
	bool found;	   /* something in this batch */
	int64 looks;   /* no more rows than that */
	int64 looked_at;
};

/* The highest id that was ever given, as far as the consumer knows. */
static int64
last_id(const MsgFeedCursor *cursor)
{
	int64 known = cursor->marks[cursor->nmarks - 1].id;
	int64 last = msgext_event_last_id();

	/* Set back, new events would have ids where nobody looks any more. */
	if (last >= known)
		return last;
	if (!XactReadOnly)
		msgext_event_ids_reach(known);
	return known;
}

MsgReader *
msgext_reader_open(MsgFeed *feed, int64 looks)
{
	MsgReader *reader = palloc0(sizeof(MsgReader));

	reader->feed = feed;
	reader->looks = looks;
	reader->context = CurrentMemoryContext;
	reader->row = AllocSetContextCreate(CurrentMemoryContext, "msgext reader",
										ALLOCSET_DEFAULT_SIZES);
	reader->filter = msgext_event_filter_read(feed->filter);
	reader->events = msgext_event_open_read();
	reader->outbox = msgext_outbox_open(false);

	/* In this order: what the mark says of ids must hold for later transactions. */
	reader->mark.id = last_id(&feed->cursor);
	reader->mark.xid = U64FromFullTransactionId(ReadNextFullTransactionId());
	CommandCounterIncrement();
	reader->snapshot = RegisterSnapshot(GetLatestSnapshot());
	return reader;
}

static void
end_scan(MsgReader *reader)
{
	if (reader->scan != NULL)
		msgext_scan_end(reader->scan);
	reader->scan = NULL;
}

void
msgext_reader_close(MsgReader *reader)
{
	end_scan(reader);
	msgext_table_close(reader->outbox);
	msgext_table_close(reader->events);
	UnregisterSnapshot(reader->snapshot);
	MemoryContextDelete(reader->row);
	pfree(reader);
}

static bool
start_batch(MsgReader *reader)
{
	MsgSnapshot now;

	if (reader->fresh)
		return false;
	msgext_snapshot_take(reader->context, reader->snapshot, true, &now);
	reader->fresh = true;
	if (msgext_feed_cursor_start(&reader->feed->cursor, &now, &reader->mark))
		return true;
	msgext_snapshot_free(&now);
	return false;
}

static void
finish_batch(MsgReader *reader)
{
	MsgSnapshot old = msgext_feed_cursor_finish(&reader->feed->cursor);

	msgext_snapshot_free(&old);
}

static void
open_scan(MsgReader *reader)
{
	ScanKeyData key;

	msgext_key_int64(&key, 1, BTGreaterStrategyNumber,
					 msgext_feed_cursor_from(&reader->feed->cursor));
	reader->scan =
		msgext_table_scan(reader->events, "event_id", reader->snapshot, &key, 1);
}

/* Is the row for this consumer? Reads its message. */
static bool
is_wanted(MsgReader *reader, TupleTableSlot *slot, MsgReading *reading)
{
	const MsgRow *message = &reading->message;
	const MsgEventFilter *filter = reader->filter;

	if (!msgext_event_filter_takes_row(filter, msgext_column_text(slot, Anum_event_kind),
									   msgext_column_text(slot, Anum_event_state),
									   msgext_column_text(slot, Anum_event_code)) ||
		!msgext_outbox_find(reader->outbox,
							msgext_column_int64(slot, Anum_event_message_id),
							reader->snapshot, &reading->message))
		return false;
	return msgext_event_filter_takes_server(
			   filter, msgext_row_text(message, Anum_outbox_server)) &&
		   msgext_access_message_as(reader->feed->owner, MSG_ACCESS_SEE,
									message->sender_oid,
									msgext_row_text(message, Anum_outbox_sender),
									message->origin != msgext_origin(), InvalidOid);
}

static bool
has_looked_enough(const MsgReader *reader)
{
	return reader->looked_at >= reader->looks;
}

/* The next row of the batch that is wanted; false at its end, or when enough was seen. */
static bool
next_of_batch(MsgReader *reader, MsgReading *reading)
{
	MsgFeedCursor *cursor = &reader->feed->cursor;
	TupleTableSlot *slot;

	if (reader->scan == NULL)
		open_scan(reader);
	while (!has_looked_enough(reader) && (slot = msgext_scan_next(reader->scan)) != NULL)
	{
		MemoryContext before;
		bool isnull;
		bool wanted;

		CHECK_FOR_INTERRUPTS();
		reader->looked_at++;
		reading->id = msgext_column_int64(slot, Anum_event_id);
		reading->event = slot;
		if (!msgext_feed_cursor_wants(
				cursor, DatumGetUInt64(slot_getattr(slot, Anum_event_xid, &isnull))))
			continue;
		MemoryContextReset(reader->row);
		before = MemoryContextSwitchTo(reader->row);
		wanted = is_wanted(reader, slot, reading);
		MemoryContextSwitchTo(before);
		if (wanted)
			return true;

		/* Before the first one given out, what is not wanted has been passed. */
		if (!reader->found)
			cursor->id = reading->id;
	}
	end_scan(reader);
	return false;
}

bool
msgext_reader_next(MsgReader *reader, MsgReading *reading)
{
	for (;;)
	{
		if (!reader->feed->cursor.scanning && !start_batch(reader))
			return false;
		if (next_of_batch(reader, reading))
		{
			reader->found = true;
			return true;
		}
		if (reader->found || has_looked_enough(reader))
			return false;
		finish_batch(reader);
	}
}

bool
msgext_reader_go_on(MsgReader *reader)
{
	if (!reader->feed->cursor.scanning || has_looked_enough(reader))
		return false;
	finish_batch(reader);
	reader->found = false;
	return start_batch(reader);
}

int64
msgext_reader_looked_at(const MsgReader *reader)
{
	return reader->looked_at;
}

bool
msgext_reader_is_worth_a_write(const MsgReader *reader)
{
	return reader->looked_at > WORTH_A_WRITE;
}

bool
msgext_reader_is_open(const MsgFeed *feed, int64 id)
{
	const MsgFeedCursor *cursor = &feed->cursor;
	Snapshot latest;
	MsgTable *events;
	TupleTableSlot *slot;
	ScanKeyData key;
	MsgScan *scan;
	bool is_open = false;
	bool isnull;

	if (!cursor->scanning || id <= cursor->id)
		return false;
	events = msgext_event_open_read();
	latest = RegisterSnapshot(GetLatestSnapshot());
	msgext_key_int64(&key, 1, BTEqualStrategyNumber, id);
	scan = msgext_table_scan(events, "event_id", latest, &key, 1);
	if ((slot = msgext_scan_next(scan)) != NULL)
		is_open = msgext_feed_cursor_wants(
			cursor, DatumGetUInt64(slot_getattr(slot, Anum_event_xid, &isnull)));
	msgext_scan_end(scan);
	UnregisterSnapshot(latest);
	msgext_table_close(events);
	return is_open;
}

void
msgext_reader_check_origin(const MsgFeed *feed)
{
	if (feed->origin == msgext_origin())
		return;
	ereport(
		ERROR,
		(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		 errmsg("consumer \"%s\" was created in another database", feed->name),
		 errdetail("This is a restored copy: how far it has read means nothing here."),
		 errhint("Drop it and create it anew: it then begins with what is new.")));
}
