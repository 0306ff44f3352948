/*
 * worker.c
 *		The worker of one database: waits, and lets the dispatcher run.
 *
 * Owns signals, the one wait and the error trap. An ERROR costs its turn, nothing else.
 */
#include "postgres.h"

#include "access/xact.h"
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

#include "pg/base/clock.h"
#include "pg/base/compat.h"
#include "pg/base/guc.h"
#include "pg/base/mode.h"
#include "pg/catalog/server.h"
#include "pg/engine/dispatcher.h"
#include "pg/engine/dispatcher_lock.h"
#include "pg/engine/retention.h"
#include "pg/ipc/notify.h"
#include "pg/ipc/registry.h"
#include "pg/process/bgworker.h"
#include "pg/process/worker.h"
#include "pg/store/feed.h"

/* With the database or the place taken by others, requests under way get this long. */
#define SHORT_DRAIN_US USECS_PER_SEC

/* Another session is the dispatcher (CALL dispatch()): look again after this. */
#define LOCK_RETRY_MS 100

#define CHECK_US USECS_PER_SEC

/* Is it still a test database? */
#define TEST_LOOK_MS 1000

/* Side work that failed is tried again after this, and complains again after that. */
#define SIDE_WORK_PAUSE_US (10 * USECS_PER_SEC)
#define SIDE_WORK_QUIET_US (60 * USECS_PER_SEC)

/* After so many errors in a row, one a second, a new process may do better. */
#define FAILURES_MAX 100

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
 * The port that the database itself has set, or -1. Not this process's own setting: that is
 * as old as the process.
 */
static int
own_port(const char *name)
{
	const char *const prefixes[] = {name, NULL};
	const char *setting = msgext_bgworker_settings(prefixes);
	char *value;
	int port;

	if (setting[0] == '\0')
		return -1;
	value = pnstrdup(setting + strlen(name), strcspn(setting, "\n") - strlen(name));
	return parse_int(value, &port, 0, NULL) ? port : -1;
}

static void
look_at_ports(MsgDispatcher *dispatcher)
{
	bool none;

	msgext_bgworker_begin();
	PushActiveSnapshot(GetTransactionSnapshot());
	none = msgext_mode() == MSG_MODE_TEST;
	msgext_registry_set_port(MSG_HTTP_LISTENER,
							 none ? 0 : own_port("msgext.listen_port="));
	msgext_registry_set_port(MSG_HTTP_CONSOLE,
							 none ? 0 : own_port("msgext.console_port="));
	PopActiveSnapshot();
	msgext_bgworker_commit();
}

/* Is there a handler, or a consumer that wants NOTIFY? */
static void
look_at_feeds(MsgDispatcher *dispatcher)
{
	MsgTable *feeds;
	bool wanted = false;
	ListCell *cell;

	msgext_bgworker_begin();
	PushActiveSnapshot(GetTransactionSnapshot());
	feeds = msgext_feed_open(false);
	foreach (cell, msgext_feed_list(feeds, NULL, GetActiveSnapshot()))
	{
		const MsgFeed *feed = lfirst(cell);

		wanted |= OidIsValid(feed->function) || feed->notify != NULL;
	}
	msgext_table_close(feeds);
	msgext_registry_set_feeds(wanted && msgext_mode() != MSG_MODE_TEST);
	PopActiveSnapshot();
	msgext_bgworker_commit();
}

static void
remove_old(MsgDispatcher *dispatcher)
{
	bool idle = msgext_dispatcher_idle(dispatcher, GetCurrentTimestamp());

	msgext_retention_run(&host, idle ? MSG_RETENTION_IDLE_US : MSG_RETENTION_BUSY_US);
}

static bool may_stay = true;

static void
look_whether_to_stay(MsgDispatcher *dispatcher)
{
	may_stay = msgext_bgworker_may_stay();
}

/* What the database itself sets, when this process began. */
static char *own_settings = NULL;

