/*
 * dispatcher_lock.c
 *		One dispatcher per database: see dispatcher_lock.h.
 *
 * The lock is an advisory one: those alone outlive an abort and end with their session.
 * Its class is none of SQL's, which are 1 and 2. It is of this extension, by oid: a
 * dispatcher of one that was dropped and made again is not the dispatcher of the new one.
 */
#include "postgres.h"

#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "storage/lock.h"

#include "pg/engine/dispatcher_lock.h"

#define LOCK_DISPATCHER_CLASS 0x6d73

/* The tag locked, for an unlock after the extension has gone. */
static LOCKTAG dispatcher_tag;

bool
msgext_dispatcher_lock(void)
{
	SET_LOCKTAG_ADVISORY(dispatcher_tag, MyDatabaseId, ExtensionRelationId,
						 get_extension_oid("msgext", false), LOCK_DISPATCHER_CLASS);
	return LockAcquire(&dispatcher_tag, ExclusiveLock, true, true) !=
		   LOCKACQUIRE_NOT_AVAIL;
}

void
msgext_dispatcher_unlock(void)
{
	LockRelease(&dispatcher_tag, ExclusiveLock, true);
}
