/*
 * registry.c
 *		Waking the dispatcher of a database at commit: see registry.h.
 *
 * A latch and no NOTIFY, which takes a lock of the whole cluster at commit.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "tcop/utility.h"

#include "pg/base/compat.h"
#include "pg/ipc/registry.h"

#define NO_PROCESS (-1)

typedef struct Place
{
	Oid database;
	pg_atomic_uint64 news; /* committed, and not looked at by the worker */
	pg_atomic_uint32 idle; /* its worker sleeps, and has nothing to wake up for */
	int worker;			   /* index into ProcGlobal->allProcs, or NO_PROCESS */
	bool requested;		   /* somebody has news, and there is no worker */
	bool present;		   /* its worker found the extension there */
	int port;			   /* what it has set for its listener itself; -1 = nothing */
} Place;

typedef struct Shared
{
	int launcher;
	uint32 launches; /* how often a launcher has started */
	Place places[MSG_MAX_DATABASES];
} Shared;

static Shared *shared = NULL;
static LWLock *shared_lock = NULL;
static uint64 news = 0; /* of the current transaction */
static bool registered = false;

static shmem_request_hook_type previous_shmem_request = NULL;
static shmem_startup_hook_type previous_shmem_startup = NULL;
static ProcessUtility_hook_type previous_utility = NULL;

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
		shared->launcher = NO_PROCESS;
		shared->launches = 0;
		for (i = 0; i < MSG_MAX_DATABASES; i++)
		{
			shared->places[i].database = InvalidOid;
			pg_atomic_init_u64(&shared->places[i].news, 0);
			pg_atomic_init_u32(&shared->places[i].idle, 0);
			shared->places[i].worker = NO_PROCESS;
			shared->places[i].requested = false;
			shared->places[i].present = false;
			shared->places[i].port = -1;
		}
	}
	LWLockRelease(AddinShmemInitLock);
}

static void
set_latch_of(int process)
{
	/* A process that has ended since: some other one wakes up once too often. */
	if (process != NO_PROCESS)
		SetLatch(&ProcGlobal->allProcs[process].procLatch);
}

/* The database's place, or a free one, or NULL. The lock is held. */
static Place *
find_place(Oid database)
{
	Place *spare = NULL;
	int i;

	for (i = 0; i < MSG_MAX_DATABASES; i++)
	{
		Place *place = &shared->places[i];

		if (place->database == database)
			return place;
		if (spare == NULL && place->worker == NO_PROCESS && !place->requested &&
			!place->present)
			spare = place;
	}
	return spare;
}

/* Makes a place that find_place() gave ours. */
static void
occupy(Place *place)
{
	if (place->database == MyDatabaseId)
		return;
	place->database = MyDatabaseId;
	place->port = -1;
}

static void
wake(uint64 told)
{
	Place *place;
	uint64 untold = told;
	int process = NO_PROCESS;

	if (shared == NULL)
		return;
	LWLockAcquire(shared_lock, LW_SHARED);
	place = find_place(MyDatabaseId);
	if (place != NULL && place->database == MyDatabaseId)
	{
		untold = told & ~pg_atomic_fetch_or_u64(&place->news, told);
		process = place->worker;
	}
	LWLockRelease(shared_lock);
	if (process != NO_PROCESS)
	{
		/* What it has not looked at yet, somebody has woken it for. */
		if (untold != 0)
			set_latch_of(process);
		return;
	}

	LWLockAcquire(shared_lock, LW_EXCLUSIVE);
	place = find_place(MyDatabaseId);
	if (place != NULL)
	{
		occupy(place);
		if (place->worker == NO_PROCESS)
			place->requested = true;
		process = place->worker != NO_PROCESS ? place->worker : shared->launcher;
	}
	LWLockRelease(shared_lock);
	set_latch_of(process);
}

/*
 * News is about to be committed. A worker that has been asleep takes as long to get going
 * as the commit takes to reach the disk: so it is woken now, finds nothing, and is awake
 * when there is something. One that has anything to do is awake often enough.
 */
static void
rouse(void)
{
	Place *place;
	bool idle = false;

	if (shared == NULL)
		return;
	LWLockAcquire(shared_lock, LW_SHARED);
	place = find_place(MyDatabaseId);
	if (place != NULL && place->database == MyDatabaseId)
		idle = pg_atomic_read_u32(&place->idle) != 0 &&
			   pg_atomic_exchange_u32(&place->idle, 0) != 0;
	LWLockRelease(shared_lock);
	if (idle)
		wake(news);
}

static void
on_transaction_end(XactEvent event, void *arg)
{
	if (news == 0)
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			rouse();
			break;
		case XACT_EVENT_COMMIT:
			wake(news);
			news = 0;
			break;
		case XACT_EVENT_ABORT:

			/* Of a prepared transaction, COMMIT PREPARED tells: see below. */
		case XACT_EVENT_PREPARE:
			news = 0;
			break;
		default:
			break;
	}
}

uint64
msgext_notify_news_of_lane(int32 number)
{
	return UINT64CONST(1) << ((uint32) number % 62);
}

void
msgext_notify_at_commit(uint64 told)
{
	if (!registered)
	{
		RegisterXactCallback(on_transaction_end, NULL);
		registered = true;
	}
	news |= told;
}

