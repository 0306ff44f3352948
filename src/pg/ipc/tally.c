/*
 * tally.c
 *		What sessions count, on its way to the dispatcher: see tally.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "pg/ipc/tally.h"

/* Servers of all databases of which something waits to be taken, at a time. */
#define SLOTS 512

/* Counters, then the buckets and the sum of each histogram. */
#define NUMBERS (MSG_COUNTERS + MSG_TIMES * (MSG_BUCKETS + 1))

/*
 * One server. It is found, added to and taken under the lock, shared; it changes hands
 * under the lock alone, when all of its numbers are 0.
 */
typedef struct Slot
{
	Oid database;
	Oid server;
	pg_atomic_uint64 numbers[NUMBERS];
} Slot;

static Slot *slots = NULL;
static LWLock *lock = NULL;

static shmem_request_hook_type previous_shmem_request = NULL;
static shmem_startup_hook_type previous_shmem_startup = NULL;

/* Of the current transaction: a list in its context. */
typedef struct Pending
{
	struct Pending *next;
	Oid server;
	int level; /* of the subtransaction */
	MsgCounts counts;
} Pending;

static Pending *pending = NULL;

/* Of this process, where there is no shared memory. */
typedef struct Kept
{
	struct Kept *next;
	Oid server;
	MsgCounts counts;
} Kept;

static Kept *kept = NULL;

static void
request_shared_memory(void)
{
	if (previous_shmem_request != NULL)
		previous_shmem_request();
	RequestAddinShmemSpace(MAXALIGN(sizeof(Slot) * SLOTS));
	RequestNamedLWLockTranche("msgext tally", 1);
}

