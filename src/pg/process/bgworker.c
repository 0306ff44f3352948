/*
 * bgworker.c
 *		What the background processes of a database have in common: see bgworker.h.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_database.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "libpq/pqsignal.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#include "pg/ipc/registry.h"
#include "pg/process/bgworker.h"
#include "pg/store/relation.h"

static uint32 launch; /* the start of the launcher that wants this process */

void
msgext_bgworker_begin(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
}

void
msgext_bgworker_commit(void)
{
	CommitTransactionCommand();
}

static bool
is_installed(void)
{
	bool installed;

	msgext_bgworker_begin();
	PushActiveSnapshot(GetTransactionSnapshot());
	installed =
		OidIsValid(get_extension_oid("msgext", true)) && OidIsValid(msgext_schema_oid());
	PopActiveSnapshot();
	msgext_bgworker_commit();
	return installed;
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

void
msgext_bgworker_leave_if_absent(void)
{
	if (is_installed())
		return;
	msgext_registry_absent();
	proc_exit(0);
}

void
msgext_bgworker_start(Oid database)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	memcpy(&launch, MyBgworkerEntry->bgw_extra, sizeof(launch));
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	msgext_bgworker_leave_if_absent();

	/* Whatever the cluster's defaults are: a turn sees what has committed before it. */
	SetConfigOption("default_transaction_isolation", "read committed", PGC_SUSET,
					PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_read_only", "off", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("idle_in_transaction_session_timeout", "0", PGC_SUSET,
					PGC_S_OVERRIDE);
	SetConfigOption("statement_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("lock_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
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
	msgext_bgworker_leave_if_absent();

	/* The launcher was started anew, and has started another one in our place. */
	return msgext_registry_launch() == launch;
}

char *
msgext_bgworker_settings(const char *prefix)
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

			if (pg_strncasecmp(setting, prefix, strlen(prefix)) == 0)
				appendStringInfo(&found, "%s\n", setting);
		}
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found.data;
}
