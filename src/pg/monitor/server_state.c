/*
 * server_state.c
 *		How a server is: see server_state.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "core/provider_list.h"
#include "pg/base/clock.h"
#include "pg/base/compat.h"
#include "pg/base/mode.h"
#include "pg/ipc/registry.h"
#include "pg/monitor/server_state.h"
#include "pg/store/account_pause.h"
#include "pg/store/lane.h"
#include "pg/store/outbox.h"
#include "pg/store/reminder.h"

/*
 * Who watches asks often, and most of all when much is queued: so many messages are counted
 * one by one. Each look-up reads some four pages, and where the queue is longer, so many are
 * read for each thing that is counted by look-ups.
 */
#define COUNT_MAX 10000
#define LOOKUP_PAGES (4 * COUNT_MAX)
#define LOOKUP_PAGES_LONG 40

/* So many entries of lanes are on some eighty pages, and on more where pages are half full. */
#define ENTRY_PAGES 125

/* Where only the oldest is looked for, so many of each lane are looked at. */
#define OLDEST_ROWS 10

/* Reminders read at a time. */
#define REMINDER_BATCH 256

/* Messages that a reminder of this kind stands for, and that are in that state. */
static int64
count_due(MsgTable *outbox, Oid server, const char *kind, MsgState state,
		  TimestampTz *oldest, int64 max_pages, bool *exact)
{
	int64 until = msgext_pages_asked() + max_pages;
	bool more = true;
	MsgTable *due = msgext_reminder_open(false);
	MsgReminder *found = palloc(sizeof(MsgReminder) * REMINDER_BATCH);
	MsgReminder last = {.at = DT_NOBEGIN};
	HASHCTL control;
	HTAB *seen;
	int64 n = 0;
	int nfound;

	/* One that became unknown again after a retry has a reminder of each time. */
	control.keysize = control.entrysize = sizeof(int64);
	control.hcxt = CurrentMemoryContext;
	seen = hash_create("msgext messages counted", 256, &control,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	do
	{
		int i;

		nfound = msgext_reminder_read(due, server, kind, last.at, last.id, DT_NOEND,
									  found, REMINDER_BATCH);
		for (i = 0; i < nfound && more; i++)
		{
			bool known;
			MsgRow row;

			last = found[i];
			more = msgext_pages_asked() < until;
			hash_search(seen, &last.id, HASH_ENTER, &known);
			if (known || !msgext_outbox_find(outbox, last.id, GetActiveSnapshot(), &row))
				continue;
			if (row.state == state)
			{
				n++;
				if (oldest != NULL && (*oldest == 0 || row.queued_at < *oldest))
					*oldest = row.queued_at;
			}
			heap_freetuple(row.tuple);
		}
	} while (more && nfound == REMINDER_BATCH);
	*exact &= more;
	msgext_table_close(due);
	return n;
}

/*
 * Queued messages of a server that has some of another database: lanes do not know them.
 */
static int64
count_copied(MsgTable *outbox, const char *server, TimestampTz *oldest)
{
	TableScanDesc scan = table_beginscan(outbox->rel, GetActiveSnapshot(), 0, NULL);
	TupleTableSlot *slot = table_slot_create(outbox->rel, NULL);
	int64 n = 0;

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		char *name;
		MsgRow row;

		CHECK_FOR_INTERRUPTS();
		msgext_outbox_read(outbox, slot, &row);
		name = msgext_row_text(&row, Anum_outbox_server);
		if (row.state == MSG_QUEUED && strcmp(name, server) == 0)
		{
			n++;
			if (*oldest == 0 || row.queued_at < *oldest)
				*oldest = row.queued_at;
		}
		pfree(name);
		heap_freetuple(row.tuple);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	return n;
}

static MsgLane *
lane_of(Oid server, int16 priority)
{
	return msgext_lane_create(CurrentMemoryContext, server, priority);
}

/* The lanes' messages; where there are many, at least so many as the index alone tells. */
static int64
count_lanes(MsgTable *outbox, Oid server, TimestampTz *oldest, bool *exact)
{
	int64 n = 0;
	int entries = 0;
	int max_pages = ENTRY_PAGES;
	int16 priority;

	for (priority = 1; priority <= 5 && entries <= COUNT_MAX; priority++)
		entries += msgext_lane_count_entries(lane_of(server, priority), outbox,
											 COUNT_MAX + 1 - entries, &max_pages);
	*exact = entries <= COUNT_MAX && max_pages > 0;
	for (priority = 1; priority <= 5; priority++)
		n += msgext_lane_count(lane_of(server, priority), outbox,
							   *exact ? INT_MAX : OLDEST_ROWS, oldest);
	return *exact ? n : Min(entries, COUNT_MAX);
}

static void
count_server(const MsgServerEntry *server, bool copied, const MsgInFlight *in_flight,
			 MsgQueueCounts *counts)
{
	MsgTable *outbox = msgext_outbox_open(false);
	int64 max_pages;

	memset(counts, 0, sizeof(*counts));
	counts->exact = true;
	counts->queued =
		copied ? count_copied(outbox, server->name, &counts->oldest)
			   : count_lanes(outbox, server->oid, &counts->oldest, &counts->exact);
	max_pages = counts->exact ? LOOKUP_PAGES : LOOKUP_PAGES_LONG;
	counts->in_flight = msgext_in_flight_of(in_flight, server->oid);

	/* What is under way still says queued in its row, so it was counted too. */
	if (counts->exact)
		counts->queued = Max(counts->queued - counts->in_flight, 0);
	counts->fresh = counts->queued;
	if (!copied && counts->exact)
		counts->queued += count_due(outbox, server->oid, MSG_REMINDER_SEND, MSG_QUEUED,
									&counts->oldest, max_pages, &counts->exact);
	counts->unknown = count_due(outbox, server->oid, MSG_REMINDER_UNKNOWN, MSG_UNKNOWN,
								NULL, max_pages, &counts->exact);
	counts->exact &= msgext_in_flight_is_exact(in_flight);
	msgext_table_close(outbox);
}

/* Of mappings that are there and have not been changed since. */
static List *
paused_accounts(Oid server)
{
	List *names = NIL;
	ListCell *cell;

	foreach (cell, msgext_account_pause_list(server))
	{
		const MsgPausedAccount *account = lfirst(cell);
		char *name = msgext_mapping_owner(account->mapping, account->version);

		if (name != NULL)
			names = lappend(names, name);
	}
	return names;
}

char *
msgext_server_state_lacks(const MsgProvider *provider, const char *name)
{
	if (provider == NULL)
		return psprintf("provider \"%s\" is not loaded", name);
	if (msgext_registry_has_worker() && !msgext_provider_is_everywhere(provider))
		return psprintf("provider \"%s\" is not loaded by the worker", name);
	return NULL;
}

static void
tell_paused(MsgServerState *state, const char *reason)
{
	if (reason == NULL || state->pause.paused)
		return;
	state->pause.paused = true;
	state->pause.reason = pstrdup(reason);
}

void
msgext_server_state_read(const MsgServerEntry *server, const MsgInFlight *in_flight,
						 bool whole, MsgServerState *state)
{
	memset(state, 0, sizeof(*state));
	msgext_server_pause_read(server->oid, &state->pause);
	state->counted = whole || !state->pause.copied;
	if (state->counted)
		count_server(server, state->pause.copied, in_flight, &state->counts);
	tell_paused(state, msgext_mode_holds());
	tell_paused(state,
				msgext_server_state_lacks(server->provider, server->provider_name));
	msgext_health_load(server->oid, &state->health);
	state->paused_accounts = paused_accounts(server->oid);
}

/* Is a reminder of this kind due whose message still waits for it? */
static bool
any_due(Oid server, const char *kind)
{
	MsgTable *due = msgext_reminder_open(false);
	MsgTable *outbox = msgext_outbox_open(false);
	MsgReminder *found = palloc(sizeof(MsgReminder) * REMINDER_BATCH);
	MsgReminder last = {.at = DT_NOBEGIN};
	TimestampTz now = msgext_clock();
	bool waits = false;
	int nfound;

	do
	{
		int i;

		nfound = msgext_reminder_read(due, server, kind, last.at, last.id, now, found,
									  REMINDER_BATCH);
		for (i = 0; i < nfound && !waits; i++)
		{
			MsgRow row;

			last = found[i];
			if (!msgext_outbox_find(outbox, last.id, GetActiveSnapshot(), &row))
				continue;
			waits = row.next_attempt_at <= now &&
					(row.next_attempt_at != 0 || row.state == MSG_QUEUED);
			heap_freetuple(row.tuple);
		}
	} while (!waits && nfound == REMINDER_BATCH);
	msgext_table_close(outbox);
	msgext_table_close(due);
	return waits;
}

static bool
is_at_rest(const MsgServerEntry *server, const MsgInFlight *in_flight)
{
	MsgPause pause;
	MsgQueueCounts counts;
	MsgHealth health;

	msgext_server_pause_read(server->oid, &pause);
	if (pause.paused ||
		msgext_server_state_lacks(server->provider, server->provider_name) != NULL)
		return true;
	count_server(server, false, in_flight, &counts);
	if (counts.in_flight > 0)
		return false;
	msgext_health_load(server->oid, &health);
	return health.probe_at > msgext_clock() ||
		   (counts.fresh == 0 && !any_due(server->oid, MSG_REMINDER_SEND) &&
			!any_due(server->oid, MSG_REMINDER_POLL));
}

bool
msgext_server_state_nothing_due(void)
{
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "msgext servers at rest", ALLOCSET_DEFAULT_SIZES);
	MemoryContext before = MemoryContextSwitchTo(context);
	MsgInFlight *in_flight = msgext_in_flight_read();
	bool at_rest = true;
	ListCell *cell;

	foreach (cell, msgext_server_entries())
		at_rest = at_rest && is_at_rest(lfirst(cell), in_flight);
	MemoryContextSwitchTo(before);
	MemoryContextDelete(context);
	return at_rest;
}
