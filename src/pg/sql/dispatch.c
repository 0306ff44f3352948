/*
 * dispatch.c
 *		CALL dispatch(): the dispatcher in the foreground, until nothing is due.
 *
 * Where a worker dispatches already, it is woken and waited for.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/wait_event.h"
#include "storage/latch.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "pg/base/clock.h"
#include "pg/base/compat.h"
#include "pg/base/extension.h"
#include "pg/base/mode.h"
#include "pg/base/replicated.h"
#include "pg/catalog/server.h"
#include "pg/engine/dispatcher.h"
#include "pg/engine/dispatcher_lock.h"
#include "pg/engine/retention.h"
#include "pg/ipc/notify.h"
#include "pg/monitor/server_state.h"

/* How often a worker's progress is looked at. */
#define LOOK_MS 20

/* What is dispatched belongs to this one: see msgext_extension_oid(). */
static Oid extension;

/*
 * What the caller's session may have set, and what must not matter: names are looked up
 * nowhere but in pg_catalog, values are read in one form, no lock or isolation level ends
 * a turn half way. A commit brings the caller's own back.
 */
static void
pin_settings(void)
{
	static const struct
	{
		const char *name;
		const char *value;
	} pinned[] = {
		{"search_path", "pg_catalog, pg_temp"},
		{"row_security", "on"},
		{"transaction_isolation", "read committed"},
		{"transaction_read_only", "off"},
		{"lock_timeout", "0"},
		{"intervalstyle", "postgres"},
		{"datestyle", "ISO, YMD"},
	};
	int i;

	for (i = 0; i < lengthof(pinned); i++)
		(void) set_config_option(pinned[i].name, pinned[i].value, PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);

	/* A claim that a crash of the server takes back would be sent twice. */
	if (synchronous_commit == SYNCHRONOUS_COMMIT_OFF)
		(void) set_config_option("synchronous_commit", "local", PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

/* SPI_commit() has begun the next transaction already; it holds nothing until used. */
static void
begin_transaction(void)
{
	pin_settings();
	if (!msgext_extension_hold(extension))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("extension msgext was dropped while dispatch() ran")));
}

static void
commit_transaction(void)
{
	if (!msgext_commit(SPI_commit))
	{
		CHECK_FOR_INTERRUPTS();
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("canceling dispatch() due to user request"),
				 errdetail("What it has claimed might not have been replicated to the "
						   "standby, and is not sent.")));
	}

	/* The next one has begun, and lasts while answers are waited for. */
	msgext_disable_transaction_timeout();
}

static const MsgXactOps host = {begin_transaction, commit_transaction};

