/*
 * consumer.c
 *		Applications that follow what becomes of messages: create_consumer(),
 *		drop_consumer(), events_after(), events_done(), and consumers(), under the views
 *		consumer and handler.
 *
 * How far a consumer has read moves on in the caller's transaction: what it made of the
 * events commits with it, or neither does.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/base/clock.h"
#include "pg/catalog/access.h"
#include "pg/outcome/event_filter.h"
#include "pg/outcome/handler.h"
#include "pg/outcome/lag.h"
#include "pg/outcome/reader.h"
#include "pg/outcome/source.h"
#include "pg/sql/consumer.h"
#include "pg/store/event.h"
#include "pg/store/event_id.h"
#include "pg/store/feed.h"
#include "pg/store/origin.h"

#define NAME_MAX_BYTES 63
#define LIMIT_MAX 10000

/* Of one role. The feeder, and whoever watches, looks at each of them again and again. */
#define CONSUMERS_MAX 100

/* How many events are looked at, to count those that have not been read. */
#define COUNT_MAX 10000

/* Of those of one name the user's own, else the one of a role that he may act for; or NULL. */
static MsgFeed *
choose(const List *list)
{
	MsgFeed *chosen = NULL;
	ListCell *cell;

	foreach (cell, list)
	{
		MsgFeed *feed = lfirst(cell);

		if (feed->owner == GetUserId())
			return feed;
	}
	foreach (cell, list)
	{
		MsgFeed *feed = lfirst(cell);

		if (!has_privs_of_role(GetUserId(), feed->owner))
			continue;
		if (chosen != NULL)
			ereport(ERROR, (errcode(ERRCODE_AMBIGUOUS_PARAMETER),
							errmsg("consumer \"%s\" is ambiguous", feed->name),
							errdetail("Roles \"%s\" and \"%s\" have one.",
									  chosen->owner_name, feed->owner_name),
							errhint("SET ROLE to the one that you mean.")));
		chosen = feed;
	}
	return chosen;
}

/*
 * Locked, and its newest version; NULL when there is none and that is right. Of other
 * roles' consumers nobody learns, nor waits for or takes their locks.
 */
static MsgFeed *
get_consumer(MsgTable *feeds, const char *name, bool missing_ok)
{
	Oid locked = InvalidOid;
	MsgFeed *feed;

	while ((feed = choose(msgext_feed_list_latest(feeds, name))) != NULL)
	{
		if (feed->owner == locked)
			return feed;
		msgext_feed_lock(name, feed->owner);
		locked = feed->owner;
	}
	if (!missing_ok)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("consumer \"%s\" does not exist", name),
						errhint("SELECT msgext.create_consumer(%s);",
								quote_literal_cstr(name))));
	return NULL;
}

MsgFeed *
msgext_consumer_make(const char *name, Oid owner, Jsonb *filter, const int64 *after)
{
	MsgFeed *feed = palloc0(sizeof(MsgFeed));
	int64 last = msgext_event_last_id();
	size_t len = strlen(name);

	if (len == 0 || len > NAME_MAX_BYTES)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("name of a consumer must be 1 to %d bytes long",
							   NAME_MAX_BYTES)));
	if (after != NULL && *after < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("after must not be negative")));
	if (after != NULL && msgext_origin_is_foreign())
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("in a restored copy a consumer begins with what is new"),
						errhint("Leave \"after\" out.")));
	(void) msgext_event_filter_read(filter);
	feed->name = pstrdup(name);
	feed->owner = owner;
	feed->owner_name = GetUserNameFromId(feed->owner, false);
	feed->origin = msgext_origin();
	feed->created_at = msgext_clock();
	feed->filter = filter;
	msgext_feed_cursor_init(&feed->cursor, after != NULL ? Min(*after, last) : last);
	return feed;
}

void
msgext_consumer_lock(const char *name, Oid owner)
{
	/* No consumer has this name. */
	msgext_feed_lock("", owner);
	msgext_feed_lock(name, owner);
}

bool
msgext_consumer_add(MsgTable *feeds, const MsgFeed *feed)
{
	int n = 0;
	ListCell *cell;

	foreach (cell, msgext_feed_list_latest(feeds, NULL))
		n += ((MsgFeed *) lfirst(cell))->owner == feed->owner;
	if (n >= CONSUMERS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("role \"%s\" has %d consumers already", feed->owner_name, n),
				 errhint("Views consumer and handler show them; drop_consumer() removes "
						 "what nobody needs.")));
	return msgext_feed_add(feeds, feed);
}

