/*
 * on_event.c
 *		on_event(): a function of the user's is run for each event. By whom and how is
 *		outcome/handler.c's.
 */
#include "postgres.h"

#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "pg/outcome/event_filter.h"
#include "pg/outcome/handler.h"
#include "pg/outcome/pushes.h"
#include "pg/sql/consumer.h"

#define TIMEOUT_MAX_MS (60 * 1000)

/* Whose it is: the handler will be his too. */
static Oid
owner_of(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
						errmsg("function with OID %u does not exist", function)));
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of function %s", format_procedure(function))));
	return owner;
}

static int32
read_timeout(const Interval *interval)
{
	int64 ms = interval->time / 1000;

	if (interval->month != 0 || interval->day != 0 || ms < 1 || ms > TIMEOUT_MAX_MS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("timeout must be between 1 ms and 60 s")));
	return (int32) ms;
}

/* Another function, or filter: it goes on where it was, unless it is told where. */
static void
change(MsgTable *feeds, MsgFeed *old, MsgFeed *new, bool keep_place)
{
	if (!OidIsValid(old->function))
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
						errmsg("\"%s\" is a consumer, and no handler", old->name)));
	new->tid = old->tid;
	new->created_at = old->created_at;
	if (keep_place && old->origin ==
						  new->origin &&msgext_event_filter_read(old->filter)->pushes ==
						  msgext_event_filter_read(new->filter)->pushes)
	{
		new->cursor = old->cursor;
		new->read_at = old->read_at;
	}
	msgext_feed_write(feeds, new);
}

PG_FUNCTION_INFO_V1(msgext_on_event);

PGDLLEXPORT Datum
msgext_on_event(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"handler", "function", NULL, NULL, "timeout"};
	int64 after = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT64(3);
	MsgTable *feeds;
	MsgFeed *feed;
	MsgFeed *old;
	int i;

	for (i = 0; i < lengthof(names); i++)
		if (names[i] != NULL && PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("%s must not be null", names[i])));
	PreventCommandIfReadOnly("on_event()");
	feed = msgext_consumer_make(
		text_to_cstring(PG_GETARG_TEXT_PP(0)), owner_of(PG_GETARG_OID(1)),
		PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2), PG_ARGISNULL(3) ? NULL : &after);
	feed->function = PG_GETARG_OID(1);
	msgext_handler_check(feed->function, feed->owner);
	if (msgext_event_filter_read(feed->filter)->pushes)
	{
		if (!PG_ARGISNULL(3))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("\"after\" is for events of messages"),
							errdetail("A handler of pushes gets all that nobody is done "
									  "with.")));
		msgext_pushes_check(feed);
	}
	feed->function_name = format_procedure_qualified(feed->function);
	feed->timeout_ms = read_timeout(PG_GETARG_INTERVAL_P(4));
	feeds = msgext_feed_open(true);
	msgext_consumer_lock(feed->name, feed->owner);
	old = msgext_feed_find_latest(feeds, feed->name, feed->owner);
	if (old != NULL)
		change(feeds, old, feed, PG_ARGISNULL(3));
	else
		(void) msgext_consumer_add(feeds, feed);
	msgext_table_close(feeds);
	PG_RETURN_VOID();
}
