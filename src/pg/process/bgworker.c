/*
 * bgworker.c
 *		What the background processes have in common: see bgworker.h.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "libpq/pqsignal.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "replication/syncrep.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/array.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "pg/base/compat.h"
#include "pg/base/extension.h"
#include "pg/base/mode.h"
#include "pg/base/replicated.h"
#include "pg/ipc/registry.h"
#include "pg/ipc/tally.h"
#include "pg/process/bgworker.h"

/* Beyond the drain, for the last turn. */
#define GRACE_US USECS_PER_SEC

/* How often a process that was asked to leave is looked at. */
#define TICK_MS 1000

static uint32 launch; /* the start of the launcher that wants this process */
static Oid extension; /* the one that was there when it started */

/* Read in signal handlers. */
static volatile sig_atomic_t is_busy = false;
static volatile sig_atomic_t is_interruptible = false;
static volatile TimestampTz asked_at = 0; /* to leave; 0 = not yet */

/*
 * ALTER DATABASE and ALTER ROLE may set what our own work must not depend on. These
 * values are set before the process connects, from a source above theirs and above the
 * file's, so that neither has a say at any time. Whoever owns a database may set most of
 * them.
 *
 * Not here: log_min_messages and its kind, which only a superuser can set, and by which
 * the worker of one database can be watched; what only makes things slower;
 * synchronous_commit, see forbid_asynchronous_commit().
 */
static const struct
{
	const char *name;
	const char *value;
} pinned[] = {
	/* Whose functions, operators and tables a name means. */
	{"search_path", "pg_catalog, pg_temp"},
	{"role", "none"}, /* as whom the process works */

	/* An ERROR costs a turn, not the process with all that it has in memory. */
	{"exit_on_error", "off"},

	/* Which rows and triggers there are. An error is better than rows left out. */
	{"row_security", "off"},
	{"session_replication_role", "origin"},
	{"restrict_nonsystem_relation_kind", ""},

	/* A turn sees what has committed before it, and writes. */
	{"default_transaction_isolation", "read committed"},
	{"default_transaction_read_only", "off"},
	{"default_transaction_deferrable", "off"},

	/* Nobody else ends a turn. */
	{"statement_timeout", "0"},
	{"lock_timeout", "0"},
	{"idle_in_transaction_session_timeout", "0"},
	{"idle_session_timeout", "0"},
	{"transaction_timeout", "0"},

	/* What a damaged page or index is, is an error. */
	{"zero_damaged_pages", "off"},
	{"ignore_checksum_failure", "off"},
	{"allow_system_table_mods", "off"},

	/* Where and how something would be made. */
	{"default_tablespace", ""},
	{"temp_tablespaces", ""},
	{"default_table_access_method", "heap"},
	{"check_function_bodies", "on"},

	/* How values are read and written as text. */
	{"DateStyle", "ISO, YMD"},
	{"IntervalStyle", "postgres"},
	{"TimeZone", "UTC"},
	{"bytea_output", "hex"},
	{"extra_float_digits", "1"},
	{"xmloption", "content"},
	{"xmlbinary", "base64"},
	{"array_nulls", "on"},
	{"quote_all_identifiers", "off"},
	{"standard_conforming_strings", "on"},
	{"backslash_quote", "safe_encoding"},
	{"transform_null_equals", "off"},

	/*
	 * How a plan is made where there is one: a foreign key that an administrator added.
	 */
	{"enable_bitmapscan", "on"},
	{"enable_hashagg", "on"},
	{"enable_hashjoin", "on"},
	{"enable_indexonlyscan", "on"},
	{"enable_indexscan", "on"},
	{"enable_material", "on"},
	{"enable_mergejoin", "on"},
	{"enable_nestloop", "on"},
	{"enable_seqscan", "on"},
	{"enable_sort", "on"},
	{"enable_tidscan", "on"},
	{"jit", "off"}, /* compiling takes longer than what it speeds up */
	{"plan_cache_mode", "auto"},
	{"max_parallel_workers_per_gather", "0"}, /* nor does it start processes */
	{"force_parallel_mode", "off"},			  /* before 16 */
	{"debug_parallel_query", "off"},		  /* since then */

	/* What of a statement and its values reaches the log. */
	{"log_statement", "none"},
	{"log_duration", "off"},
	{"log_min_duration_statement", "-1"},
	{"log_min_duration_sample", "-1"},
	{"log_transaction_sample_rate", "0"},
	{"log_parser_stats", "off"},
	{"log_planner_stats", "off"},
	{"log_executor_stats", "off"},
	{"log_statement_stats", "off"},
	{"debug_print_parse", "off"},
	{"debug_print_rewritten", "off"},
	{"debug_print_plan", "off"},
};

