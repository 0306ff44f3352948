/*
 * handler.c
 *		A function of the user's that is run for each event: see handler.h.
 *
 * Whoever writes such a function may want more than his rights, or harm. It runs as its
 * owner in a security-restricted context, as functions of an index do in REINDEX: he
 * cannot become who the process is, nor leave anything to be done when it is itself again.
 * It is interrupted when its time is over; one that survives this takes the process with
 * it, and is found out by the next one.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "core/lifecycle.h"
#include "pg/base/actor.h"
#include "pg/base/clock.h"
#include "pg/base/compat.h"
#include "pg/base/pinned.h"
#include "pg/base/run_as.h"
#include "pg/base/subtransaction.h"
#include "pg/base/text.h"
#include "pg/outcome/handler.h"
#include "pg/outcome/source.h"
#include "pg/store/origin.h"

/* Events of one transaction, as long as they take no longer than this together. */
#define ROUND_MAX 64
#define ROUND_US (100 * 1000)

#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS (5 * 60 * 1000)

/* Who goes on so long after his time is over is ended together with the process. */
#define GRACE_MS 5000

static TimeoutId last_resort;

/* In a signal handler. */
static void
end_process(void)
{
	ProcDiePending = true;
	InterruptPending = true;
}

void
msgext_handlers_init(void)
{
	last_resort = RegisterTimeout(USER_TIMEOUT, end_process);
}

void
msgext_handler_check(Oid function, Oid owner)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc form;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
						errmsg("the function of the handler does not exist any more")));
	form = (Form_pg_proc) GETSTRUCT(tuple);
	if (form->prokind != PROKIND_FUNCTION || form->pronargs != 1 ||
		form->proargtypes.values[0] != JSONBOID || form->proretset)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("function %s cannot be a handler", format_procedure(function)),
				 errdetail("It must take one argument of type jsonb, and return "
						   "no set.")));
	if (form->proowner != owner)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("function %s has another owner now", format_procedure(function)),
				 errhint("Call msgext.on_event() for it again, then drop_consumer() as "
						 "the old owner.")));
	if (msgext_function_aclcheck(function, owner, ACL_EXECUTE) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, NameStr(form->proname));
	ReleaseSysCache(tuple);
}

static void
stop_clocks(void)
{
	disable_timeout(last_resort, false);
	disable_timeout(STATEMENT_TIMEOUT, false);

	/* It may have come when the function was about to return. */
	QueryCancelPending = false;
}

static void
call(const MsgFeed *feed, FmgrInfo *function, Jsonb *event)
{
	LOCAL_FCINFO(fcinfo, 1);

	InitFunctionCallInfoData(*fcinfo, function, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = JsonbPGetDatum(event);
	fcinfo->args[0].isnull = false;
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	enable_timeout_after(STATEMENT_TIMEOUT, feed->timeout_ms);
	enable_timeout_after(last_resort, feed->timeout_ms + GRACE_MS);
	msgext_actor_set(feed->owner);
	PG_TRY();
	{
		(void) FunctionCallInvoke(fcinfo);
	}
	PG_FINALLY();
	{
		stop_clocks();
		msgext_actor_set(InvalidOid);
	}
	PG_END_TRY();
	PopActiveSnapshot();
}

/* What is deferred would be done at the commit, when we are ourselves again. */
static void
defer_nothing(void)
{
	ConstraintsSetStmt *all = makeNode(ConstraintsSetStmt);

	AfterTriggerSetState(all);
}

/* Some events, one after the other. */
typedef struct Round
{
	const MsgHandlerId *id;
	MsgFeed *feed;
	int max;  /* no more than so many */
	int n;	  /* how many it was */
	int64 at; /* the one that it is at */
} Round;

static void
handle(Round *round, MsgSource *source)
{
	const MsgFeed *feed = round->feed;
	TimestampTz until = GetCurrentTimestamp() + ROUND_US;
	MemoryContext context = CurrentMemoryContext;
	MemoryContext each =
		AllocSetContextCreate(context, "msgext handler", ALLOCSET_DEFAULT_SIZES);
	FmgrInfo function = {0};
	MsgRunAs self;
	int settings;

	defer_nothing();
	self = msgext_run_as(feed->owner);
	settings = NewGUCNestLevel();
	msgext_pin_setting("search_path", "pg_catalog, pg_temp");
	msgext_pin_setting("row_security", "on");
	while (round->n < round->max && (round->n == 0 || GetCurrentTimestamp() < until) &&
		   msgext_source_next(source, &round->at))
	{
		if (!OidIsValid(function.fn_oid))
		{
			/* Looked at now: it may be another's since the last round. */
			msgext_handler_check(feed->function, feed->owner);
			fmgr_info_cxt(feed->function, &function, context);
		}
		MemoryContextSwitchTo(each);
		if (msgext_source_take(source))
		{
			call(feed, &function, msgext_source_describe(source));
			msgext_source_pass(source);
			round->n++;
		}
		MemoryContextSwitchTo(context);
		MemoryContextReset(each);
	}
	AtEOXact_GUC(false, settings);
	msgext_run_as_end(&self);
	MemoryContextDelete(each);
}

void
msgext_handler_succeeded(MsgFeed *feed)
{
	feed->read_at = msgext_clock();
	feed->failures = 0;
	feed->failed_id = 0;
	feed->failed_at = feed->next_attempt_at = 0;
	feed->last_error = NULL;
}

/*
 * It may have dropped its own handler, and that counts; else its row is not its to change.
 * Where others have taken all that there was, nothing has succeeded.
 */
static void
write_end(const Round *round)
{
	const MsgHandlerId *id = round->id;
	MsgFeed *feed = round->feed;
	MsgTable *feeds = msgext_feed_open(true);
	MsgFeed *now = msgext_feed_find_latest(feeds, id->name, id->owner);

	if (now != NULL && !ItemPointerEquals(&now->tid, &feed->tid))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
						errmsg("a handler cannot change its own place")));
	feed->started_at = 0;
	if (round->n > 0)
		msgext_handler_succeeded(feed);
	if (now != NULL)
		msgext_feed_write(feeds, feed);
	msgext_table_close(feeds);
}

