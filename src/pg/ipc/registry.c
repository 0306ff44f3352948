/*
 * registry.c
 *		Who has a worker, and who moves an entry on: see registry.h.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/proc.h"

#include "pg/base/compat.h"
#include "pg/ipc/registry.h"
#include "pg/ipc/registry_memory.h"

/* The database's entry, which may have been another's; NULL when all are in use. */
static MsgRegistryEntry *
take(Oid database)
{
	MsgRegistryEntry *entry = msgext_registry_find(database);
	int i;

	Assert(LWLockHeldByMeInMode(msgext_registry_lock, LW_EXCLUSIVE));
	for (i = 0; i < MSG_MAX_DATABASES && entry == NULL; i++)
	{
		if (msgext_registry->entries[i].state != MSG_ENTRY_ABSENT)
			continue;
		entry = &msgext_registry->entries[i];
		entry->database = database;
		msgext_registry_forget_services(entry);
		entry->replace = false;
		pg_atomic_write_u64(&entry->news, 0);
		pg_atomic_write_u32(&entry->idle, 0);
	}
	return entry;
}

static void
set_absent(MsgRegistryEntry *entry)
{
	Assert(LWLockHeldByMeInMode(msgext_registry_lock, LW_EXCLUSIVE));
	entry->state = MSG_ENTRY_ABSENT;
	entry->worker = MSG_NO_PROCESS;
	pg_atomic_write_u32(&entry->idle, 0);
}

/* ---- Any session ---- */

bool
msgext_registry_is_preloaded(void)
{
	return msgext_registry != NULL;
}

bool
msgext_registry_has_worker(void)
{
	MsgRegistryEntry *entry;
	bool has;

	if (msgext_registry == NULL)
		return false;
	LWLockAcquire(msgext_registry_lock, LW_SHARED);
	entry = msgext_registry_find(MyDatabaseId);
	has = entry != NULL && entry->state == MSG_ENTRY_RUNNING;
	LWLockRelease(msgext_registry_lock);
	return has;
}

/* Asks the launcher for a worker, unless there is one by now, or one to come. */
static void
request_worker(uint64 news)
{
	MsgRegistryEntry *entry;
	int process = MSG_NO_PROCESS;
	bool requested = false;

	LWLockAcquire(msgext_registry_lock, LW_EXCLUSIVE);
	entry = take(MyDatabaseId);
	if (entry != NULL)
	{
		pg_atomic_fetch_or_u64(&entry->news, news);
		process = entry->worker;
		requested = entry->state == MSG_ENTRY_ABSENT;
		if (requested)
		{
			entry->state = MSG_ENTRY_REQUESTED;
			process = msgext_registry->launcher;
		}
	}
	LWLockRelease(msgext_registry_lock);
	msgext_registry_set_latch(process);
	if (requested)
		elog(DEBUG1, "msgext: database %u requests a worker", MyDatabaseId);
}

void
msgext_registry_wake(uint64 news)
{
	MsgEntryState state = MSG_ENTRY_ABSENT;
	int process = MSG_NO_PROCESS;
	uint64 unknown = 0;
	MsgRegistryEntry *entry;

	if (msgext_registry == NULL)
		return;
	LWLockAcquire(msgext_registry_lock, LW_SHARED);
	entry = msgext_registry_find(MyDatabaseId);
	if (entry != NULL)
	{
		unknown = news & ~pg_atomic_fetch_or_u64(&entry->news, news);
		state = entry->state;
		process = entry->worker;
	}
	LWLockRelease(msgext_registry_lock);

	/* For what it has not looked at yet, somebody has woken it already. */
	if (state == MSG_ENTRY_RUNNING && unknown != 0)
		msgext_registry_set_latch(process);
	else if (state == MSG_ENTRY_ABSENT)
		request_worker(news);
}

/*
 * A worker that has been asleep takes as long to get going as the commit takes to reach
 * the disk: so it is woken before, finds nothing, and is awake when there is something.
 * One that has anything to do is awake often enough.
 */
void
msgext_registry_wake_early(uint64 news)
{
	MsgRegistryEntry *entry;
	bool idle = false;

	if (msgext_registry == NULL)
		return;
	LWLockAcquire(msgext_registry_lock, LW_SHARED);
	entry = msgext_registry_find(MyDatabaseId);
	if (entry != NULL)
		idle = pg_atomic_read_u32(&entry->idle) != 0 &&
			   pg_atomic_exchange_u32(&entry->idle, 0) != 0;
	LWLockRelease(msgext_registry_lock);
	if (idle)
		msgext_registry_wake(news);
}

/* ---- The launcher ---- */

static void
launcher_ends(int code, Datum arg)
{
	LWLockAcquire(msgext_registry_lock, LW_EXCLUSIVE);
	msgext_registry->launcher = MSG_NO_PROCESS;
	LWLockRelease(msgext_registry_lock);
}

uint32
msgext_registry_launcher_start(void)
{
	uint32 launch;
	int i;

	LWLockAcquire(msgext_registry_lock, LW_EXCLUSIVE);
	msgext_registry->launcher = MSG_MY_PROC_NUMBER;
	launch = ++msgext_registry->launches;

	/* What the one before it had in hand, nobody has now. */
	for (i = 0; i < MSG_MAX_DATABASES; i++)
	{
		MsgEntryState state = msgext_registry->entries[i].state;

		if (state == MSG_ENTRY_STARTING || state == MSG_ENTRY_ENDED)
			set_absent(&msgext_registry->entries[i]);
	}
	LWLockRelease(msgext_registry_lock);
	before_shmem_exit(launcher_ends, (Datum) 0);
	return launch;
}