static void
pin(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

static void
pin_settings(void)
{
	int i;

	for (i = 0; i < lengthof(pinned); i++)
	{
		/* Some are not in every major version. */
		if (GetConfigOption(pinned[i].name, true, false) != NULL)
			pin(pinned[i].name, pinned[i].value);
	}
}

/*
 * What has been sent and what has been answered with 200 must be on disk. Whether a
 * commit waits for a standby, too, remains the administrator's decision.
 */
static void
forbid_asynchronous_commit(void)
{
	if (synchronous_commit == SYNCHRONOUS_COMMIT_OFF)
		pin("synchronous_commit", "local");
}

/* ---- Signals ---- */

/* In a signal handler. */
static void
end_wait_if_due(void)
{
	bool waits = MyProc != NULL &&
				 (MyProc->waitLock != NULL || MyProc->syncRepState == SYNC_REP_WAITING);

	if (asked_at == 0)
		return;
	if (is_interruptible || (waits && !is_busy) ||
		GetCurrentTimestamp() >= asked_at + MSG_DRAIN_US + GRACE_US)
	{
		ProcDiePending = true;
		InterruptPending = true;
		SetLatch(MyLatch);
	}
}

static void
handle_sigterm(SIGNAL_ARGS)
{
	int save_errno = errno;

	if (asked_at == 0)
		asked_at = GetCurrentTimestamp();
	ShutdownRequestPending = true;
	SetLatch(MyLatch);
	end_wait_if_due();
	errno = save_errno;
}

void
msgext_bgworker_set_busy(bool busy)
{
	is_busy = busy;
}

void
msgext_bgworker_set_interruptible(bool interruptible)
{
	is_interruptible = interruptible;
}

void
msgext_bgworker_init(void)
{
	TimeoutId tick;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, handle_sigterm);
	BackgroundWorkerUnblockSignals();

	/* A wait may begin after the signal, or be the reason why nobody else looks. */
	tick = RegisterTimeout(USER_TIMEOUT, end_wait_if_due);
	enable_timeout_every(tick, GetCurrentTimestamp() + TICK_MS * 1000, TICK_MS);
	pin_settings();
}

void
msgext_bgworker_reload(void)
{
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	forbid_asynchronous_commit();
}

/*
 * Between transactions there is nothing to cancel, and no trap for the error: ignored, as
 * by a session at rest.
 */
void
msgext_bgworker_check_interrupts(void)
{
	HOLD_CANCEL_INTERRUPTS();
	CHECK_FOR_INTERRUPTS();
	QueryCancelPending = false;
	RESUME_CANCEL_INTERRUPTS();
}

bool
msgext_bgworker_pause(long ms)
{
	static uint32 event = 0;
	bool was_asked = ShutdownRequestPending;
	instr_time begun;

	/* Not by the time of day, which may be set back meanwhile. */
	INSTR_TIME_SET_CURRENT(begun);
	for (;;)
	{
		instr_time passed;
		long left;

		INSTR_TIME_SET_CURRENT(passed);
		INSTR_TIME_SUBTRACT(passed, begun);
		left = ms - (long) INSTR_TIME_GET_MILLISEC(passed);
		if (left <= 0 || (ShutdownRequestPending && !was_asked))
			break;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, left,
						 msgext_wait_event(&event, "MsgextPause"));
		ResetLatch(MyLatch);
		msgext_bgworker_check_interrupts();
	}

	/* Whoever set it meant somebody else than this loop. */
	SetLatch(MyLatch);
	return !ShutdownRequestPending;
}

void
msgext_bgworker_recover(MemoryContext before, bool tell)
{
	MemoryContextSwitchTo(before);
	HOLD_INTERRUPTS();
	if (tell)
		EmitErrorReport();
	AbortCurrentTransaction();
	FlushErrorState();
	RESUME_INTERRUPTS();
}

/* ---- Those of one database ---- */

/* The extension that the process is there for has gone. In a transaction, or not. */
static void
leave(bool is_there_another)
{
	if (is_there_another)
	{
		ereport(LOG, (errmsg("%s leaves: extension msgext was created anew",
							 MyBgworkerEntry->bgw_type)));
		msgext_registry_replace();
	}
	else
	{
		elog(DEBUG1, "%s leaves: database %u has no extension msgext",
			 MyBgworkerEntry->bgw_type, MyDatabaseId);
		msgext_registry_absent();
		msgext_tally_forget(MyDatabaseId);
	}
	proc_exit(0);
}