/* Tables are opened within its subtransaction, for they would be closed with it. */
static bool
run_round(void *arg)
{
	Round *round = arg;
	MsgSource *source = msgext_source_open(round->feed);

	handle(round, source);
	msgext_source_close(source);
	write_end(round);
	return true;
}

/* NULL, or the error that undid it. */
static ErrorData *
try_round(Round *round, int max)
{
	ErrorData *error;

	round->max = max;
	round->n = 0;
	(void) msgext_subtransaction(run_round, round, &error);
	return error;
}

/* Each doubled from the one before it, the upper half of it by chance. */
static TimestampTz
next_attempt(const MsgFeed *feed)
{
	return msgext_clock() +
		   1000 * msgext_backoff_ms(BACKOFF_MIN_MS, BACKOFF_MAX_MS, feed->failures,
									(uint64) feed->failed_id * 31 + feed->failures);
}

static void
write_failure(MsgTable *feeds, MsgFeed *feed, int64 id, const char *error)
{
	feed->started_at = 0;
	feed->failures++;
	feed->failed_id = id;
	feed->failed_at = msgext_clock();
	feed->next_attempt_at = next_attempt(feed);
	feed->last_error = msgext_clean_text(error, 1000);
	msgext_feed_write(feeds, feed);
	ereport(LOG, (errmsg("handler \"%s\" of role \"%s\" failed: %s", feed->name,
						 feed->owner_name, feed->last_error),
				  errdetail("It is tried again; see view msgext.handler.")));
}

/* What has failed later than now did so before the clock was set back. */
static bool
is_due(const MsgFeed *feed)
{
	TimestampTz now = msgext_clock();

	return OidIsValid(feed->function) && feed->origin == msgext_origin() &&
		   (feed->next_attempt_at == 0 || feed->next_attempt_at <= now ||
			msgext_clock_was_ahead(feed->failed_at, now));
}

List *
msgext_handlers_due(void)
{
	MsgTable *feeds = msgext_feed_open(false);
	List *ids = NIL;
	ListCell *cell;

	foreach (cell, msgext_feed_list(feeds, NULL, GetActiveSnapshot()))
	{
		const MsgFeed *feed = lfirst(cell);
		MsgHandlerId *id;

		if (!is_due(feed))
			continue;
		id = palloc0(sizeof(MsgHandlerId));
		id->name = feed->name;
		id->owner = feed->owner;
		id->failed = feed->failures > 0 || feed->started_at != 0;
		ids = lappend(ids, id);
	}
	msgext_table_close(feeds);
	return ids;
}

static bool
begin(MsgTable *feeds, MsgFeed *feed)
{
	MsgSource *source;
	int64 id;

	if (feed->started_at != 0)
	{
		write_failure(feeds, feed, feed->failed_id, "the process ended while it ran");
		return false;
	}
	source = msgext_source_open(feed);
	if (msgext_source_next(source, &id))
		feed->started_at = msgext_clock();
	if (feed->started_at != 0 || msgext_source_is_worth_a_write(source))
		msgext_feed_write(feeds, feed);
	msgext_source_close(source);
	return feed->started_at != 0;
}

bool
msgext_handler_begin(const MsgHandlerId *id)
{
	MsgTable *feeds = msgext_feed_open(true);
	MsgFeed *feed = msgext_feed_find_latest(feeds, id->name, id->owner);
	bool begun = feed != NULL && is_due(feed) && begin(feeds, feed);

	msgext_table_close(feeds);
	return begun;
}

/* Who has its lock keeps it from being dropped; a superuser may DELETE its row. */
static MsgFeed *
read_latest(const MsgHandlerId *id)
{
	MsgTable *feeds = msgext_feed_open(false);
	MsgFeed *feed = msgext_feed_find_latest(feeds, id->name, id->owner);

	if (feed == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the row of handler \"%s\" was removed while it ran", id->name)));
	msgext_table_close(feeds);
	return feed;
}

bool
msgext_handler_run(const MsgHandlerId *id)
{
	Round round = {.id = id, .feed = read_latest(id)};
	ErrorData *error;
	MsgTable *feeds;

	error = try_round(&round, round.feed->failures > 0 ? 1 : ROUND_MAX);
	if (error != NULL && round.n > 0)
	{
		/* Those before it were undone as well, and are right by themselves. */
		round.feed = read_latest(id);
		error = try_round(&round, round.n);
	}
	if (error == NULL)
		return round.n > 0;

	/* Where nothing was undone but the event itself, its place is kept: it can be passed. */
	if (round.n > 0)
		round.feed = read_latest(id);
	feeds = msgext_feed_open(true);
	write_failure(feeds, round.feed, round.at, error->message);
	msgext_table_close(feeds);
	return false;
}

void
msgext_handler_clean_up(void)
{
	stop_clocks();

	/* What outlives a transaction: that of the handler, and what the function took. */
	LockReleaseSession(DEFAULT_LOCKMETHOD);
	LockReleaseSession(USER_LOCKMETHOD);
}
