/*
 * registry.c
 *		The shared memory: see registry.h, also for the states of an entry.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"

#include "pg/base/compat.h"
#include "pg/ipc/registry.h"

#define NO_PROCESS (-1)

/*
 * One database. All is read under the lock, and written under it exclusively, but for the
 * two atomics: those need it shared, so that the entry stays whose it is, or to be the
 * worker that the entry names.
 */
typedef struct Entry
{
	Oid database; /* written by take(), when the entry changes hands */
	MsgEntryState state;
	int worker;	  /* index into ProcGlobal->allProcs; NO_PROCESS unless RUNNING */
	bool replace; /* its worker ends to be replaced at once; the worker's */
	int ports[MSG_HTTP_KINDS];	   /* as the database has set them; the worker's */
	bool relisten[MSG_HTTP_KINDS]; /* one ends to begin anew with other settings */
	bool feeds;					   /* a feeder is wanted; the worker's */
	pg_atomic_uint64 news;		   /* set by sessions at commit, taken by the worker */
	pg_atomic_uint32 idle;		   /* set by the worker, taken by who wakes it early */
} Entry;

typedef struct Shared
{
	int launcher;	 /* like Entry.worker */
	uint32 launches; /* how often a launcher has started */
	Entry entries[MSG_MAX_DATABASES];
} Shared;

static Shared *shared = NULL;
static LWLock *shared_lock = NULL;

/* The entry whose worker this process is, or NULL. */
static Entry *mine = NULL;

static shmem_request_hook_type previous_shmem_request = NULL;
static shmem_startup_hook_type previous_shmem_startup = NULL;

static void
forget_http(Entry *entry)
{
	int i;

	for (i = 0; i < MSG_HTTP_KINDS; i++)
	{
		entry->ports[i] = -1;
		entry->relisten[i] = false;
	}
}

