/*
 * worker.c
 *		The worker of one database: waits, and lets the dispatcher run.
 *
 * Owns signals, the one wait and the error trap. An ERROR costs its turn, nothing else.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/s_lock.h"
#include "utils/backend_status.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/base/compat.h"
#include "pg/base/guc.h"
#include "pg/catalog/server.h"
#include "pg/engine/dispatcher.h"
#include "pg/engine/dispatcher_lock.h"
#include "pg/engine/retention.h"
#include "pg/ipc/registry.h"
#include "pg/process/bgworker.h"
#include "pg/process/worker.h"

/* At a shutdown, requests under way may take this long to be answered. */
#define DRAIN_US (5 * USECS_PER_SEC)

/* Between turns that fail one after the other. */
#define ERROR_PAUSE_MAX_MS 5000

/* Another session is the dispatcher (CALL dispatch()): look again after this. */
#define LOCK_RETRY_MS 100

#define CHECK_US USECS_PER_SEC

/* Nothing to do for so long is to be idle. */
#define IDLE_US USECS_PER_SEC

/* A commit that has begun takes about as long, if it need not wait for another server. */
#define COMMIT_US 300

static const MsgXactOps host = {msgext_bgworker_begin, msgext_bgworker_commit};

static void
report(const MsgDispatcher *dispatcher)
{
	static int last = -1;
	int n = msgext_dispatcher_in_flight(dispatcher);
	char text[96];

	if (n == last)
		return;
	last = n;
	snprintf(text, sizeof(text), "dispatching: %d in flight", n);
	pgstat_report_activity(n > 0 ? STATE_RUNNING : STATE_IDLE,
						   n > 0 ? text : "waiting for messages");
}

/*
 * The port that the database itself has set for its listener, or -1. Not this process's
 * own setting: that is as old as the process.
 */
static int
own_port(void)
{
	static const char name[] = "msgext.listen_port=";
	const char *setting = msgext_bgworker_settings(name);
	char *value;
	int port;

	if (setting[0] == '\0')
		return -1;
	value = pnstrdup(setting + strlen(name), strcspn(setting, "\n") - strlen(name));
	return parse_int(value, &port, 0, NULL) ? port : -1;
}

/* What is looked at about once a second. False = end. */
static bool
look_around(void)
{
	msgext_bgworker_begin();
	PushActiveSnapshot(GetTransactionSnapshot());
	msgext_registry_set_port(own_port());
	PopActiveSnapshot();
	msgext_bgworker_commit();
	return msgext_bgworker_may_stay();
}

/* The error trap around one run of the dispatcher. */
static void
run(MsgDispatcher *dispatcher)
{
	MemoryContext before = CurrentMemoryContext;
	static int failures = 0;

	PG_TRY();
	{
		msgext_dispatcher_run(dispatcher);
		failures = 0;
	}
	PG_CATCH();
	{
		int sqlstate = geterrcode();

		MemoryContextSwitchTo(before);
		HOLD_INTERRUPTS();
		EmitErrorReport();
		AbortCurrentTransaction();
		FlushErrorState();
		RESUME_INTERRUPTS();

		msgext_bgworker_leave_if_absent();
		msgext_dispatcher_recover(dispatcher, sqlstate);

		/* It never ends for errors: what it has in memory would be lost. */
		failures++;
		(void) WaitLatch(MyLatch, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Min(20L << Min(failures, 8), ERROR_PAUSE_MAX_MS),
						 PG_WAIT_EXTENSION);
	}
	PG_END_TRY();
}

static void
become_dispatcher(void)
{
	bool locked = false;

	while (!locked)
	{
		msgext_bgworker_begin();
		PushActiveSnapshot(GetTransactionSnapshot());
		if (OidIsValid(get_extension_oid("msgext", true)))
			locked = msgext_dispatcher_lock();
		PopActiveSnapshot();
		msgext_bgworker_commit();
		if (locked)
			break;
		pgstat_report_activity(STATE_IDLE, "another session dispatches");
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 LOCK_RETRY_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ShutdownRequestPending)
			proc_exit(1);
		if (!look_around())
			proc_exit(1);
	}
}