static void
look_at_settings(MsgDispatcher *dispatcher)
{
	static const char *const watched[] = {"msgext.mode=", "msgext.retention=", NULL};
	char *settings;

	msgext_bgworker_begin();
	PushActiveSnapshot(GetTransactionSnapshot());
	settings = msgext_bgworker_settings(watched);
	if (own_settings == NULL)
		own_settings = MemoryContextStrdup(TopMemoryContext, settings);

	/*
	 * Its own settings are as old as a process, and one with an HTTP client has no place
	 * in a test database: the next one has others.
	 */
	if (strcmp(settings, own_settings) != 0 ||
		(dispatcher != NULL && msgext_mode() == MSG_MODE_TEST))
		may_stay = false;
	PopActiveSnapshot();
	msgext_bgworker_commit();
}

static void
report_statistics(MsgDispatcher *dispatcher)
{
	pgstat_report_stat(false);
}

/*
 * What is done beside dispatching, about once a second. An ERROR in it costs nothing but
 * itself: it is logged, and tried again after a while.
 */
typedef struct SideWork
{
	void (*run)(MsgDispatcher *dispatcher);
	TimestampTz not_before;
	TimestampTz logged_at;
} SideWork;

static SideWork staying = {look_whether_to_stay};
static SideWork watching = {look_at_settings};
static SideWork listening = {look_at_ports};
static SideWork feeding = {look_at_feeds};
static SideWork retention = {remove_old};
static SideWork statistics = {report_statistics};