void
msgext_bgworker_begin(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	if (!msgext_extension_hold(extension))
		leave(OidIsValid(msgext_extension_oid()));
}

void
msgext_bgworker_commit(void)
{
	bool replicated = msgext_commit(CommitTransactionCommand);

	/*
	 * What follows a commit, a request or a 200, must not be ahead of the standby: an old
	 * primary is stopped as a rule before another one takes its place. Cancelled, it waits
	 * on; to end, it ends here.
	 */
	while (!replicated)
	{
		InterruptPending |= ProcDiePending;
		if (ProcDiePending)
			CHECK_FOR_INTERRUPTS();
		replicated = msgext_commit_wait_again();
	}
}

void
msgext_bgworker_start(Oid database)
{
	msgext_bgworker_init();
	memcpy(&launch, MyBgworkerEntry->bgw_extra, sizeof(launch));
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);

	/* What is the database's own, only now is known. */
	pin("client_encoding", GetDatabaseEncodingName());
	forbid_asynchronous_commit();
	if (GetSessionUserId() != BOOTSTRAP_SUPERUSERID)
		SetSessionAuthorization(BOOTSTRAP_SUPERUSERID, true);
	Assert(GetUserId() == BOOTSTRAP_SUPERUSERID);

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	extension = msgext_extension_oid();
	CommitTransactionCommand();
	if (!OidIsValid(extension))
		leave(false);
	elog(DEBUG1, "%s starts in database %u for extension %u", MyBgworkerEntry->bgw_type,
		 database, extension);
}

/*
 * Somebody holds the database itself: it is being dropped, renamed, moved or copied,
 * and that waits for us to leave.
 */
static bool
is_database_wanted(void)
{
	LOCKTAG tag;

	SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, MyDatabaseId, 0);
	if (LockAcquire(&tag, RowExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
		return true;
	LockRelease(&tag, RowExclusiveLock, true);
	return false;
}

bool
msgext_bgworker_may_stay(void)
{
	if (is_database_wanted())
	{
		ereport(LOG, (errmsg("%s leaves: its database is wanted by another session",
							 MyBgworkerEntry->bgw_type)));
		return false;
	}

	/* The launcher was started anew, and has started another one in our place. */
	if (msgext_registry_launch() != launch)
	{
		elog(DEBUG1, "%s leaves: there is a new launcher", MyBgworkerEntry->bgw_type);
		return false;
	}
	msgext_bgworker_begin();
	msgext_bgworker_commit();
	return true;
}

bool
msgext_bgworker_in_test_database(void)
{
	bool test;

	msgext_bgworker_begin();
	test = msgext_mode() == MSG_MODE_TEST;
	msgext_bgworker_commit();
	return test;
}

static bool
begins_with_one(const char *setting, const char *const *prefixes)
{
	for (; *prefixes != NULL; prefixes++)
		if (pg_strncasecmp(setting, *prefixes, strlen(*prefixes)) == 0)
			return true;
	return false;
}

char *
msgext_bgworker_settings(const char *const *prefixes)
{
	Relation rel = table_open(DbRoleSettingRelationId, AccessShareLock);
	StringInfoData found;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;

	initStringInfo(&found);
	ScanKeyInit(&keys[0], Anum_pg_db_role_setting_setdatabase, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(MyDatabaseId));
	ScanKeyInit(&keys[1], Anum_pg_db_role_setting_setrole, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(InvalidOid));
	scan = systable_beginscan(rel, DbRoleSettingDatidRolidIndexId, true, NULL, 2, keys);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		bool isnull;
		Datum config = heap_getattr(tuple, Anum_pg_db_role_setting_setconfig,
									RelationGetDescr(rel), &isnull);
		Datum *settings;
		int n;
		int i;

		if (isnull)
			continue;
		deconstruct_array(DatumGetArrayTypeP(config), TEXTOID, -1, false, TYPALIGN_INT,
						  &settings, NULL, &n);
		for (i = 0; i < n; i++)
		{
			char *setting = TextDatumGetCString(settings[i]);

			if (begins_with_one(setting, prefixes))
				appendStringInfo(&found, "%s\n", setting);
		}
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found.data;
}