/*
 * Waits for something to happen. Having been woken for a commit that is under way, it stays
 * awake for it: falling asleep and being woken again would take longer. Nobody else is
 * kept waiting, for an idle worker is woken so only where nothing else goes on.
 */
static int
wait_for_news(MsgDispatcher *dispatcher, WaitEventSet *events, long timeout,
			  WaitEvent *occurred, int max)
{
	static bool expecting = false;
	bool idle;
	int n;

	if (expecting)
	{
		TimestampTz until = GetCurrentTimestamp() + COMMIT_US;

		while (!MyLatch->is_set && GetCurrentTimestamp() < until)
			SPIN_DELAY();
	}
	idle = msgext_enabled &&
		   msgext_dispatcher_idle(dispatcher, GetCurrentTimestamp() + IDLE_US);
	if (idle)
		msgext_registry_idle();
	n = WaitEventSetWait(events, timeout, occurred, max, PG_WAIT_EXTENSION);
	expecting = idle && msgext_registry_was_woken_early();
	return n;
}

static void
work(MsgDispatcher *dispatcher)
{
	WaitEventSet *events = msgext_wait_event_set_create(3);
	TimestampTz checked = GetCurrentTimestamp();
	TimestampTz drain_until = 0;

	AddWaitEventToSet(events, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(events, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(events, WL_SOCKET_READABLE, msgext_dispatcher_fd(dispatcher), NULL,
					  NULL);
	for (;;)
	{
		long timeout = msgext_dispatcher_timeout_ms(dispatcher, GetCurrentTimestamp());
		WaitEvent occurred[3];
		TimestampTz now;
		int n;
		int i;

		if (drain_until != 0 && msgext_dispatcher_idle(dispatcher, drain_until))
			timeout = 0;
		n = wait_for_news(dispatcher, events, timeout, occurred, lengthof(occurred));
		for (i = 0; i < n; i++)
		{
			if (occurred[i].events & WL_LATCH_SET)
			{
				ResetLatch(MyLatch);

				/* While it sends nothing, news stays where it is, and wakes once. */
				if (msgext_enabled)
					msgext_dispatcher_news(dispatcher, msgext_registry_news());
			}
		}
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			msgext_server_forget_all();
			msgext_dispatcher_news(dispatcher, MSG_NEWS_ALL);
		}
		now = GetCurrentTimestamp();
		if (ShutdownRequestPending && drain_until == 0)
		{
			msgext_dispatcher_stop(dispatcher);
			drain_until = now + DRAIN_US;
		}
		if (drain_until != 0 &&
			(msgext_dispatcher_idle(dispatcher, now) || now >= drain_until))
			break;
		if (now >= checked + CHECK_US)
		{
			checked = now;
			if (!look_around())
			{
				msgext_dispatcher_stop(dispatcher);
				drain_until = drain_until == 0 ? now + DRAIN_US / 5 : drain_until;
			}
			msgext_retention_run(&host, !msgext_dispatcher_idle(dispatcher, now)
											? MSG_RETENTION_BUSY_US
											: MSG_RETENTION_IDLE_US);
			pgstat_report_stat(false);
		}
		run(dispatcher);
		report(dispatcher);
	}
}

void
msgext_worker_main(Datum arg)
{
	MsgDispatcher *dispatcher;

	msgext_bgworker_start(DatumGetObjectId(arg));
	pgstat_report_appname("msgext");

	msgext_registry_worker_start();
	(void) look_around();
	become_dispatcher();
	dispatcher = msgext_dispatcher_create(TopMemoryContext, &host);
	work(dispatcher);
	msgext_dispatcher_finish(dispatcher);
	msgext_dispatcher_destroy(dispatcher);

	/* Not 0: the launcher starts it again, unless the cluster is going down. */
	proc_exit(1);
}