int
msgext_registry_requests(Oid *databases, int max)
{
	int n = 0;
	int i;

	LWLockAcquire(msgext_registry_lock, LW_EXCLUSIVE);
	for (i = 0; i < MSG_MAX_DATABASES && n < max; i++)
	{
		MsgRegistryEntry *entry = &msgext_registry->entries[i];

		if (entry->state != MSG_ENTRY_REQUESTED)
			continue;
		entry->state = MSG_ENTRY_STARTING;
		databases[n++] = entry->database;
	}
	LWLockRelease(msgext_registry_lock);
	return n;
}

void
msgext_registry_expect(Oid database)
{
	MsgRegistryEntry *entry;

	LWLockAcquire(msgext_registry_lock, LW_EXCLUSIVE);
	entry = take(database);
	if (entry != NULL &&
		(entry->state == MSG_ENTRY_ABSENT || entry->state == MSG_ENTRY_REQUESTED))
		entry->state = MSG_ENTRY_STARTING;
	LWLockRelease(msgext_registry_lock);
}

MsgEntryState
msgext_registry_state(Oid database)
{
	MsgEntryState state = MSG_ENTRY_ABSENT;
	MsgRegistryEntry *entry;

	LWLockAcquire(msgext_registry_lock, LW_SHARED);
	entry = msgext_registry_find(database);
	if (entry != NULL)
		state = entry->state;
	LWLockRelease(msgext_registry_lock);
	return state;
}

void
msgext_registry_forget(Oid database)
{
	MsgRegistryEntry *entry;

	LWLockAcquire(msgext_registry_lock, LW_EXCLUSIVE);
	entry = msgext_registry_find(database);
	if (entry != NULL && entry->state != MSG_ENTRY_RUNNING)
		set_absent(entry);
	LWLockRelease(msgext_registry_lock);
}

/* ---- The worker ---- */

static void
worker_ends(int code, Datum arg)
{
	int launcher = MSG_NO_PROCESS;

	LWLockAcquire(msgext_registry_lock, LW_EXCLUSIVE);

	/* A worker of a later launcher may have come in its place. */
	if (msgext_registry_mine->worker == MSG_MY_PROC_NUMBER)
	{
		msgext_registry_mine->worker = MSG_NO_PROCESS;
		msgext_registry_mine->state =
			msgext_registry_mine->replace ? MSG_ENTRY_REQUESTED : MSG_ENTRY_ENDED;
		if (msgext_registry_mine->replace)
			launcher = msgext_registry->launcher;
		msgext_registry_mine->replace = false;
		pg_atomic_write_u32(&msgext_registry_mine->idle, 0);
	}
	msgext_registry_mine = NULL;
	LWLockRelease(msgext_registry_lock);
	msgext_registry_set_latch(launcher);
}

void
msgext_registry_worker_start(void)
{
	int launcher;

	LWLockAcquire(msgext_registry_lock, LW_EXCLUSIVE);
	msgext_registry_mine = take(MyDatabaseId);
	if (msgext_registry_mine != NULL)
	{
		msgext_registry_mine->state = MSG_ENTRY_RUNNING;
		msgext_registry_mine->worker = MSG_MY_PROC_NUMBER;
		msgext_registry_mine->replace = false;
	}
	launcher = msgext_registry->launcher;
	LWLockRelease(msgext_registry_lock);

	/* The database has the extension: there may be a listener to be started. */
	msgext_registry_set_latch(launcher);
	if (msgext_registry_mine == NULL)
		ereport(
			WARNING,
			(errmsg("more than %d databases have msgext dispatchers", MSG_MAX_DATABASES),
			 errdetail("The one of this database looks for work once a second.")));
	else
		before_shmem_exit(worker_ends, (Datum) 0);
}

uint64
msgext_registry_news(void)
{
	return msgext_registry_mine != NULL
			   ? pg_atomic_exchange_u64(&msgext_registry_mine->news, 0)
			   : ~UINT64CONST(0);
}

void
msgext_registry_idle(void)
{
	if (msgext_registry_mine != NULL)
		pg_atomic_write_u32(&msgext_registry_mine->idle, 1);
}

bool
msgext_registry_was_woken_early(void)
{
	return msgext_registry_mine != NULL &&
		   pg_atomic_exchange_u32(&msgext_registry_mine->idle, 0) == 0;
}

uint32
msgext_registry_launch(void)
{
	uint32 launch;

	LWLockAcquire(msgext_registry_lock, LW_SHARED);
	launch = msgext_registry->launches;
	LWLockRelease(msgext_registry_lock);
	return launch;
}

void
msgext_registry_absent(void)
{
	MsgRegistryEntry *entry;

	LWLockAcquire(msgext_registry_lock, LW_EXCLUSIVE);
	entry = msgext_registry_find(MyDatabaseId);

	/* What a running worker's database has, that worker says itself. */
	if (entry != NULL &&
		(entry->state != MSG_ENTRY_RUNNING || entry->worker == MSG_MY_PROC_NUMBER))
		set_absent(entry);
	LWLockRelease(msgext_registry_lock);
}

void
msgext_registry_replace(void)
{
	if (msgext_registry_mine == NULL)
		return;
	LWLockAcquire(msgext_registry_lock, LW_EXCLUSIVE);
	if (msgext_registry_mine->worker == MSG_MY_PROC_NUMBER)
		msgext_registry_mine->replace = true;
	LWLockRelease(msgext_registry_lock);
}
