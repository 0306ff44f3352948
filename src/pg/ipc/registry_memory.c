/*
 * registry_memory.c
 *		The shared memory, its lock and its entries: see registry_memory.h.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/shmem.h"

#include "pg/base/compat.h"
#include "pg/ipc/registry_memory.h"

MsgRegistry *msgext_registry = NULL;
LWLock *msgext_registry_lock = NULL;
MsgRegistryEntry *msgext_registry_mine = NULL;

static shmem_request_hook_type previous_shmem_request = NULL;
static shmem_startup_hook_type previous_shmem_startup = NULL;

void
msgext_registry_forget_services(MsgRegistryEntry *entry)
{
	int i;

	for (i = 0; i < MSG_HTTP_KINDS; i++)
	{
		entry->ports[i] = -1;
		entry->relisten[i] = false;
	}
	entry->feeds = false;
}

static void
request_shared_memory(void)
{
	if (previous_shmem_request != NULL)
		previous_shmem_request();
	RequestAddinShmemSpace(MAXALIGN(sizeof(MsgRegistry)));
	RequestNamedLWLockTranche("msgext", 1);
}

static void
start_shared_memory(void)
{
	bool found;
	int i;

	if (previous_shmem_startup != NULL)
		previous_shmem_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	msgext_registry = ShmemInitStruct("msgext", sizeof(MsgRegistry), &found);
	msgext_registry_lock = &GetNamedLWLockTranche("msgext")->lock;
	if (!found)
	{
		memset(msgext_registry, 0, sizeof(MsgRegistry));
		msgext_registry->launcher = MSG_NO_PROCESS;
		for (i = 0; i < MSG_MAX_DATABASES; i++)
		{
			MsgRegistryEntry *entry = &msgext_registry->entries[i];

			entry->state = MSG_ENTRY_ABSENT;
			entry->worker = MSG_NO_PROCESS;
			msgext_registry_forget_services(entry);
			pg_atomic_init_u64(&entry->news, 0);
			pg_atomic_init_u32(&entry->idle, 0);
		}
	}
	LWLockRelease(AddinShmemInitLock);
}

void
msgext_registry_preload(void)
{
	previous_shmem_request = shmem_request_hook;
	shmem_request_hook = request_shared_memory;
	previous_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = start_shared_memory;
}

void
msgext_registry_set_latch(int process)
{
	/* A process that has ended since: some other one wakes up once too often. */
	if (process != MSG_NO_PROCESS)
		SetLatch(&ProcGlobal->allProcs[process].procLatch);
}

MsgRegistryEntry *
msgext_registry_find(Oid database)
{
	int i;

	Assert(LWLockHeldByMe(msgext_registry_lock));
	for (i = 0; i < MSG_MAX_DATABASES; i++)
	{
		MsgRegistryEntry *entry = &msgext_registry->entries[i];

		Assert((entry->state == MSG_ENTRY_RUNNING) == (entry->worker != MSG_NO_PROCESS));
		if (entry->database == database)
			return entry;
	}
	return NULL;
}
