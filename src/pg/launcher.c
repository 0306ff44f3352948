/*
 * launcher.c
 *		Finds the databases that have the extension and keeps one worker for each.
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
#include "libpq/pqsignal.h"
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

#include "pg/compat.h"
#include "pg/wake.h"
#include "pg/worker.h"

/* A worker that ended is started again after this, doubled for each early end. */
#define RESTART_MIN_MS 1000
#define RESTART_MAX_MS 60000

/* One that ran this long did not end early. */
#define RAN_WELL_US (60 * USECS_PER_SEC)

typedef struct Charge
{
	Oid database;
	BackgroundWorkerHandle *handle; /* NULL = not running */
	TimestampTz started_at;
	TimestampTz start_after; /* 0 = not to be started */
	int early_ends;
} Charge;

static List *charges = NIL; /* of Charge * */
static uint32 launch;		/* the number of this start of a launcher */

void
msgext_launcher_register(void)
{
	BackgroundWorker worker = {0};

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 1;
	strlcpy(worker.bgw_library_name, "msgext", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "msgext_launcher_main",
			sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "msgext launcher", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "msgext launcher", sizeof(worker.bgw_type));
	RegisterBackgroundWorker(&worker);
}

static Charge *
find_charge(Oid database)
{
	MemoryContext before;
	ListCell *cell;
	Charge *charge;

	foreach (cell, charges)
	{
		charge = lfirst(cell);
		if (charge->database == database)
			return charge;
	}
	before = MemoryContextSwitchTo(TopMemoryContext);
	charge = palloc0(sizeof(Charge));
	charge->database = database;
	charges = lappend(charges, charge);
	MemoryContextSwitchTo(before);
	return charge;
}

/* Every database that takes connections is looked at once. */
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

		if (database->datallowconn && !database->datistemplate)
			find_charge(database->oid)->start_after = GetCurrentTimestamp();
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	PopActiveSnapshot();
	CommitTransactionCommand();
}

static bool
database_exists(Oid database)
{
	bool exists;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	exists = SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(database));
	CommitTransactionCommand();
	return exists;
}

/* False when there is no slot for another worker. */
static bool
start_worker(Charge *charge)
{
	BackgroundWorker worker = {0};
	MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);
	bool registered;

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_main_arg = ObjectIdGetDatum(charge->database);
	worker.bgw_notify_pid = MyProcPid;
	memcpy(worker.bgw_extra, &launch, sizeof(launch));
	strlcpy(worker.bgw_library_name, "msgext", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "msgext_worker_main",
			sizeof(worker.bgw_function_name));
	snprintf(worker.bgw_name, sizeof(worker.bgw_name), "msgext worker for database %u",
			 charge->database);
	strlcpy(worker.bgw_type, "msgext worker", sizeof(worker.bgw_type));
	registered = RegisterDynamicBackgroundWorker(&worker, &charge->handle);
	MemoryContextSwitchTo(before);
	if (!registered)
		charge->handle = NULL;
	charge->started_at = GetCurrentTimestamp();
	charge->start_after = 0;
	return registered;
}

static void
note_end(Charge *charge)
{
	TimestampTz now = GetCurrentTimestamp();
	int64 delay_ms = RESTART_MIN_MS;
	int i;

	pfree(charge->handle);
	charge->handle = NULL;
	if (!msgext_wake_is_present(charge->database))
		return;
	if (now - charge->started_at > RAN_WELL_US)
		charge->early_ends = 0;
	for (i = 0; i < charge->early_ends && delay_ms < RESTART_MAX_MS; i++)
		delay_ms *= 2;
	charge->early_ends = Min(charge->early_ends + 1, 10);
	charge->start_after = now + Min(delay_ms, RESTART_MAX_MS) * 1000;
}

/* Starts what is to be started; returns milliseconds until there is more to do. */
static long
tend(void)
{
	static TimestampTz warned_at = 0;
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next = now + 60 * USECS_PER_SEC;
	ListCell *cell;

	foreach (cell, charges)
	{
		Charge *charge = lfirst(cell);
		pid_t pid;

		if (charge->handle != NULL &&
			GetBackgroundWorkerPid(charge->handle, &pid) == BGWH_STOPPED)
			note_end(charge);
		if (charge->handle != NULL || charge->start_after == 0)
			continue;
		if (charge->start_after > now)
		{
			next = Min(next, charge->start_after);
			continue;
		}
		if (!database_exists(charge->database))
		{
			msgext_wake_forget(charge->database);
			charges = foreach_delete_current(charges, cell);
			pfree(charge);
			continue;
		}
		if (start_worker(charge))
			continue;
		charge->start_after = now + 5 * USECS_PER_SEC;
		next = Min(next, charge->start_after);
		if (now > warned_at + 600 * USECS_PER_SEC)
		{
			warned_at = now;
			ereport(WARNING, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
							  errmsg("could not start a msgext worker for database %u",
									 charge->database),
							  errhint("Consider increasing max_worker_processes.")));
		}
	}
	return (long) ((next - now) / 1000);
}

/* Databases that asked since. */
static void
take_requests(void)
{
	Oid databases[MSGEXT_MAX_DATABASES];
	int n = msgext_wake_requests(databases, lengthof(databases));
	int i;

	for (i = 0; i < n; i++)
	{
		Charge *charge = find_charge(databases[i]);

		if (charge->handle == NULL)
			charge->start_after = GetCurrentTimestamp();
	}
}

void
msgext_launcher_main(Datum arg)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	launch = msgext_wake_launcher_start();
	pgstat_report_appname("msgext launcher");
	pgstat_report_activity(STATE_IDLE, "keeping a worker for each database with msgext");
	find_databases();
	while (!ShutdownRequestPending)
	{
		long timeout;

		take_requests();
		timeout = tend();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 timeout, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
	}

	/* Not 0, after which the postmaster would never start it again. */
	proc_exit(1);
}