static void
request_shared_memory(void)
{
	if (previous_shmem_request != NULL)
		previous_shmem_request();
	RequestAddinShmemSpace(MAXALIGN(sizeof(Shared)));
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
	shared = ShmemInitStruct("msgext", sizeof(Shared), &found);
	shared_lock = &GetNamedLWLockTranche("msgext")->lock;
	if (!found)
	{
		memset(shared, 0, sizeof(Shared));
		shared->launcher = NO_PROCESS;
		for (i = 0; i < MSG_MAX_DATABASES; i++)
		{
			Entry *entry = &shared->entries[i];

			entry->state = MSG_ENTRY_ABSENT;
			entry->worker = NO_PROCESS;
			forget_http(entry);
			entry->feeds = false;
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

static void
set_latch_of(int process)
{
	/* A process that has ended since: some other one wakes up once too often. */
	if (process != NO_PROCESS)
		SetLatch(&ProcGlobal->allProcs[process].procLatch);
}

/* The database's entry, or NULL. */
static Entry *
find(Oid database)
{
	int i;

	Assert(LWLockHeldByMe(shared_lock));
	for (i = 0; i < MSG_MAX_DATABASES; i++)
	{
		Entry *entry = &shared->entries[i];

		Assert((entry->state == MSG_ENTRY_RUNNING) == (entry->worker != NO_PROCESS));
		if (entry->database == database)
			return entry;
	}
	return NULL;
}

/* The database's entry, which may have been another's; NULL when all are in use. */
static Entry *
take(Oid database)
{
	Entry *entry = find(database);
	int i;

	Assert(LWLockHeldByMeInMode(shared_lock, LW_EXCLUSIVE));
	for (i = 0; i < MSG_MAX_DATABASES && entry == NULL; i++)
	{
		if (shared->entries[i].state != MSG_ENTRY_ABSENT)
			continue;
		entry = &shared->entries[i];
		entry->database = database;
		forget_http(entry);
		entry->feeds = false;
		entry->replace = false;
		pg_atomic_write_u64(&entry->news, 0);
		pg_atomic_write_u32(&entry->idle, 0);
	}
	return entry;
}

static void
set_absent(Entry *entry)
{
	Assert(LWLockHeldByMeInMode(shared_lock, LW_EXCLUSIVE));
	entry->state = MSG_ENTRY_ABSENT;
	entry->worker = NO_PROCESS;
	pg_atomic_write_u32(&entry->idle, 0);
}

/* ---- Any session ---- */

bool
msgext_registry_is_preloaded(void)
{
	return shared != NULL;
}

bool
msgext_registry_has_worker(void)
{
	Entry *entry;
	bool has;

	if (shared == NULL)
		return false;
	LWLockAcquire(shared_lock, LW_SHARED);
	entry = find(MyDatabaseId);
	has = entry != NULL && entry->state == MSG_ENTRY_RUNNING;
	LWLockRelease(shared_lock);
	return has;
}

/* Asks the launcher for a worker, unless there is one by now, or one to come. */
static void
request_worker(uint64 news)
{
	Entry *entry;
	int process = NO_PROCESS;
	bool requested = false;

	LWLockAcquire(shared_lock, LW_EXCLUSIVE);
	entry = take(MyDatabaseId);
	if (entry != NULL)
	{
		pg_atomic_fetch_or_u64(&entry->news, news);
		process = entry->worker;
		requested = entry->state == MSG_ENTRY_ABSENT;
		if (requested)
		{
			entry->state = MSG_ENTRY_REQUESTED;
			process = shared->launcher;
		}
	}
	LWLockRelease(shared_lock);
	set_latch_of(process);
	if (requested)
		elog(DEBUG1, "msgext: database %u requests a worker", MyDatabaseId);
}

void
msgext_registry_wake(uint64 news)
{
	MsgEntryState state = MSG_ENTRY_ABSENT;
	int process = NO_PROCESS;
	uint64 unknown = 0;
	Entry *entry;

	if (shared == NULL)
		return;
	LWLockAcquire(shared_lock, LW_SHARED);
	entry = find(MyDatabaseId);
	if (entry != NULL)
	{
		unknown = news & ~pg_atomic_fetch_or_u64(&entry->news, news);
		state = entry->state;
		process = entry->worker;
	}
	LWLockRelease(shared_lock);

	/* For what it has not looked at yet, somebody has woken it already. */
	if (state == MSG_ENTRY_RUNNING && unknown != 0)
		set_latch_of(process);
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
	Entry *entry;
	bool idle = false;

	if (shared == NULL)
		return;
	LWLockAcquire(shared_lock, LW_SHARED);
	entry = find(MyDatabaseId);
	if (entry != NULL)
		idle = pg_atomic_read_u32(&entry->idle) != 0 &&
			   pg_atomic_exchange_u32(&entry->idle, 0) != 0;
	LWLockRelease(shared_lock);
	if (idle)
		msgext_registry_wake(news);
}

/* ---- The launcher ---- */

static void
launcher_ends(int code, Datum arg)
{
	LWLockAcquire(shared_lock, LW_EXCLUSIVE);
	shared->launcher = NO_PROCESS;
	LWLockRelease(shared_lock);
}

uint32
msgext_registry_launcher_start(void)
{
	uint32 launch;
	int i;

	LWLockAcquire(shared_lock, LW_EXCLUSIVE);
	shared->launcher = MSG_MY_PROC_NUMBER;
	launch = ++shared->launches;

	/* What the one before it had in hand, nobody has now. */
	for (i = 0; i < MSG_MAX_DATABASES; i++)
	{
		MsgEntryState state = shared->entries[i].state;

		if (state == MSG_ENTRY_STARTING || state == MSG_ENTRY_ENDED)
			set_absent(&shared->entries[i]);
	}
	LWLockRelease(shared_lock);
	before_shmem_exit(launcher_ends, (Datum) 0);
	return launch;
}

int
msgext_registry_requests(Oid *databases, int max)
{
	int n = 0;
	int i;

	LWLockAcquire(shared_lock, LW_EXCLUSIVE);
	for (i = 0; i < MSG_MAX_DATABASES && n < max; i++)
	{
		Entry *entry = &shared->entries[i];

		if (entry->state != MSG_ENTRY_REQUESTED)
			continue;
		entry->state = MSG_ENTRY_STARTING;
		databases[n++] = entry->database;
	}
	LWLockRelease(shared_lock);
	return n;
}

void
msgext_registry_expect(Oid database)
{
	Entry *entry;

	LWLockAcquire(shared_lock, LW_EXCLUSIVE);
	entry = take(database);
	if (entry != NULL &&
		(entry->state == MSG_ENTRY_ABSENT || entry->state == MSG_ENTRY_REQUESTED))
		entry->state = MSG_ENTRY_STARTING;
	LWLockRelease(shared_lock);
}

MsgEntryState
msgext_registry_state(Oid database)
{
	MsgEntryState state = MSG_ENTRY_ABSENT;
	Entry *entry;

	LWLockAcquire(shared_lock, LW_SHARED);
	entry = find(database);
	if (entry != NULL)
		state = entry->state;
	LWLockRelease(shared_lock);
	return state;
}

int
msgext_registry_port(Oid database, MsgHttpKind kind)
{
	Entry *entry;
	int port = -1;

	LWLockAcquire(shared_lock, LW_SHARED);
	entry = find(database);
	if (entry != NULL)
		port = entry->ports[kind];
	LWLockRelease(shared_lock);
	return port;
}

void
msgext_registry_forget(Oid database)
{
	Entry *entry;

	LWLockAcquire(shared_lock, LW_EXCLUSIVE);
	entry = find(database);
	if (entry != NULL && entry->state != MSG_ENTRY_RUNNING)
		set_absent(entry);
	LWLockRelease(shared_lock);
}

/* ---- The worker ---- */

static void
worker_ends(int code, Datum arg)
{
	int launcher = NO_PROCESS;

	LWLockAcquire(shared_lock, LW_EXCLUSIVE);

	/* A worker of a later launcher may have come in its place. */
	if (mine->worker == MSG_MY_PROC_NUMBER)
	{
		mine->worker = NO_PROCESS;
		mine->state = mine->replace ? MSG_ENTRY_REQUESTED : MSG_ENTRY_ENDED;
		if (mine->replace)
			launcher = shared->launcher;
		mine->replace = false;
		pg_atomic_write_u32(&mine->idle, 0);
	}
	mine = NULL;
	LWLockRelease(shared_lock);
	set_latch_of(launcher);
}

void
msgext_registry_worker_start(void)
{
	int launcher;

	LWLockAcquire(shared_lock, LW_EXCLUSIVE);
	mine = take(MyDatabaseId);
	if (mine != NULL)
	{
		mine->state = MSG_ENTRY_RUNNING;
		mine->worker = MSG_MY_PROC_NUMBER;
		mine->replace = false;
	}
	launcher = shared->launcher;
	LWLockRelease(shared_lock);

	/* The database has the extension: there may be a listener to be started. */
	set_latch_of(launcher);
	if (mine == NULL)
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
	return mine != NULL ? pg_atomic_exchange_u64(&mine->news, 0) : ~UINT64CONST(0);
}

void
msgext_registry_idle(void)
{
	if (mine != NULL)
		pg_atomic_write_u32(&mine->idle, 1);
}

bool
msgext_registry_was_woken_early(void)
{
	return mine != NULL && pg_atomic_exchange_u32(&mine->idle, 0) == 0;
}

uint32
msgext_registry_launch(void)
{
	uint32 launch;

	LWLockAcquire(shared_lock, LW_SHARED);
	launch = shared->launches;
	LWLockRelease(shared_lock);
	return launch;
}

void
msgext_registry_relisten(MsgHttpKind kind)
{
	Entry *entry;

	LWLockAcquire(shared_lock, LW_EXCLUSIVE);
	entry = find(MyDatabaseId);
	if (entry != NULL)
		entry->relisten[kind] = true;
	LWLockRelease(shared_lock);
}

bool
msgext_registry_feeds(Oid database)
{
	Entry *entry;
	bool feeds;

	LWLockAcquire(shared_lock, LW_SHARED);
	entry = find(database);
	feeds = entry != NULL && entry->feeds;
	LWLockRelease(shared_lock);
	return feeds;
}

bool
msgext_registry_take_relisten(Oid database, MsgHttpKind kind)
{
	bool wanted = false;
	Entry *entry;

	LWLockAcquire(shared_lock, LW_EXCLUSIVE);
	entry = find(database);
	if (entry != NULL)
	{
		wanted = entry->relisten[kind];
		entry->relisten[kind] = false;
	}
	LWLockRelease(shared_lock);
	return wanted;
}

void
msgext_registry_set_port(MsgHttpKind kind, int port)
{
	int launcher = NO_PROCESS;

	if (mine == NULL)
		return;
	LWLockAcquire(shared_lock, LW_EXCLUSIVE);
	if (mine->ports[kind] != port)
	{
		mine->ports[kind] = port;
		launcher = shared->launcher;
	}
	LWLockRelease(shared_lock);
	set_latch_of(launcher);
}

void
msgext_registry_set_feeds(bool feeds)
{
	int launcher = NO_PROCESS;

	if (mine == NULL)
		return;
	LWLockAcquire(shared_lock, LW_EXCLUSIVE);
	if (mine->feeds != feeds)
	{
		mine->feeds = feeds;
		launcher = shared->launcher;
	}
	LWLockRelease(shared_lock);
	set_latch_of(launcher);
}

void
msgext_registry_absent(void)
{
	Entry *entry;

	LWLockAcquire(shared_lock, LW_EXCLUSIVE);
	entry = find(MyDatabaseId);

	/* What a running worker's database has, that worker says itself. */
	if (entry != NULL &&
		(entry->state != MSG_ENTRY_RUNNING || entry->worker == MSG_MY_PROC_NUMBER))
		set_absent(entry);
	LWLockRelease(shared_lock);
}

void
msgext_registry_replace(void)
{
	if (mine == NULL)
		return;
	LWLockAcquire(shared_lock, LW_EXCLUSIVE);
	if (mine->worker == MSG_MY_PROC_NUMBER)
		mine->replace = true;
	LWLockRelease(shared_lock);
}