static void
wait_for(WaitEventSet *events, long timeout)
{
	static uint32 event = 0;
	WaitEvent occurred[3];

	(void) WaitEventSetWait(events, timeout, occurred, lengthof(occurred),
							msgext_wait_event(&event, "MsgextDispatch"));
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* Its time is over, or nobody knows how much is left: the clock was set back. */
static bool
is_over(TimestampTz until, TimestampTz *last)
{
	TimestampTz now = GetCurrentTimestamp();
	bool set_back = msgext_clock_was_ahead(*last, now);

	*last = now;
	return now >= until || set_back;
}

static void
add_events(WaitEventSet *events, const MsgDispatcher *dispatcher)
{
	AddWaitEventToSet(events, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	if (IsUnderPostmaster) /* a server in single-user mode has none */
		AddWaitEventToSet(events, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(events, WL_SOCKET_READABLE, msgext_dispatcher_fd(dispatcher), NULL,
					  NULL);
}

static void
dispatch_here(TimestampTz until)
{
	MemoryContext before = CurrentMemoryContext;
	MsgDispatcher *dispatcher = msgext_dispatcher_create(TopMemoryContext, &host);
	WaitEventSet *volatile events = NULL;
	TimestampTz last = 0;

	/* From here on there is a thread: nothing that may fail goes before the trap. */
	PG_TRY();
	{
		events = msgext_wait_event_set_create(3);
		add_events(events, dispatcher);
		for (;;)
		{
			TimestampTz now;
			long timeout;

			if (is_over(until, &last))
				msgext_dispatcher_stop(dispatcher);
			msgext_dispatcher_run(dispatcher);
			if (msgext_dispatcher_idle(dispatcher, until))
				break;
			now = GetCurrentTimestamp();
			timeout = msgext_dispatcher_timeout_ms(dispatcher, now);
			if (now < until)
				timeout = Min(timeout, (until - now) / 1000 + 1);
			wait_for(events, timeout);
		}

		/* One more turn writes down how far the lanes have been read. */
		msgext_dispatcher_stop(dispatcher);
		msgext_dispatcher_finish(dispatcher);
		msgext_retention_run(&host, MSG_RETENTION_IDLE_US);
	}
	PG_FINALLY();
	{
		if (events != NULL)
			FreeWaitEventSet(events);
		MemoryContextSwitchTo(before); /* from one of the dispatcher's */
		msgext_dispatcher_destroy(dispatcher);
	}
	PG_END_TRY();
}

/* The worker has it in hand: wake it and wait until nothing is due. */
static void
wait_for_worker(TimestampTz until)
{
	static uint32 event = 0;
	TimestampTz last = 0;

	while (!is_over(until, &last))
	{
		bool idle;

		msgext_notify_at_commit(MSG_NEWS_ALL);
		commit_transaction();
		PushActiveSnapshot(GetTransactionSnapshot());
		idle = msgext_server_state_nothing_due();
		PopActiveSnapshot();
		if (idle)
			break;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 LOOK_MS, msgext_wait_event(&event, "MsgextDispatchWait"));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

static TimestampTz
deadline(Interval *timeout)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz until = DatumGetTimestampTz(DirectFunctionCall2(
		timestamptz_pl_interval, TimestampTzGetDatum(now), IntervalPGetDatum(timeout)));

	if (until < now)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("timeout must not be negative")));
	return until;
}

/* Is anything sent here at all? If not, nobody waits for it. */
static bool
may_dispatch(void)
{
	switch (msgext_mode())
	{
		case MSG_MODE_LIVE:
			return true;
		case MSG_MODE_HOLD:
			ereport(NOTICE, (errmsg("nothing is sent: msgext.mode is \"hold\"")));
			return false;
		default:
			ereport(NOTICE, (errmsg("nothing is sent: this is a test database"),
							 msgext_mode_has_test_extension()
								 ? errhint("Extension msgext_test is installed in it.")
								 : errhint("msgext.mode is \"test\".")));
			return false;
	}
}

PG_FUNCTION_INFO_V1(msgext_dispatch);

PGDLLEXPORT Datum
msgext_dispatch(PG_FUNCTION_ARGS)
{
	CallContext *call = fcinfo->context != NULL && IsA(fcinfo->context, CallContext)
							? (CallContext *) fcinfo->context
							: NULL;
	TimestampTz until;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("timeout must not be null")));
	if (call == NULL || call->atomic)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
			 errmsg("dispatch() cannot run inside a transaction block"),
			 errdetail("It commits between claiming, sending and recording."),
			 errhint("Commit what you have queued, then run CALL msgext.dispatch().")));
	PreventCommandIfReadOnly("dispatch()");
	if (IsBinaryUpgrade)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("dispatch() cannot run in a binary upgrade")));
	until = deadline(PG_GETARG_INTERVAL_P(0));
	if (!may_dispatch())
		PG_RETURN_VOID();

	/* It has a timeout of its own, at which it ends and leaves nothing unknown. */
	disable_timeout(STATEMENT_TIMEOUT, false);
	SPI_connect_ext(SPI_OPT_NONATOMIC);

	/* Queued before this call, in the transaction the call began with. */
	commit_transaction();
	extension = msgext_extension_oid();
	if (msgext_dispatcher_lock())
	{
		PG_TRY();
		{
			dispatch_here(until);
		}
		PG_FINALLY();
		{
			msgext_dispatcher_unlock();
		}
		PG_END_TRY();
	}
	else
		wait_for_worker(until);
	SPI_finish();
	PG_RETURN_VOID();
}