static void
do_side_work(SideWork *work, MsgDispatcher *dispatcher)
{
	MemoryContext before = CurrentMemoryContext;
	TimestampTz now = GetCurrentTimestamp();

	if (now < work->not_before)
		return;
	PG_TRY();
	{
		work->run(dispatcher);
	}
	PG_CATCH();
	{
		bool tell = now >= work->logged_at + SIDE_WORK_QUIET_US;

		msgext_bgworker_recover(before, tell);
		if (tell)
			work->logged_at = now;
		work->not_before = now + SIDE_WORK_PAUSE_US;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(before);
}

/*
 * The error trap around the dispatcher. Whatever happens, it keeps what it has in memory:
 * answers that cannot be recorded now are recorded later. Only with nothing there does
 * the process begin anew, in case that helps.
 */
static void
run(MsgDispatcher *dispatcher, void (*what)(MsgDispatcher *))
{
	MemoryContext before = CurrentMemoryContext;
	static volatile int failures = 0;

	PG_TRY();
	{
		what(dispatcher);
		failures = 0;
	}
	PG_CATCH();
	{
		int sqlstate = geterrcode();

		msgext_bgworker_recover(before, true);
		msgext_dispatcher_recover(dispatcher, sqlstate);
		failures++;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(before);
	msgext_bgworker_set_busy(msgext_dispatcher_in_flight(dispatcher) > 0);
	if (failures == 0)
		return;
	if (failures > FAILURES_MAX && msgext_dispatcher_in_flight(dispatcher) == 0)
		ereport(FATAL, (errmsg("msgext worker ends after repeated errors"),
						errdetail("It is started again and goes on.")));
	(void) msgext_bgworker_pause(failures <= 10 ? failures * 20 : 1000);
}

static void
become_dispatcher(void)
{
	bool locked;

	for (;;)
	{
		msgext_bgworker_begin();
		PushActiveSnapshot(GetTransactionSnapshot());
		locked = msgext_dispatcher_lock();
		PopActiveSnapshot();
		msgext_bgworker_commit();
		if (locked)
			break;
		pgstat_report_activity(STATE_IDLE, "another session dispatches");
		if (!msgext_bgworker_pause(LOCK_RETRY_MS))
			proc_exit(1);
		do_side_work(&listening, NULL);
		do_side_work(&staying, NULL);
		do_side_work(&watching, NULL);
		if (!may_stay || msgext_bgworker_in_test_database())
			proc_exit(1);
	}
}

/* As long as this is a test database, the worker is there to say so. */
static void
idle_in_test_database(void)
{
	while (msgext_bgworker_in_test_database())
	{
		pgstat_report_activity(STATE_IDLE, "test database: nothing is sent");
		if (!msgext_bgworker_pause(TEST_LOOK_MS))
			proc_exit(1);
		if (ConfigReloadPending)
			msgext_bgworker_reload();
		do_side_work(&listening, NULL);
		do_side_work(&staying, NULL);
		do_side_work(&watching, NULL);
		if (!may_stay)
			proc_exit(1);
	}
}

/*
 * Waits for something to happen. Having been woken for a commit that is under way, it
 * stays awake for it: falling asleep and being woken again would take longer. Nobody else
 * is kept waiting, for an idle worker is woken so only where nothing else goes on.
 */
static int
wait_for_news(MsgDispatcher *dispatcher, WaitEventSet *events, long timeout,
			  WaitEvent *occurred, int max)
{
	static bool expecting = false;
	static uint32 event = 0;
	bool idle;
	int n;

	if (expecting)
	{
		TimestampTz until = GetCurrentTimestamp() + COMMIT_US;

		while (!MyLatch->is_set && GetCurrentTimestamp() < until)
			SPIN_DELAY();
	}
	idle = msgext_dispatcher_may_send(dispatcher) &&
		   msgext_dispatcher_idle(dispatcher, GetCurrentTimestamp() + IDLE_US);
	if (idle)
		msgext_registry_idle();
	n = WaitEventSetWait(events, timeout, occurred, max,
						 msgext_wait_event(&event, "MsgextWorker"));
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
				if (msgext_dispatcher_may_send(dispatcher))
					msgext_dispatcher_news(dispatcher, msgext_registry_news());
			}
		}
		msgext_bgworker_check_interrupts();
		if (ConfigReloadPending)
		{
			msgext_bgworker_reload();
			msgext_server_forget_all();
			msgext_dispatcher_look_at_mode(dispatcher);
		}
		now = GetCurrentTimestamp();
		if (msgext_clock_was_ahead(checked, now))
		{
			/* Whatever was to be done at a time is far away: the next one begins anew. */
			ereport(LOG, (errmsg("msgext worker leaves: the clock was set back by %ld s",
								 (long) ((checked - now) / USECS_PER_SEC))));
			msgext_dispatcher_stop(dispatcher);
			drain_until = now + SHORT_DRAIN_US;
			checked = now;
		}
		if (ShutdownRequestPending && drain_until == 0)
		{
			msgext_dispatcher_stop(dispatcher);
			drain_until = now + MSG_DRAIN_US;
		}
		if (drain_until != 0 &&
			(msgext_dispatcher_idle(dispatcher, now) || now >= drain_until))
			break;
		if (now >= checked + CHECK_US)
		{
			checked = now;
			do_side_work(&listening, dispatcher);
			do_side_work(&feeding, dispatcher);
			do_side_work(&retention, dispatcher);
			do_side_work(&statistics, dispatcher);
			do_side_work(&staying, dispatcher);
			do_side_work(&watching, dispatcher);
			if (!may_stay && drain_until == 0)
			{
				msgext_dispatcher_stop(dispatcher);
				drain_until = now + SHORT_DRAIN_US;
			}
		}
		run(dispatcher, msgext_dispatcher_run);
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
	do_side_work(&listening, NULL);
	do_side_work(&watching, NULL);
	idle_in_test_database();
	become_dispatcher();
	dispatcher = msgext_dispatcher_create(TopMemoryContext, &host);
	work(dispatcher);
	run(dispatcher, msgext_dispatcher_finish);
	msgext_dispatcher_destroy(dispatcher);

	/* Not 0: the launcher starts it again, unless the cluster is going down. */
	proc_exit(1);
}