static char *
read_channel(text *argument)
{
	char *channel = text_to_cstring(argument);

	if (channel[0] == '\0' || strlen(channel) >= NAMEDATALEN)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("channel of notify must be 1 to %d bytes long",
							   NAMEDATALEN - 1)));
	return channel;
}

PG_FUNCTION_INFO_V1(msgext_create_consumer);

PGDLLEXPORT Datum
msgext_create_consumer(PG_FUNCTION_ARGS)
{
	MsgTable *feeds;
	MsgFeed *feed;
	int64 after = 0;
	char *name;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("consumer must not be null")));
	PreventCommandIfReadOnly("create_consumer()");
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (!PG_ARGISNULL(2))
		after = PG_GETARG_INT64(2);
	feed = msgext_consumer_make(name, GetUserId(),
								PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1),
								PG_ARGISNULL(2) ? NULL : &after);
	if (msgext_event_filter_read(feed->filter)->pushes)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("pushes are no events that a consumer reads"),
						errhint("Use take_pushes(), or a handler: on_event().")));
	if (!PG_ARGISNULL(3))
		feed->notify = read_channel(PG_GETARG_TEXT_PP(3));
	feeds = msgext_feed_open(true);
	msgext_consumer_lock(name, feed->owner);
	if (!msgext_consumer_add(feeds, feed))
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
						errmsg("consumer \"%s\" already exists", name)));
	msgext_table_close(feeds);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(msgext_drop_consumer);

PGDLLEXPORT Datum
msgext_drop_consumer(PG_FUNCTION_ARGS)
{
	MsgTable *feeds;
	MsgFeed *feed;

	PreventCommandIfReadOnly("drop_consumer()");
	feeds = msgext_feed_open(true);
	feed = get_consumer(feeds, text_to_cstring(PG_GETARG_TEXT_PP(0)), true);
	if (feed != NULL)
		msgext_feed_remove(feeds, feed);
	msgext_table_close(feeds);
	PG_RETURN_BOOL(feed != NULL);
}

/* The columns of events_after() that are columns of the event, in their order. */
static const AttrNumber event_columns[] = {
	Anum_event_message_id,	Anum_event_at,			Anum_event_kind,
	Anum_event_attempt,		Anum_event_state,		Anum_event_channel,
	Anum_event_status,		Anum_event_code,		Anum_event_error,
	Anum_event_http_status, Anum_event_reported_at, Anum_event_related,
	Anum_event_actor,		Anum_event_reason,		Anum_event_answer};

#define AFTER_SERVER (1 + lengthof(event_columns))
#define AFTER_OPERATION_ID (AFTER_SERVER + 1)
#define AFTER_REF (AFTER_OPERATION_ID + 1)
#define AFTER_COLUMNS (AFTER_REF + 1)

