/*
 * extension.c
 *		Which extension is in this database: see extension.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "storage/lmgr.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#include "pg/base/extension.h"

/* What has been looked up, until the catalog changes. */
static Oid known = InvalidOid;

static void
forget(Datum arg, int cache, uint32 hash)
{
	known = InvalidOid;
}

/*
 * There is no cache of pg_extension to be told by. But no extension of this name comes or
 * goes without its foreign-data wrappers.
 */
Oid
msgext_extension_oid(void)
{
	static bool registered = false;

	Assert(IsTransactionState());
	if (!registered)
	{
		CacheRegisterSyscacheCallback(FOREIGNDATAWRAPPEROID, forget, (Datum) 0);
		registered = true;
	}
	if (!OidIsValid(known))
		known = get_extension_oid("msgext", true);
	return known;
}

bool
msgext_extension_hold(Oid extension)
{
	/* DROP EXTENSION takes this lock before it touches anything. */
	LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
	return msgext_extension_oid() == extension;
}