/*
 * The transaction that COMMIT PREPARED ends belonged to another session, so that no
 * callback of ours knows what was in it.
 */
static void
process_utility(PlannedStmt *statement, const char *query, bool read_only,
				ProcessUtilityContext context, ParamListInfo params,
				QueryEnvironment *env, DestReceiver *dest, QueryCompletion *completion)
{
	bool prepared =
		IsA(statement->utilityStmt, TransactionStmt) &&
		((TransactionStmt *) statement->utilityStmt)->kind == TRANS_STMT_COMMIT_PREPARED;

	if (previous_utility != NULL)
		previous_utility(statement, query, read_only, context, params, env, dest,
						 completion);
	else
		standard_ProcessUtility(statement, query, read_only, context, params, env, dest,
								completion);
	if (prepared)
		wake(MSG_NEWS_ALL);
}

void
msgext_registry_preload(void)
{
	previous_shmem_request = shmem_request_hook;
	shmem_request_hook = request_shared_memory;
	previous_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = start_shared_memory;
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
}

bool
msgext_registry_has_worker(void)
{
	Place *place;
	bool has;

	if (shared == NULL)
		return false;
	LWLockAcquire(shared_lock, LW_SHARED);
	place = find_place(MyDatabaseId);
	has = place != NULL && place->database == MyDatabaseId && place->worker != NO_PROCESS;
	LWLockRelease(shared_lock);
	return has;
}

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

	LWLockAcquire(shared_lock, LW_EXCLUSIVE);
	shared->launcher = MSG_MY_PROC_NUMBER;
	launch = ++shared->launches;
	LWLockRelease(shared_lock);
	before_shmem_exit(launcher_ends, (Datum) 0);
	return launch;
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

int
msgext_registry_requests(Oid *databases, int max)
{
	int n = 0;
	int i;

	LWLockAcquire(shared_lock, LW_EXCLUSIVE);
	for (i = 0; i < MSG_MAX_DATABASES && n < max; i++)
	{
		Place *place = &shared->places[i];

		if (place->requested)
		{
			place->requested = false;
			databases[n++] = place->database;
		}
	}
	LWLockRelease(shared_lock);
	return n;
}

static void
forget(Oid database)
{
	Place *place;

	LWLockAcquire(shared_lock, LW_EXCLUSIVE);
	place = find_place(database);
	if (place != NULL && place->database == database)
		place->present = false;
	LWLockRelease(shared_lock);
}

void
msgext_registry_forget(Oid database)
{
	forget(database);
}

void
msgext_registry_absent(void)
{
	forget(MyDatabaseId);
}

bool
msgext_registry_is_present(Oid database)
{
	Place *place;
	bool present;

	LWLockAcquire(shared_lock, LW_SHARED);
	place = find_place(database);
	present = place != NULL && place->database == database && place->present;
	LWLockRelease(shared_lock);
	return present;
}

int
msgext_registry_port(Oid database)
{
	Place *place;
	int port = -1;

	LWLockAcquire(shared_lock, LW_SHARED);
	place = find_place(database);
	if (place != NULL && place->database == database)
		port = place->port;
	LWLockRelease(shared_lock);
	return port;
}

void
msgext_registry_set_port(int port)
{
	Place *place;
	int launcher = NO_PROCESS;

	LWLockAcquire(shared_lock, LW_EXCLUSIVE);
	place = find_place(MyDatabaseId);
	if (place != NULL && place->database == MyDatabaseId && place->port != port)
	{
		place->port = port;
		launcher = shared->launcher;
	}
	LWLockRelease(shared_lock);
	set_latch_of(launcher);
}

static void
worker_ends(int code, Datum arg)
{
	Place *place;

	LWLockAcquire(shared_lock, LW_EXCLUSIVE);
	place = find_place(MyDatabaseId);
	if (place != NULL && place->worker == MSG_MY_PROC_NUMBER)
	{
		place->worker = NO_PROCESS;
		pg_atomic_write_u32(&place->idle, 0);
	}
	LWLockRelease(shared_lock);
}

/* This process is the worker of it, or NULL. */
static Place *mine = NULL;

uint64
msgext_registry_news(void)
{
	return mine != NULL ? pg_atomic_exchange_u64(&mine->news, 0) : MSG_NEWS_ALL;
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

void
msgext_registry_worker_start(void)
{
	Place *place;
	int launcher;

	LWLockAcquire(shared_lock, LW_EXCLUSIVE);
	place = find_place(MyDatabaseId);
	if (place != NULL)
	{
		occupy(place);
		place->worker = MSG_MY_PROC_NUMBER;
		place->requested = false;
		place->present = true;
		mine = place;
	}
	launcher = shared->launcher;
	LWLockRelease(shared_lock);

	/* The database has the extension: there may be a listener to be started. */
	set_latch_of(launcher);
	if (place == NULL)
		ereport(
			WARNING,
			(errmsg("more than %d databases have msgext dispatchers", MSG_MAX_DATABASES),
			 errdetail("The one of this database looks for work once a second.")));
	else
		before_shmem_exit(worker_ends, (Datum) 0);
}
