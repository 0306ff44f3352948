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
#include "pg/process/child.h"
#include "pg/process/worker.h"

/* A worker that ran this long did not end early. */
#define WORKER_RAN_WELL_US (60 * USECS_PER_SEC)

/* A database that takes no connections is looked at again after this. */
#define CLOSED_LOOK_US (10 * USECS_PER_SEC)

/* A listener ends at every change of its settings; one that only dies does it sooner. */
#define LISTENED_WELL_US (3 * USECS_PER_SEC)

/*
 * What ends a feeder is a handler as a rule, which is then left alone for longer and longer:
 * others' are not to wait for that.
 */
#define FED_WELL_US 0

typedef struct DatabaseChildren
{
	Oid database;
	bool closed; /* it takes no connections, and is looked at now and then */
	MsgChild worker;
	MsgChild http[MSG_HTTP_KINDS]; /* listener and console */
	MsgChild feeder;
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

static MsgChild
make_child(Oid database, const char *type, const char *function)
{
	return (MsgChild){
		.database = database, .launch = launch, .type = type, .function = function};
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
	children->worker = make_child(database, "msgext worker", "msgext_worker_main");
	children->http[MSG_HTTP_LISTENER] =
		make_child(database, "msgext listener", "msgext_listener_main");
	children->http[MSG_HTTP_CONSOLE] =
		make_child(database, "msgext console", "msgext_console_main");
	children->feeder = make_child(database, "msgext feeder", "msgext_feeder_main");
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

/* A listener or console is there as long as a port is. */
static void
start_http_if_due(DatabaseChildren *children, MsgHttpKind kind, TimestampTz now,
				  TimestampTz *next)
{
	MsgChild *child = &children->http[kind];

	if (!listens(children->database, kind))
	{
		child->start_after = 0;
		child->early_ends = 0;
		return;
	}
#ifdef MSGEXT_LISTENER
	if (child->start_after == 0)
		child->start_after = now;
	msgext_child_start_if_due(child, now, next);
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
	MsgChild *feeder = &children->feeder;

	if (!msgext_registry_feeds(children->database))
	{
		feeder->start_after = 0;
		feeder->early_ends = 0;
		return;
	}
	if (feeder->start_after == 0)
		feeder->start_after = now;
	msgext_child_start_if_due(feeder, now, next);
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
		MsgChild *worker = &children->worker;
		MsgChild *feeder = &children->feeder;
		int i;

		msgext_child_mind_clock(worker, now);
		msgext_child_mind_clock(feeder, now);
		for (i = 0; i < MSG_HTTP_KINDS; i++)
			msgext_child_mind_clock(&children->http[i], now);
		if (msgext_child_has_ended(worker))
			msgext_child_note_end(worker, WORKER_RAN_WELL_US);
		for (i = 0; i < MSG_HTTP_KINDS; i++)
		{
			if (!msgext_child_has_ended(&children->http[i]))
				continue;
			children->http[i].requested |=
				msgext_registry_take_relisten(children->database, i);
			msgext_child_note_end(&children->http[i], LISTENED_WELL_US);
		}
		if (msgext_child_has_ended(feeder))
			msgext_child_note_end(feeder, FED_WELL_US);
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
		msgext_child_start_if_due(worker, now, &next);
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
		MsgChild *worker = &children->worker;

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
		msgext_bgworker_check_interrupts();
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
