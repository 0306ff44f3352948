/*
 * feeder.c
 *		The feeder of one database: tells applications what became of their messages.
 *
 * Owns the process, its wait and its error trap. It runs handlers, one after the other,
 * in rounds, and sends NOTIFY. It is a process apart from the worker: whatever a user's
 * function does, sending is not held up by it, nor ended with it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "utils/backend_status.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/base/clock.h"
#include "pg/base/mode.h"
#include "pg/catalog/server.h"
#include "pg/ipc/registry.h"
#include "pg/outcome/handler.h"
#include "pg/outcome/handler_queue.h"
#include "pg/outcome/consumer_notify.h"
#include "pg/process/bgworker.h"
#include "pg/process/worker.h"

/* How long an event waits for its handler where nothing goes on, at the most. */
#define PAUSE_MS 500

/* NOTIFY, and looking whether to stay. */
#define TICK_US USECS_PER_SEC

/* Who is due, and has something to do, is looked at again after this, or the round that it is in. */
#define PASS_US (100 * 1000)

/* What is wrong with our own work is said so often. */
#define QUIET_US (60 * USECS_PER_SEC)

static MemoryContext pass_context;

/* In PG_CATCH. */
static void
recover(void)
{
	static TimestampTz told_at = 0;
	TimestampTz now = GetCurrentTimestamp();
	bool tell = !msgext_clock_within(told_at, QUIET_US, now);

	msgext_bgworker_recover(pass_context, tell);
	if (tell)
		told_at = now;
}

static void
begin(void)
{
	msgext_bgworker_begin();
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
commit(void)
{
	PopActiveSnapshot();
	msgext_bgworker_commit();
}

/* True when there may be more to do for it at once. */
static bool
run_round(const MsgHandlerId *id)
{
	volatile bool more = false;

	PG_TRY();
	{
		begin();
		if (msgext_feed_hold(id->name, id->owner) && msgext_handler_begin(id))
		{
			commit();
			MemoryContextSwitchTo(pass_context);
			pgstat_report_activity(STATE_RUNNING, psprintf("handler \"%s\"", id->name));
			begin();
			msgext_bgworker_set_interruptible(true);
			more = msgext_handler_run(id);
			msgext_bgworker_set_interruptible(false);
		}
		commit();
	}
	PG_CATCH();
	{
		msgext_bgworker_set_interruptible(false);
		recover();
	}
	PG_END_TRY();
	msgext_handler_clean_up();
	return more;
}

static void
notify_consumers(void)
{
	begin();
	msgext_consumer_notify();
	commit();
	msgext_consumer_notify_committed();
}

static List *
find_due(void)
{
	List *due = NIL;

	begin();
	MemoryContextSwitchTo(pass_context);
	if (msgext_mode() == MSG_MODE_LIVE)
		due = msgext_handlers_due();
	commit();
	return due;
}

/* Rounds of those that are due, for some time. True when there may be more to do at once. */
static bool
run_handlers(void)
{
	List *due = find_due();
	TimestampTz started = GetCurrentTimestamp();
	TimestampTz now = started;
	MsgHandlerId *id;

	msgext_handler_queue_begin(due);
	while ((id = msgext_handler_queue_next(due)) != NULL &&
		   msgext_clock_within(started, PASS_US, now))
	{
		TimestampTz begun = now;
		bool more;

		MemoryContextSwitchTo(pass_context);
		CHECK_FOR_INTERRUPTS();
		if (ShutdownRequestPending)
			return false;
		more = run_round(id);
		now = GetCurrentTimestamp();
		msgext_handler_queue_took(id, now - begun, more);
	}
	return id != NULL;
}

/* An ERROR in it costs the rest of the pass. */
static bool
pass(TimestampTz *ticked_at, bool *may_stay)
{
	volatile bool more = false;

	PG_TRY();
	{
		TimestampTz now = GetCurrentTimestamp();

		if (!msgext_clock_within(*ticked_at, TICK_US, now))
		{
			*ticked_at = now;
			*may_stay = msgext_bgworker_may_stay() && !msgext_bgworker_in_test_database();
			*may_stay = *may_stay && msgext_registry_feeds(MyDatabaseId);
			if (*may_stay)
				notify_consumers();
			pgstat_report_stat(false);
		}
		if (*may_stay)
			more = run_handlers();
	}
	PG_CATCH();
	{
		recover();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextReset(pass_context);
	return more;
}

void
msgext_feeder_main(Datum arg)
{
	TimestampTz ticked_at = 0;
	bool may_stay = true;
	bool more;

	msgext_bgworker_start(DatumGetObjectId(arg));
	pgstat_report_appname("msgext feeder");
	pass_context =
		AllocSetContextCreate(TopMemoryContext, "msgext feeder", ALLOCSET_DEFAULT_SIZES);
	msgext_handlers_init();
	while (!ShutdownRequestPending && may_stay)
	{
		if (ConfigReloadPending)
		{
			msgext_bgworker_reload();
			msgext_server_forget_all();
		}
		more = pass(&ticked_at, &may_stay);
		pgstat_report_activity(STATE_IDLE, "waiting for events");
		if (!more && may_stay && !msgext_bgworker_pause(PAUSE_MS))
			break;
	}

	/* Not 0: the launcher starts it again where there is a handler. */
	proc_exit(1);
}
