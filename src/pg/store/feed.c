/*
 * feed.c
 *		Consumers of events: see feed.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "pg/store/feed.h"
#include "pg/store/relation.h"
#include "pg/store/snapshot.h"

/* clang-format off */
#define FEED_COLUMNS(C) \
	C(feed, name) C(feed, owner_oid) C(feed, owner) C(feed, origin) \
	C(feed, created_at) C(feed, filter) C(feed, notify) C(feed, function_oid) \
	C(feed, function) C(feed, timeout_ms) C(feed, done) C(feed, scan) C(feed, id) \
	C(feed, mark_xids) C(feed, mark_ids) C(feed, read_at) C(feed, started_at) \
	C(feed, failures) C(feed, failed_id) C(feed, failed_at) C(feed, next_attempt_at) \
	C(feed, last_error)
/* clang-format on */
MSG_COLUMN_NUMBERS(feed, FEED_COLUMNS);
MSG_LAYOUT(feed, FEED_COLUMNS);

MsgTable *
msgext_feed_open(bool writable)
{
	return msgext_table_open(&feed_layout, writable);
}

/*
 * By a number made of the name, for which anybody can find another name; and by its
 * owner, so that nobody can hold up another role's consumer with one of his own.
 */
static void
feed_tag(LOCKTAG *tag, const char *name, Oid owner)
{
	SET_LOCKTAG_OBJECT(*tag, MyDatabaseId, msgext_relation_oid("feed"),
					   hash_bytes((const unsigned char *) name, strlen(name)),
					   (uint16) owner);
}

void
msgext_feed_lock(const char *name, Oid owner)
{
	LOCKTAG tag;

	feed_tag(&tag, name, owner);
	LockAcquire(&tag, ExclusiveLock, false, false);
}

