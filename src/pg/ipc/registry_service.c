/*
 * registry_service.c
 *		What else is to run for a database, which its worker tells the launcher: what
 *		answers over HTTP, and the feeder. See registry.h.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "pg/ipc/registry.h"
#include "pg/ipc/registry_memory.h"

int
msgext_registry_port(Oid database, MsgHttpKind kind)
{
	MsgRegistryEntry *entry;
	int port = -1;

	LWLockAcquire(msgext_registry_lock, LW_SHARED);
	entry = msgext_registry_find(database);
	if (entry != NULL)
		port = entry->ports[kind];
	LWLockRelease(msgext_registry_lock);
	return port;
}

void
msgext_registry_set_port(MsgHttpKind kind, int port)
{
	int launcher = MSG_NO_PROCESS;

	if (msgext_registry_mine == NULL)
		return;
	LWLockAcquire(msgext_registry_lock, LW_EXCLUSIVE);
	if (msgext_registry_mine->ports[kind] != port)
	{
		msgext_registry_mine->ports[kind] = port;
		launcher = msgext_registry->launcher;
	}
	LWLockRelease(msgext_registry_lock);
	msgext_registry_set_latch(launcher);
}

void
msgext_registry_relisten(MsgHttpKind kind)
{
	MsgRegistryEntry *entry;

	LWLockAcquire(msgext_registry_lock, LW_EXCLUSIVE);
	entry = msgext_registry_find(MyDatabaseId);
	if (entry != NULL)
		entry->relisten[kind] = true;
	LWLockRelease(msgext_registry_lock);
}

bool
msgext_registry_take_relisten(Oid database, MsgHttpKind kind)
{
	bool wanted = false;
	MsgRegistryEntry *entry;

	LWLockAcquire(msgext_registry_lock, LW_EXCLUSIVE);
	entry = msgext_registry_find(database);
	if (entry != NULL)
	{
		wanted = entry->relisten[kind];
		entry->relisten[kind] = false;
	}
	LWLockRelease(msgext_registry_lock);
	return wanted;
}

bool
msgext_registry_feeds(Oid database)
{
	MsgRegistryEntry *entry;
	bool feeds;

	LWLockAcquire(msgext_registry_lock, LW_SHARED);
	entry = msgext_registry_find(database);
	feeds = entry != NULL && entry->feeds;
	LWLockRelease(msgext_registry_lock);
	return feeds;
}

void
msgext_registry_set_feeds(bool feeds)
{
	int launcher = MSG_NO_PROCESS;

	if (msgext_registry_mine == NULL)
		return;
	LWLockAcquire(msgext_registry_lock, LW_EXCLUSIVE);
	if (msgext_registry_mine->feeds != feeds)
	{
		msgext_registry_mine->feeds = feeds;
		launcher = msgext_registry->launcher;
	}
	LWLockRelease(msgext_registry_lock);
	msgext_registry_set_latch(launcher);
}
