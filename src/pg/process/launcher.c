/*
 * launcher.c
 *		Finds the databases that have the extension and keeps one worker for each, a
 *		listener and a console where there is a port for it, and a feeder where that has
 *		something to do.
 *
 * Connected to no database, so it can be asked to leave none. Whether a database has
 * the extension only a process inside it can tell: a worker is started in each once,
 * and ends at once where there is nothing to do. Afterwards CREATE EXTENSION and
 * post_message() ask for one.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "pg/base/compat.h"
#include "pg/base/guc.h"
#include "pg/ipc/registry.h"
#include "pg/ipc/tally.h"
#include "pg/process/bgworker.h"
#include "pg/process/worker.h"

/*
 * A worker that ended is started again after msgext.restart_delay, doubled for each early
 * end, up to so many times that. Nothing shortens it: what sessions want, they want at
 * every commit.
 */
#define RESTART_MAX_TIMES 60

/* One that ran this long did not end early. */
#define RAN_WELL_US (60 * USECS_PER_SEC)

/* A database that takes no connections is looked at again after this. */
#define CLOSED_LOOK_US (10 * USECS_PER_SEC)

/* A listener ends at every change of its settings; one that only dies does it sooner. */
#define LISTENED_WELL_US (3 * USECS_PER_SEC)

/*
 * What ends a feeder is a handler as a rule, which is then left alone for longer and longer:
 * others' are not to wait for that.
 */
#define FED_WELL_US 0

typedef struct Child
{
	const char *type;
	const char *function;
	BackgroundWorkerHandle *handle; /* NULL = not running */
	TimestampTz started_at;
	TimestampTz start_after; /* 0 = not to be started */
	int early_ends;
	bool requested; /* since it was started: that one was about to end, or wanted to */
} Child;

typedef struct DatabaseChildren
{
	Oid database;
	bool closed; /* it takes no connections, and is looked at now and then */
	Child worker;
	Child http[MSG_HTTP_KINDS]; /* listener and console */
	Child feeder;
} DatabaseChildren;

static List *databases = NIL; /* of DatabaseChildren * */
static uint32 launch;		  /* the number of this start of a launcher */

void
msgext_launcher_register(void)
{
	BackgroundWorker worker = {0};

	/* pg_upgrade reads and moves what lies here; nobody's messages are sent meanwhile. */
	if (IsBinaryUpgrade)
		return;

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = msgext_restart_delay / 1000;
	strlcpy(worker.bgw_library_name, "msgext", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "msgext_launcher_main",
			sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "msgext launcher", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "msgext launcher", sizeof(worker.bgw_type));
	RegisterBackgroundWorker(&worker);
}

static DatabaseChildren *
children_of(Oid database)
{
	MemoryContext before;
	ListCell *cell;
	DatabaseChildren *children;

	foreach (cell, databases)
	{
		children = lfirst(cell);
		if (children->database == database)
			return children;
	}
	before = MemoryContextSwitchTo(TopMemoryContext);
	children = palloc0(sizeof(DatabaseChildren));
	children->database = database;
	children->worker.type = "msgext worker";
	children->worker.function = "msgext_worker_main";
	children->http[MSG_HTTP_LISTENER].type = "msgext listener";
	children->http[MSG_HTTP_LISTENER].function = "msgext_listener_main";
	children->http[MSG_HTTP_CONSOLE].type = "msgext console";
	children->http[MSG_HTTP_CONSOLE].function = "msgext_console_main";
	children->feeder.type = "msgext feeder";
	children->feeder.function = "msgext_feeder_main";
	databases = lappend(databases, children);
	MemoryContextSwitchTo(before);
	return children;
}

/* Every database is looked at once, from within. */
static void
find_databases(void)
{
	Relation rel;
	TableScanDesc scan;
	HeapTuple tuple;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);

		if (!database->datistemplate)
			children_of(database->oid)->worker.start_after = GetCurrentTimestamp();
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	PopActiveSnapshot();
	CommitTransactionCommand();
}

typedef enum DatabaseState
{
	DATABASE_GONE,
	DATABASE_CLOSED, /* for maintenance: it may be opened again, and nobody tells of it */
	DATABASE_OPEN
} DatabaseState;

/* Is it there, and can a process connect to it? */
static DatabaseState
state_of(Oid database)
{
	DatabaseState state = DATABASE_GONE;
	HeapTuple tuple;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);

		/* -2: DROP DATABASE has begun and did not end. */
		if (form->datconnlimit >= -1)
			state = form->datallowconn ? DATABASE_OPEN : DATABASE_CLOSED;
		ReleaseSysCache(tuple);
	}
	CommitTransactionCommand();
	return state;
}

