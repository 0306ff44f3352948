/*
 * msgext.c
 *		Loading the library: settings, and, when it is preloaded, shared memory and the
 *		launcher. Nothing else.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "core/provider.h"
#include "pg/base/guc.h"
#include "pg/ipc/notify.h"
#include "pg/ipc/registry.h"
#include "pg/ipc/tally.h"
#include "pg/process/worker.h"
#include "pg/sql/audit.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

static void
check_providers(void)
{
	const MsgProvider *const *provider;
	MsgError error = {0};

	for (provider = msgext_providers; *provider != NULL; provider++)
		if (!msgext_provider_check(*provider, &error))
			elog(ERROR, "provider \"%s\" is broken: %s", (*provider)->name, error.text);
}

void
_PG_init(void)
{
	check_providers();
	msgext_guc_define();
	msgext_audit_start();
	if (!process_shared_preload_libraries_in_progress)
		return;
	msgext_registry_preload();
	msgext_tally_preload();
	msgext_notify_preload();
	msgext_launcher_register();
}