bool
msgext_feed_lock_if_free(const char *name, Oid owner)
{
	LOCKTAG tag;

	feed_tag(&tag, name, owner);
	return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

bool
msgext_feed_hold(const char *name, Oid owner)
{
	LOCKTAG tag;

	feed_tag(&tag, name, owner);
	return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

static bool
is_null(TupleTableSlot *slot, AttrNumber column)
{
	return slot_attisnull(slot, column);
}

static Datum
get(TupleTableSlot *slot, AttrNumber column)
{
	bool isnull;

	return slot_getattr(slot, column, &isnull);
}

static int
get_numbers(TupleTableSlot *slot, AttrNumber column, Datum **numbers)
{
	int n;

	deconstruct_array(DatumGetArrayTypeP(get(slot, column)), INT8OID, 8, FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, numbers, NULL, &n);
	return n;
}

static void
read_cursor(TupleTableSlot *slot, MsgFeedCursor *cursor)
{
	Datum *xids;
	Datum *ids;
	int n;
	int i;

	msgext_snapshot_read(CurrentMemoryContext, get(slot, Anum_feed_done), &cursor->done);
	cursor->scanning = !is_null(slot, Anum_feed_scan);
	if (cursor->scanning)
		msgext_snapshot_read(CurrentMemoryContext, get(slot, Anum_feed_scan),
							 &cursor->scan);
	cursor->id = DatumGetInt64(get(slot, Anum_feed_id));
	n = get_numbers(slot, Anum_feed_mark_xids, &xids);
	n = Min(n, get_numbers(slot, Anum_feed_mark_ids, &ids));
	cursor->nmarks = Min(n, MSG_FEED_MARKS);
	for (i = 0; i < cursor->nmarks; i++)
	{
		cursor->marks[i].xid = (uint64) DatumGetInt64(xids[i]);
		cursor->marks[i].id = DatumGetInt64(ids[i]);
	}
	if (cursor->nmarks == 0)
		cursor->nmarks = 1;
}

static MsgFeed *
read_feed(TupleTableSlot *slot)
{
	MsgFeed *feed = palloc0(sizeof(MsgFeed));

	feed->tid = slot->tts_tid;
	feed->name = msgext_column_text(slot, Anum_feed_name);
	feed->owner = DatumGetObjectId(get(slot, Anum_feed_owner_oid));
	feed->owner_name = msgext_column_text(slot, Anum_feed_owner);
	feed->origin = DatumGetInt64(get(slot, Anum_feed_origin));
	feed->created_at = msgext_column_time(slot, Anum_feed_created_at);
	if (!is_null(slot, Anum_feed_filter))
		feed->filter = DatumGetJsonbPCopy(get(slot, Anum_feed_filter));
	feed->notify = msgext_column_text(slot, Anum_feed_notify);
	if (!is_null(slot, Anum_feed_function_oid))
		feed->function = DatumGetObjectId(get(slot, Anum_feed_function_oid));
	feed->function_name = msgext_column_text(slot, Anum_feed_function);
	feed->timeout_ms = DatumGetInt32(get(slot, Anum_feed_timeout_ms));
	read_cursor(slot, &feed->cursor);
	feed->read_at = msgext_column_time(slot, Anum_feed_read_at);
	feed->started_at = msgext_column_time(slot, Anum_feed_started_at);
	feed->failures = DatumGetInt32(get(slot, Anum_feed_failures));
	if (!is_null(slot, Anum_feed_failed_id))
		feed->failed_id = DatumGetInt64(get(slot, Anum_feed_failed_id));
	feed->failed_at = msgext_column_time(slot, Anum_feed_failed_at);
	feed->next_attempt_at = msgext_column_time(slot, Anum_feed_next_attempt_at);
	feed->last_error = msgext_column_text(slot, Anum_feed_last_error);
	return feed;
}

List *
msgext_feed_list(MsgTable *feeds, const char *name, Snapshot snapshot)
{
	List *list = NIL;
	TupleTableSlot *slot;
	ScanKeyData key;
	MsgScan *scan;

	if (name != NULL)
		msgext_key_text(&key, 1, BTEqualStrategyNumber, name);
	scan = msgext_table_scan(feeds, "feed_pkey", snapshot, &key, name != NULL ? 1 : 0);
	while ((slot = msgext_scan_next(scan)) != NULL)
		list = lappend(list, read_feed(slot));
	msgext_scan_end(scan);
	return list;
}

List *
msgext_feed_list_latest(MsgTable *feeds, const char *name)
{
	List *list;
	Snapshot latest;

	CommandCounterIncrement();
	latest = RegisterSnapshot(GetLatestSnapshot());
	list = msgext_feed_list(feeds, name, latest);
	UnregisterSnapshot(latest);
	return list;
}

MsgFeed *
msgext_feed_find_latest(MsgTable *feeds, const char *name, Oid owner)
{
	ListCell *cell;

	foreach (cell, msgext_feed_list_latest(feeds, name))
	{
		MsgFeed *feed = lfirst(cell);

		if (feed->owner == owner)
			return feed;
	}
	return NULL;
}

static Datum
numbers_datum(const Datum *numbers, int n)
{
	return PointerGetDatum(construct_array(unconstify(Datum *, numbers), n, INT8OID, 8,
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static void
set_cursor(MsgValues *row, const MsgFeedCursor *cursor)
{
	Datum xids[MSG_FEED_MARKS];
	Datum ids[MSG_FEED_MARKS];
	int i;

	msgext_values_set(row, Anum_feed_done, msgext_snapshot_write(&cursor->done));
	if (cursor->scanning)
		msgext_values_set(row, Anum_feed_scan, msgext_snapshot_write(&cursor->scan));
	msgext_values_int64(row, Anum_feed_id, cursor->id);
	for (i = 0; i < cursor->nmarks; i++)
	{
		xids[i] = Int64GetDatum((int64) cursor->marks[i].xid);
		ids[i] = Int64GetDatum(cursor->marks[i].id);
	}
	msgext_values_set(row, Anum_feed_mark_xids, numbers_datum(xids, cursor->nmarks));
	msgext_values_set(row, Anum_feed_mark_ids, numbers_datum(ids, cursor->nmarks));
}

static void
set_values(MsgValues *row, const MsgFeed *feed)
{
	msgext_values_init(row);
	msgext_values_text(row, Anum_feed_name, feed->name);
	msgext_values_oid(row, Anum_feed_owner_oid, feed->owner);
	msgext_values_text(row, Anum_feed_owner, feed->owner_name);
	msgext_values_int64(row, Anum_feed_origin, feed->origin);
	msgext_values_time(row, Anum_feed_created_at, feed->created_at);
	if (feed->filter != NULL)
		msgext_values_set(row, Anum_feed_filter, JsonbPGetDatum(feed->filter));
	msgext_values_text(row, Anum_feed_notify, feed->notify);
	if (OidIsValid(feed->function))
		msgext_values_oid(row, Anum_feed_function_oid, feed->function);
	msgext_values_text(row, Anum_feed_function, feed->function_name);
	msgext_values_int32(row, Anum_feed_timeout_ms, feed->timeout_ms);
	set_cursor(row, &feed->cursor);
	msgext_values_time(row, Anum_feed_read_at, feed->read_at);
	msgext_values_time(row, Anum_feed_started_at, feed->started_at);
	msgext_values_int32(row, Anum_feed_failures, feed->failures);
	if (feed->failed_id != 0)
		msgext_values_int64(row, Anum_feed_failed_id, feed->failed_id);
	msgext_values_time(row, Anum_feed_failed_at, feed->failed_at);
	msgext_values_time(row, Anum_feed_next_attempt_at, feed->next_attempt_at);
	msgext_values_text(row, Anum_feed_last_error, feed->last_error);
}

bool
msgext_feed_add(MsgTable *feeds, const MsgFeed *feed)
{
	MsgValues row;

	set_values(&row, feed);
	return msgext_table_insert_unique(feeds, "feed_pkey", row.values, row.nulls);
}

/* Nobody but who has the lock changes the row; a superuser's UPDATE may. */
static void
check_changed(TM_Result result, const MsgFeed *feed)
{
	if (result != TM_Ok)
		ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						errmsg("consumer \"%s\" was changed by another transaction",
							   feed->name)));
}

void
msgext_feed_write(MsgTable *feeds, MsgFeed *feed)
{
	HeapTuple tuple;
	MsgValues row;

	set_values(&row, feed);
	tuple = heap_form_tuple(RelationGetDescr(feeds->rel), row.values, row.nulls);
	check_changed(msgext_table_update(feeds, &feed->tid, tuple, true), feed);
	feed->tid = feeds->slot->tts_tid;
	CommandCounterIncrement();
}

void
msgext_feed_remove(MsgTable *feeds, const MsgFeed *feed)
{
	ItemPointerData tid = feed->tid;

	check_changed(msgext_table_delete(feeds, &tid, true), feed);
	CommandCounterIncrement();
}