/* False when there is no slot for another process. */
static bool
start_child(Oid database, Child *child)
{
	BackgroundWorker worker = {0};
	MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);
	bool registered;

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	worker.bgw_notify_pid = MyProcPid;
	memcpy(worker.bgw_extra, &launch, sizeof(launch));
	strlcpy(worker.bgw_library_name, "msgext", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, child->function, sizeof(worker.bgw_function_name));
	snprintf(worker.bgw_name, sizeof(worker.bgw_name), "%s for database %u", child->type,
			 database);
	strlcpy(worker.bgw_type, child->type, sizeof(worker.bgw_type));
	registered = RegisterDynamicBackgroundWorker(&worker, &child->handle);
	MemoryContextSwitchTo(before);
	if (!registered)
		child->handle = NULL;
	child->started_at = GetCurrentTimestamp();
	child->start_after = 0;
	child->requested = false;
	elog(DEBUG1, "msgext: database %u: %s %s", database, child->type,
		 registered ? "is started" : "has no slot");
	return registered;
}

static void
note_end(Oid database, Child *child, int64 ran_well_us)
{
	MsgEntryState state = msgext_registry_state(database);
	TimestampTz now = GetCurrentTimestamp();
	int64 max_ms = (int64) msgext_restart_delay * RESTART_MAX_TIMES;
	int64 delay_ms = msgext_restart_delay;
	int i;

	pfree(child->handle);
	child->handle = NULL;
	if (child->requested || state == MSG_ENTRY_ABSENT || state == MSG_ENTRY_REQUESTED)
	{
		/* It ended because of what it found, not by a fault. */
		child->early_ends = 0;
		child->start_after = child->requested ? now : 0;
	}
	else
	{
		if (now - child->started_at > ran_well_us)
			child->early_ends = 0;
		for (i = 0; i < child->early_ends && delay_ms < max_ms; i++)
			delay_ms *= 2;
		delay_ms = Min(delay_ms, max_ms);
		child->early_ends = Min(child->early_ends + 1, 30);
		child->start_after = now + delay_ms * 1000;
	}
	if (child->start_after != 0)
		elog(DEBUG1, "msgext: database %u: %s ended, to be started again in %ld ms",
			 database, child->type, (long) ((child->start_after - now) / 1000));
	else
		elog(DEBUG1, "msgext: database %u: %s ended", database, child->type);
}

/* Is there a port for it in this database? */
static bool
listens(Oid database, MsgHttpKind kind)
{
	MsgEntryState state = msgext_registry_state(database);
	int port = msgext_registry_port(database, kind);

	/* This process has no database, hence nobody's settings but the cluster's. */
	if (port < 0)
		port = kind == MSG_HTTP_LISTENER ? msgext_listen_port : msgext_console_port;
	return port > 0 && (state == MSG_ENTRY_RUNNING || state == MSG_ENTRY_ENDED);
}

/*
 * Starts a process if it is time. next becomes the time when there is more to do, if that
 * is earlier.
 */
static void
start_if_due(Oid database, Child *child, TimestampTz now, TimestampTz *next)
{
	static TimestampTz warned_at = 0;

	if (child->handle != NULL || child->start_after == 0)
		return;
	if (child->start_after > now)
	{
		*next = Min(*next, child->start_after);
		return;
	}
	if (start_child(database, child))
		return;
	child->start_after = now + 5 * USECS_PER_SEC;
	*next = Min(*next, child->start_after);
	if (now > warned_at + 600 * USECS_PER_SEC)
	{
		warned_at = now;
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("could not start a %s for database %u", child->type, database),
				 errhint("Consider increasing max_worker_processes.")));
	}
}

/* A listener or console is there as long as a port is. */
static void
start_http_if_due(DatabaseChildren *children, MsgHttpKind kind, TimestampTz now,
				  TimestampTz *next)
{
	Child *child = &children->http[kind];

	if (!listens(children->database, kind))
	{
		child->start_after = 0;
		child->early_ends = 0;
		return;
	}
#ifdef MSGEXT_LISTENER
	if (child->start_after == 0)
		child->start_after = now;
	start_if_due(children->database, child, now, next);
#else
	if (child->early_ends++ == 0)
		ereport(WARNING,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("there is a port for a %s, and this build of msgext has none",
						child->type),
				 errhint("Install libmicrohttpd's development files and build "
						 "msgext again.")));
#endif
}

/* It ends of itself where the database is wanted; what it runs may end it too. */
static void
start_feeder_if_due(DatabaseChildren *children, TimestampTz now, TimestampTz *next)
{
	Child *feeder = &children->feeder;

	if (!msgext_registry_feeds(children->database))
	{
		feeder->start_after = 0;
		feeder->early_ends = 0;
		return;
	}
	if (feeder->start_after == 0)
		feeder->start_after = now;
	start_if_due(children->database, feeder, now, next);
}

