/*
 * msgext.c
 *		Loading the library: settings, and, when it is preloaded, shared memory and the
 *		launcher; and providers of other libraries. Nothing else.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "core/provider_list.h"
#include "pg/base/guc.h"
#include "pg/catalog/server.h"
#include "pg/ipc/notify.h"
#include "pg/ipc/registry_memory.h"
#include "pg/ipc/tally.h"
#include "pg/process/worker.h"
#include "pg/sql/audit.h"
#include "pg/store/held_outbox.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);
PGDLLEXPORT void msgext_register_provider(const MsgProvider *provider);

static void
check_providers(void)
{
	const MsgProvider *const *provider;
	MsgError error = {0};

	for (provider = msgext_providers; *provider != NULL; provider++)
		if (!msgext_provider_check(*provider, &error))
			elog(ERROR, "provider \"%s\" is broken: %s", (*provider)->name, error.text);
}

/* Looked up by name: see src/library/msgext.h. */
void
msgext_register_provider(const MsgProvider *provider)
{
	bool preloaded = process_shared_preload_libraries_in_progress;
	MsgError error = {0};

	if (provider->abi != MSG_PROVIDER_ABI)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("provider \"%s\" was built for another version of msgext",
						provider->name),
				 errdetail("Its MSG_PROVIDER_ABI is %u, that of msgext is %u.",
						   provider->abi, MSG_PROVIDER_ABI),
				 errhint("Compile its library anew, with the headers of this msgext.")));
	if (!msgext_provider_add(provider, preloaded, &error))
		ereport(ERROR, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
						errmsg("provider \"%s\" cannot be registered", provider->name),
						errdetail("%s%s%s.", error.path, error.path[0] != '\0' ? " " : "",
								  error.text)));
	msgext_server_forget_all();
}

void
_PG_init(void)
{
	check_providers();
	msgext_guc_define();
	msgext_audit_start();
	msgext_outbox_begin_to_hold();
	if (!process_shared_preload_libraries_in_progress)
		return;
	msgext_registry_preload();
	msgext_tally_preload();
	msgext_notify_preload();
	msgext_launcher_register();
}