static void
start_shared_memory(void)
{
	bool found;
	int i;
	int k;

	if (previous_shmem_startup != NULL)
		previous_shmem_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	slots = ShmemInitStruct("msgext tally", sizeof(Slot) * SLOTS, &found);
	lock = &GetNamedLWLockTranche("msgext tally")->lock;
	for (i = 0; i < SLOTS && !found; i++)
	{
		slots[i].database = slots[i].server = InvalidOid;
		for (k = 0; k < NUMBERS; k++)
			pg_atomic_init_u64(&slots[i].numbers[k], 0);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
msgext_tally_preload(void)
{
	previous_shmem_request = shmem_request_hook;
	shmem_request_hook = request_shared_memory;
	previous_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = start_shared_memory;
}

static Slot *
find(Oid server)
{
	int i;

	Assert(LWLockHeldByMe(lock));
	for (i = 0; i < SLOTS; i++)
		if (slots[i].server == server && slots[i].database == MyDatabaseId)
			return &slots[i];
	return NULL;
}

static bool
is_empty(Slot *slot)
{
	int k;

	for (k = 0; k < NUMBERS; k++)
		if (pg_atomic_read_u64(&slot->numbers[k]) != 0)
			return false;
	return true;
}

/* One that nobody needs becomes the server's; NULL when all are in use. */
static Slot *
occupy(Oid server)
{
	Slot *slot = find(server);
	int i;

	Assert(LWLockHeldByMeInMode(lock, LW_EXCLUSIVE));
	for (i = 0; i < SLOTS && slot == NULL; i++)
		if (is_empty(&slots[i]))
			slot = &slots[i];
	if (slot != NULL)
	{
		slot->database = MyDatabaseId;
		slot->server = server;
	}
	return slot;
}

static int64 *
number(MsgCounts *counts, int k)
{
	int time;

	if (k < MSG_COUNTERS)
		return &counts->n[k];
	time = (k - MSG_COUNTERS) / (MSG_BUCKETS + 1);
	k = (k - MSG_COUNTERS) % (MSG_BUCKETS + 1);
	return k < MSG_BUCKETS ? &counts->times[time].buckets[k]
						   : &counts->times[time].sum_us;
}

static void
add_to(Slot *slot, const MsgCounts *counts)
{
	int k;

	for (k = 0; k < NUMBERS; k++)
	{
		int64 n = *number(unconstify(MsgCounts *, counts), k);

		if (n != 0)
			pg_atomic_fetch_add_u64(&slot->numbers[k], (uint64) n);
	}
}

/* What this process keeps itself; made in advance, as a commit must not fail. */
static Kept *
kept_of(Oid server, bool make)
{
	Kept *entry = kept;

	while (entry != NULL && entry->server != server)
		entry = entry->next;
	if (entry == NULL && make)
	{
		entry = MemoryContextAllocZero(TopMemoryContext, sizeof(Kept));
		entry->server = server;
		entry->next = kept;
		kept = entry;
	}
	return entry;
}

void
msgext_tally_put(Oid server, const MsgCounts *counts)
{
	Slot *slot;

	if (!counts->any)
		return;
	if (slots == NULL)
	{
		Kept *entry = kept_of(server, false);

		if (entry != NULL)
			msgext_counts_merge(&entry->counts, counts);
		return;
	}
	LWLockAcquire(lock, LW_SHARED);
	if ((slot = find(server)) != NULL)
		add_to(slot, counts);
	LWLockRelease(lock);
	if (slot != NULL)
		return;

	/* With every slot taken, which 512 servers in use would do, it is not counted. */
	LWLockAcquire(lock, LW_EXCLUSIVE);
	if ((slot = occupy(server)) != NULL)
		add_to(slot, counts);
	LWLockRelease(lock);
}

static void
on_transaction_event(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			for (; pending != NULL; pending = pending->next)
				msgext_tally_put(pending->server, &pending->counts);
			break;
		case XACT_EVENT_ABORT:
			pending = NULL;
			break;
		default:
			break;
	}
}

static Pending *
find_pending(Oid server, int level)
{
	Pending *entry = pending;

	while (entry != NULL && (entry->server != server || entry->level != level))
		entry = entry->next;
	return entry;
}

static void
on_subtransaction_event(SubXactEvent event, SubTransactionId mine,
						SubTransactionId parent, void *arg)
{
	int level = GetCurrentTransactionNestLevel();
	Pending **link = &pending;

	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;
	while (*link != NULL)
	{
		Pending *entry = *link;
		Pending *outer;

		if (entry->level < level)
		{
			link = &entry->next;
			continue;
		}
		if (event == SUBXACT_EVENT_ABORT_SUB)
		{
			*link = entry->next;
			continue;
		}
		if ((outer = find_pending(entry->server, level - 1)) != NULL)
		{
			msgext_counts_merge(&outer->counts, &entry->counts);
			*link = entry->next;
			continue;
		}
		entry->level = level - 1;
		link = &entry->next;
	}
}

MsgCounts *
msgext_tally(Oid server)
{
	static bool registered = false;
	int level = GetCurrentTransactionNestLevel();
	Pending *entry;

	Assert(IsTransactionState());
	if (!registered)
	{
		RegisterXactCallback(on_transaction_event, NULL);
		RegisterSubXactCallback(on_subtransaction_event, NULL);
		registered = true;
	}
	if ((entry = find_pending(server, level)) == NULL)
	{
		if (slots == NULL)
			(void) kept_of(server, true);
		entry = MemoryContextAllocZero(TopTransactionContext, sizeof(Pending));
		entry->server = server;
		entry->level = level;
		entry->next = pending;
		pending = entry;
	}
	return &entry->counts;
}

/* Takes from what this process keeps, and frees what no transaction counts upon. */
static bool
take_kept(Oid *server, MsgCounts *counts)
{
	Kept **link = &kept;

	while (*link != NULL)
	{
		Kept *entry = *link;
		bool any = entry->counts.any;
		const Pending *use = pending;

		*server = entry->server;
		*counts = entry->counts;
		msgext_counts_clear(&entry->counts);
		while (use != NULL && use->server != entry->server)
			use = use->next;
		if (use != NULL)
			link = &entry->next;
		else
		{
			*link = entry->next;
			pfree(entry);
		}
		if (any)
			return true;
	}
	return false;
}

/* True when there was something. */
static bool
take_slot(Slot *slot, MsgCounts *counts)
{
	int k;

	memset(counts, 0, sizeof(*counts));
	for (k = 0; k < NUMBERS; k++)
	{
		if (pg_atomic_read_u64(&slot->numbers[k]) == 0)
			continue;
		*number(counts, k) = (int64) pg_atomic_exchange_u64(&slot->numbers[k], 0);
		counts->any = true;
	}
	return counts->any;
}

bool
msgext_tally_take(int *place, Oid *server, MsgCounts *counts)
{
	bool found = false;

	if (slots == NULL)
		return take_kept(server, counts);
	LWLockAcquire(lock, LW_SHARED);
	while (*place < SLOTS && !found)
	{
		Slot *slot = &slots[(*place)++];

		if (slot->database != MyDatabaseId)
			continue;
		*server = slot->server;
		found = take_slot(slot, counts);
	}
	LWLockRelease(lock);
	return found;
}

void
msgext_tally_forget(Oid database)
{
	MsgCounts counts;
	int i;

	LWLockAcquire(lock, LW_EXCLUSIVE);
	for (i = 0; i < SLOTS; i++)
		if (slots[i].database == database)
			(void) take_slot(&slots[i], &counts);
	LWLockRelease(lock);
}