static bool
has_ended(const Child *child)
{
	pid_t pid;

	return child->handle != NULL &&
		   GetBackgroundWorkerPid(child->handle, &pid) == BGWH_STOPPED;
}

static bool
only_worker_is_left(const DatabaseChildren *children)
{
	int i;

	for (i = 0; i < MSG_HTTP_KINDS; i++)
		if (children->http[i].handle != NULL)
			return false;
	return children->feeder.handle == NULL;
}

/*
 * A worker is to be started: can it be? True when its database is gone. One that is closed
 * is looked at again, unless a session in it is quicker to ask.
 */
static bool
is_gone(DatabaseChildren *children, TimestampTz now)
{
	DatabaseState state =
		only_worker_is_left(children) ? state_of(children->database) : DATABASE_OPEN;

	children->closed = state == DATABASE_CLOSED;
	if (state == DATABASE_OPEN)
		msgext_registry_expect(children->database);
	else
		msgext_registry_forget(children->database);
	if (children->closed)
		children->worker.start_after = now + CLOSED_LOOK_US;
	return state == DATABASE_GONE;
}

/* What is to wait for longer than anything does was put off before the clock was set back. */
static void
mind_clock(Child *child, TimestampTz now)
{
	int64 longest_us = (int64) msgext_restart_delay * RESTART_MAX_TIMES * 1000;

	if (child->start_after > now + Max(longest_us, RAN_WELL_US))
		child->start_after = now;
}

/* Starts what is to be started; returns milliseconds until there is more to do. */
static long
start_what_is_due(void)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next = now + 60 * USECS_PER_SEC;
	ListCell *cell;

	foreach (cell, databases)
	{
		DatabaseChildren *children = lfirst(cell);
		Child *worker = &children->worker;
		Child *feeder = &children->feeder;
		int i;

		mind_clock(worker, now);
		mind_clock(feeder, now);
		for (i = 0; i < MSG_HTTP_KINDS; i++)
			mind_clock(&children->http[i], now);
		if (has_ended(worker))
			note_end(children->database, worker, RAN_WELL_US);
		for (i = 0; i < MSG_HTTP_KINDS; i++)
		{
			if (!has_ended(&children->http[i]))
				continue;
			children->http[i].requested |=
				msgext_registry_take_relisten(children->database, i);
			note_end(children->database, &children->http[i], LISTENED_WELL_US);
		}
		if (has_ended(feeder))
			note_end(children->database, feeder, FED_WELL_US);
		if (worker->handle == NULL && worker->start_after != 0 &&
			worker->start_after <= now && is_gone(children, now))
		{
			msgext_tally_forget(children->database);
			databases = foreach_delete_current(databases, cell);
			pfree(children);
			continue;
		}
		if (children->closed)
		{
			next = Min(next, worker->start_after);
			continue;
		}
		start_if_due(children->database, worker, now, &next);
		for (i = 0; i < MSG_HTTP_KINDS; i++)
			start_http_if_due(children, i, now, &next);
		start_feeder_if_due(children, now, &next);
	}
	return Max(0, (long) ((next - now) / 1000));
}

/* Databases that asked since. */
static void
take_requests(void)
{
	Oid requests[MSG_MAX_DATABASES];
	int n = msgext_registry_requests(requests, lengthof(requests));
	int i;

	for (i = 0; i < n; i++)
	{
		DatabaseChildren *children = children_of(requests[i]);
		Child *worker = &children->worker;

		elog(DEBUG1, "msgext: database %u requests a worker", requests[i]);
		if (worker->handle != NULL)
			worker->requested = true;
		else if (worker->start_after == 0 || children->closed)
			worker->start_after = GetCurrentTimestamp();
	}
}

void
msgext_launcher_main(Datum arg)
{
	static uint32 event = 0;

	msgext_bgworker_init();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	launch = msgext_registry_launcher_start();
	pgstat_report_appname("msgext launcher");
	pgstat_report_activity(STATE_IDLE, "keeping a worker for each database with msgext");
	find_databases();
	while (!ShutdownRequestPending)
	{
		long timeout;
		ListCell *cell;
		int i;

		take_requests();
		timeout = start_what_is_due();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 timeout, msgext_wait_event(&event, "MsgextLauncher"));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			msgext_bgworker_reload();
			foreach (cell, databases)
				for (i = 0; i < MSG_HTTP_KINDS; i++)
					((DatabaseChildren *) lfirst(cell))->http[i].start_after = 0;
		}
	}

	/* Not 0, after which the postmaster would never start it again. */
	proc_exit(1);
}