static void
put_event(ReturnSetInfo *result, const MsgReading *reading)
{
	Datum values[AFTER_COLUMNS];
	bool nulls[AFTER_COLUMNS];
	int i;

	values[0] = Int64GetDatum(reading->id);
	nulls[0] = false;
	for (i = 0; i < lengthof(event_columns); i++)
		values[1 + i] = slot_getattr(reading->event, event_columns[i], &nulls[1 + i]);
	values[AFTER_SERVER] = reading->message.values[Anum_outbox_server - 1];
	nulls[AFTER_SERVER] = false;
	values[AFTER_OPERATION_ID] = reading->message.values[Anum_outbox_operation_id - 1];
	nulls[AFTER_OPERATION_ID] = reading->message.nulls[Anum_outbox_operation_id - 1];
	values[AFTER_REF] = reading->message.values[Anum_outbox_ref - 1];
	nulls[AFTER_REF] = reading->message.nulls[Anum_outbox_ref - 1];
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(msgext_events_after);

PGDLLEXPORT Datum
msgext_events_after(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int limit = PG_GETARG_INT32(1);
	MsgReading reading;
	MsgReader *reader;
	MsgTable *feeds;
	MsgFeed *feed;
	int n = 0;

	if (limit < 1 || limit > LIMIT_MAX)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("limit must be between 1 and %d", LIMIT_MAX)));
	PreventCommandIfReadOnly("events_after()");
	InitMaterializedSRF(fcinfo, 0);
	feeds = msgext_feed_open(true);
	feed = get_consumer(feeds, text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
	msgext_reader_check_origin(feed);
	reader = msgext_reader_open(feed, PG_INT64_MAX);
	while (n < limit && msgext_reader_next(reader, &reading))
	{
		put_event(result, &reading);
		n++;
	}

	/* The batch must be the same when events_done() is called. */
	if (n > 0 || msgext_reader_is_worth_a_write(reader))
		msgext_feed_write(feeds, feed);
	msgext_reader_close(reader);
	msgext_table_close(feeds);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(msgext_events_done);

PGDLLEXPORT Datum
msgext_events_done(PG_FUNCTION_ARGS)
{
	int64 id = PG_GETARG_INT64(1);
	MsgTable *feeds;
	MsgFeed *feed;
	bool done;

	PreventCommandIfReadOnly("events_done()");
	feeds = msgext_feed_open(true);
	feed = get_consumer(feeds, text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
	msgext_reader_check_origin(feed);
	done = msgext_source_skip(feed, id);
	if (done)
	{
		msgext_handler_succeeded(feed);
		msgext_feed_write(feeds, feed);
	}
	msgext_table_close(feeds);
	PG_RETURN_BOOL(done);
}

enum
{
	CONSUMER_NAME,
	CONSUMER_OWNER,
	CONSUMER_FILTER,
	CONSUMER_NOTIFY,
	CONSUMER_CREATED_AT,
	CONSUMER_READ_AT,
	CONSUMER_UNREAD,
	CONSUMER_OLDEST_UNREAD_AT,
	CONSUMER_FUNCTION,
	CONSUMER_TIMEOUT,
	CONSUMER_FAILURES,
	CONSUMER_LAST_ERROR,
	CONSUMER_FAILED_POSITION,
	CONSUMER_FAILED_AT,
	CONSUMER_NEXT_ATTEMPT_AT,
	CONSUMER_COLUMNS
};

static void
set_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	if (text != NULL)
		values[column] = CStringGetTextDatum(text);
}

static void
set_time(Datum *values, bool *nulls, int column, TimestampTz time)
{
	nulls[column] = time == 0;
	values[column] = TimestampTzGetDatum(time);
}

static void
put_consumer(ReturnSetInfo *result, MsgFeed *feed)
{
	Datum values[CONSUMER_COLUMNS] = {0};
	bool nulls[CONSUMER_COLUMNS] = {false};
	Interval *timeout = palloc0(sizeof(Interval));
	MsgLag lag = {0};

	values[CONSUMER_NAME] = CStringGetTextDatum(feed->name);
	values[CONSUMER_OWNER] = CStringGetTextDatum(feed->owner_name);
	nulls[CONSUMER_FILTER] = feed->filter == NULL;
	values[CONSUMER_FILTER] = PointerGetDatum(feed->filter);
	set_time(values, nulls, CONSUMER_CREATED_AT, feed->created_at);
	set_time(values, nulls, CONSUMER_READ_AT, feed->read_at);
	set_text(values, nulls, CONSUMER_NOTIFY, feed->notify);
	set_text(values, nulls, CONSUMER_FUNCTION, feed->function_name);
	timeout->time = (int64) feed->timeout_ms * 1000;
	values[CONSUMER_TIMEOUT] = IntervalPGetDatum(timeout);
	values[CONSUMER_FAILURES] = Int32GetDatum(feed->failures);
	set_text(values, nulls, CONSUMER_LAST_ERROR, feed->last_error);
	nulls[CONSUMER_FAILED_POSITION] = feed->failed_id == 0;
	values[CONSUMER_FAILED_POSITION] = Int64GetDatum(feed->failed_id);
	set_time(values, nulls, CONSUMER_FAILED_AT, feed->failed_at);
	set_time(values, nulls, CONSUMER_NEXT_ATTEMPT_AT, feed->next_attempt_at);

	/* Counting moves the cursor in memory. */
	nulls[CONSUMER_UNREAD] = feed->origin != msgext_origin();
	if (!nulls[CONSUMER_UNREAD])
		msgext_lag_read(feed, COUNT_MAX, &lag);
	values[CONSUMER_UNREAD] = Int64GetDatum(lag.unread);
	set_time(values, nulls, CONSUMER_OLDEST_UNREAD_AT, lag.oldest);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(msgext_consumers);

PGDLLEXPORT Datum
msgext_consumers(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MsgTable *feeds = msgext_feed_open(false);
	MemoryContext row = AllocSetContextCreate(CurrentMemoryContext, "msgext consumer",
											  ALLOCSET_DEFAULT_SIZES);
	List *list = msgext_feed_list(feeds, NULL, GetActiveSnapshot());
	ListCell *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach (cell, list)
	{
		MsgFeed *feed = lfirst(cell);
		MemoryContext before;

		if (!has_privs_of_role(GetUserId(), feed->owner) &&
			!has_privs_of_role(GetUserId(), ROLE_PG_MONITOR))
			continue;
		before = MemoryContextSwitchTo(row);
		put_consumer(result, feed);
		MemoryContextSwitchTo(before);
		MemoryContextReset(row);
	}
	msgext_table_close(feeds);
	return (Datum) 0;
}
