/*
 * server_status.c
 *		message_status() and what the view server_status counts. Reads only.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/timestamp.h"
#include "pg/base/arena_pg.h"
#include "pg/base/clock.h"
#include "pg/base/compat.h"
#include "pg/base/guc.h"
#include "pg/base/json_pg.h"
#include "pg/catalog/access.h"
#include "pg/ipc/registry.h"
#include "pg/sql/server_status.h"
#include "pg/store/claim.h"
#include "pg/store/lane.h"
#include "pg/store/outbox.h"
#include "pg/store/reminder.h"
#include "pg/store/server_pause.h"

enum
{
	COLUMN_ID,
	COLUMN_SERVER,
	COLUMN_PROVIDER,
	COLUMN_STATE,
	COLUMN_PROVIDER_STATUS,
	COLUMN_PROVIDER_ID,
	COLUMN_CODE,
	COLUMN_ERROR,
	COLUMN_ATTEMPTS,
	COLUMN_CREATED_AT,
	COLUMN_NEXT_ATTEMPT_AT,
	COLUMN_ACCEPTED_AT,
	COLUMN_FINISHED_AT,
	COLUMN_DETAIL,
	COLUMN_COLUMNS
};

/* A worker that starts takes this long at most, as a rule. */
#define NOBODY_US (10 * USECS_PER_SEC)

/* Why a queued message has not left, and when it may: NULL when nothing holds it. */
static const char *
waits_for(const MsgRow *row, const char *server, TimestampTz *until)
{
	MsgPause pause;
	MsgLane *lane;
	const char *why;

	*until = 0;
	if (!msgext_enabled)
		return "msgext.enabled is off";
	if (msgext_server_find(server) == NULL)
		return psprintf("server \"%s\" does not exist", server);
	msgext_server_pause_read(server, &pause);
	if (pause.paused)
		return pause.reason != NULL ? psprintf("server is paused: %s", pause.reason)
									: "server is paused";
	if ((why = msgext_row_text(row, Anum_outbox_waiting)) != NULL)
	{
		*until = row->next_attempt_at;
		return why;
	}
	if (row->send_after > GetCurrentTimestamp())
	{
		*until = row->send_after;
		return "send_after";
	}
	if (!msgext_registry_has_worker() &&
		GetCurrentTimestamp() > row->queued_at + NOBODY_US)
		return "no worker runs, and nobody has called dispatch()";
	lane = msgext_lane_create(CurrentMemoryContext, server, row->priority);
	if (lane->waiting[0] != '\0' && lane->until > GetCurrentTimestamp())
	{
		*until = lane->until;
		return pstrdup(lane->waiting);
	}
	return NULL;
}

/* detail with member "waiting" added. */
static Datum
add_waiting(const MsgRow *row, const char *why, TimestampTz until)
{
	MsgArena *arena = msgext_arena_pg_create(CurrentMemoryContext);
	MsgJson *waiting = msgext_json_new(arena, MSG_JSON_OBJECT);
	MsgJson *detail = msgext_row_detail(arena, row);
	char *at = palloc(32);

	if (detail == NULL)
		detail = msgext_json_new(arena, MSG_JSON_OBJECT);
	msgext_json_set_text(arena, waiting, "for", why);
	if (until != 0)
	{
		msgext_timestamp_format(msgext_unix_us(until), at);
		msgext_json_set_text(arena, waiting, "until", at);
	}
	msgext_json_set(detail, "waiting", waiting);
	return JsonbPGetDatum(msgext_json_to_jsonb(detail));
}

static void
copy_column(const MsgRow *row, AttrNumber column, Datum *value, bool *isnull)
{
	*value = row->values[column - 1];
	*isnull = row->nulls[column - 1];
}

static void
fill_status(const MsgRow *row, Datum *values, bool *nulls)
{
	char *server = msgext_row_text(row, Anum_outbox_server);
	MsgState state = row->state;
	TimestampTz until;
	const char *why;

	copy_column(row, Anum_outbox_id, &values[COLUMN_ID], &nulls[COLUMN_ID]);
	copy_column(row, Anum_outbox_server, &values[COLUMN_SERVER], &nulls[COLUMN_SERVER]);
	copy_column(row, Anum_outbox_provider, &values[COLUMN_PROVIDER],
				&nulls[COLUMN_PROVIDER]);
	copy_column(row, Anum_outbox_provider_status, &values[COLUMN_PROVIDER_STATUS],
				&nulls[COLUMN_PROVIDER_STATUS]);
	copy_column(row, Anum_outbox_provider_id, &values[COLUMN_PROVIDER_ID],
				&nulls[COLUMN_PROVIDER_ID]);
	copy_column(row, Anum_outbox_code, &values[COLUMN_CODE], &nulls[COLUMN_CODE]);
	copy_column(row, Anum_outbox_error, &values[COLUMN_ERROR], &nulls[COLUMN_ERROR]);
	copy_column(row, Anum_outbox_attempts, &values[COLUMN_ATTEMPTS],
				&nulls[COLUMN_ATTEMPTS]);
	copy_column(row, Anum_outbox_created_at, &values[COLUMN_CREATED_AT],
				&nulls[COLUMN_CREATED_AT]);
	copy_column(row, Anum_outbox_next_attempt_at, &values[COLUMN_NEXT_ATTEMPT_AT],
				&nulls[COLUMN_NEXT_ATTEMPT_AT]);
	copy_column(row, Anum_outbox_accepted_at, &values[COLUMN_ACCEPTED_AT],
				&nulls[COLUMN_ACCEPTED_AT]);
	copy_column(row, Anum_outbox_finished_at, &values[COLUMN_FINISHED_AT],
				&nulls[COLUMN_FINISHED_AT]);
	copy_column(row, Anum_outbox_detail, &values[COLUMN_DETAIL], &nulls[COLUMN_DETAIL]);

	if (state == MSG_QUEUED)
	{
		MsgTable *claims = msgext_claim_open(false);

		if (msgext_claim_exists(claims, GetActiveSnapshot(), row->id, row->attempts + 1))
			state = MSG_SENDING;
		msgext_table_close(claims);
	}
	if (state == MSG_QUEUED && (why = waits_for(row, server, &until)) != NULL)
	{
		values[COLUMN_DETAIL] = add_waiting(row, why, until);
		nulls[COLUMN_DETAIL] = false;
		if (until != 0)
		{
			values[COLUMN_NEXT_ATTEMPT_AT] = TimestampTzGetDatum(until);
			nulls[COLUMN_NEXT_ATTEMPT_AT] = false;
		}
	}
	values[COLUMN_STATE] = CStringGetTextDatum(msgext_state_name(state));
	nulls[COLUMN_STATE] = false;
}

PG_FUNCTION_INFO_V1(msgext_message_status);

Datum
msgext_message_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MsgTable *outbox = msgext_outbox_open(false);
	Datum values[COLUMN_COLUMNS];
	bool nulls[COLUMN_COLUMNS];
	MsgRow row;

	InitMaterializedSRF(fcinfo, 0);
	if (msgext_outbox_find(outbox, PG_GETARG_INT64(0), GetActiveSnapshot(), &row) &&
		msgext_access_may_see(msgext_row_text(&row, Anum_outbox_sender)))
	{
		fill_status(&row, values, nulls);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	msgext_table_close(outbox);
	return (Datum) 0;
}

enum
{
	COUNTS_SERVER,
	COUNTS_PROVIDER,
	COUNTS_PAUSED,
	COUNTS_PAUSE_REASON,
	COUNTS_QUEUED,
	COUNTS_IN_FLIGHT,
	COUNTS_UNKNOWN,
	COUNTS_OLDEST,
	COUNTS_COLUMNS
};

typedef struct Counts
{
	int64 queued;
	int64 fresh; /* of them, those no dispatcher has set aside */
	int64 in_flight;
	int64 unknown;
	TimestampTz oldest;
} Counts;

/* Messages of the server under way: claimed, and not recorded yet. */
static int64
count_in_flight(MsgTable *outbox, const char *server)
{
	MsgTable *claims = msgext_claim_open(false);
	TableScanDesc scan = table_beginscan(claims->rel, GetActiveSnapshot(), 0, NULL);
	TupleTableSlot *slot = table_slot_create(claims->rel, NULL);
	int64 n = 0;

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		MsgClaim claim;
		int i;

		msgext_claim_read(slot, &claim);
		for (i = 0; i < claim.n; i++)
		{
			MsgRow row;

			if (msgext_outbox_find(outbox, claim.messages[i], GetActiveSnapshot(),
								   &row) &&
				row.state == MSG_QUEUED && row.attempts + 1 == claim.attempts[i] &&
				strcmp(msgext_row_text(&row, Anum_outbox_server), server) == 0)
				n++;
		}
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	msgext_table_close(claims);
	return n;
}

/* Messages that a reminder of this kind stands for, and that are in that state. */
static int64
count_due(MsgTable *outbox, const char *server, const char *kind, MsgState state,
		  TimestampTz *oldest)
{
	MsgTable *due = msgext_reminder_open(false);
	ScanKeyData keys[2];
	TupleTableSlot *slot;
	MsgScan *scan;
	HASHCTL control;
	HTAB *seen;
	int64 n = 0;

	/* One that became unknown again after a retry has a reminder of each time. */
	control.keysize = control.entrysize = sizeof(int64);
	control.hcxt = CurrentMemoryContext;
	seen = hash_create("msgext messages counted", 256, &control,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	msgext_key_text(&keys[0], 1, BTEqualStrategyNumber, server);
	msgext_key_text(&keys[1], 2, BTEqualStrategyNumber, kind);
	scan = msgext_table_scan(due, "reminder_at", GetActiveSnapshot(), keys, 2);
	while ((slot = msgext_scan_next(scan)) != NULL)
	{
		bool isnull;
		bool known;
		int64 id = DatumGetInt64(slot_getattr(slot, 4, &isnull));
		MsgRow row;

		hash_search(seen, &id, HASH_ENTER, &known);
		if (known)
			continue;
		if (!msgext_outbox_find(outbox, id, GetActiveSnapshot(), &row))
			continue;
		if (row.state == state)
		{
			n++;
			if (oldest != NULL && (*oldest == 0 || row.queued_at < *oldest))
				*oldest = row.queued_at;
		}
		heap_freetuple(row.tuple);
	}
	msgext_scan_end(scan);
	msgext_table_close(due);
	return n;
}

static void
count_server(const char *server, Counts *counts)
{
	MsgTable *outbox = msgext_outbox_open(false);
	int16 priority;

	memset(counts, 0, sizeof(*counts));
	for (priority = 1; priority <= 5; priority++)
		counts->queued +=
			msgext_lane_count(msgext_lane_create(CurrentMemoryContext, server, priority),
							  outbox, &counts->oldest);
	counts->in_flight = count_in_flight(outbox, server);

	/* What is under way still says queued in its row, so the lanes counted it too. */
	counts->queued = Max(counts->queued - counts->in_flight, 0);
	counts->fresh = counts->queued;
	counts->queued +=
		count_due(outbox, server, MSG_REMINDER_SEND, MSG_QUEUED, &counts->oldest);
	counts->unknown = count_due(outbox, server, MSG_REMINDER_UNKNOWN, MSG_UNKNOWN, NULL);
	msgext_table_close(outbox);
}

PG_FUNCTION_INFO_V1(msgext_server_counts);

Datum
msgext_server_counts(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext per_server;
	ListCell *cell;
	List *names;

	InitMaterializedSRF(fcinfo, 0);
	names = msgext_server_names();
	per_server = AllocSetContextCreate(CurrentMemoryContext, "msgext server counts",
									   ALLOCSET_DEFAULT_SIZES);
	foreach (cell, names)
	{
		MsgServer *server = msgext_server_find(lfirst(cell));
		Datum values[COUNTS_COLUMNS] = {0};
		bool nulls[COUNTS_COLUMNS] = {false};
		MemoryContext before;
		MsgPause pause;
		Counts counts;

		if (server == NULL ||
			(msgext_server_aclcheck(server->oid, GetUserId(), ACL_USAGE) != ACLCHECK_OK &&
			 !msgext_server_ownercheck(server->oid, GetUserId())))
			continue;
		before = MemoryContextSwitchTo(per_server);
		count_server(server->name, &counts);
		msgext_server_pause_read(server->name, &pause);
		values[COUNTS_SERVER] = CStringGetTextDatum(server->name);
		values[COUNTS_PROVIDER] = CStringGetTextDatum(server->provider->name);
		values[COUNTS_PAUSED] = BoolGetDatum(pause.paused);
		nulls[COUNTS_PAUSE_REASON] = pause.reason == NULL;
		if (pause.reason != NULL)
			values[COUNTS_PAUSE_REASON] = CStringGetTextDatum(pause.reason);
		values[COUNTS_QUEUED] = Int64GetDatum(counts.queued);
		values[COUNTS_IN_FLIGHT] = Int64GetDatum(counts.in_flight);
		values[COUNTS_UNKNOWN] = Int64GetDatum(counts.unknown);
		nulls[COUNTS_OLDEST] = counts.oldest == 0;
		values[COUNTS_OLDEST] = TimestampTzGetDatum(counts.oldest);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		MemoryContextSwitchTo(before);
		MemoryContextReset(per_server);
	}
	return (Datum) 0;
}

/* Reminders of this kind that are due and whose message still waits for them. */
static bool
any_due(const char *server, const char *kind)
{
	MsgTable *due = msgext_reminder_open(false);
	MsgTable *outbox = msgext_outbox_open(false);
	TimestampTz now = GetCurrentTimestamp();
	ScanKeyData keys[3];
	TupleTableSlot *slot;
	MsgScan *scan;
	bool found = false;

	msgext_key_text(&keys[0], 1, BTEqualStrategyNumber, server);
	msgext_key_text(&keys[1], 2, BTEqualStrategyNumber, kind);
	msgext_key_time(&keys[2], 3, BTLessEqualStrategyNumber, now);
	scan = msgext_table_scan(due, "reminder_at", GetActiveSnapshot(), keys, 3);
	while (!found && (slot = msgext_scan_next(scan)) != NULL)
	{
		bool isnull;
		TimestampTz at = DatumGetTimestampTz(slot_getattr(slot, 3, &isnull));
		MsgRow row;

		found = msgext_outbox_find(outbox, DatumGetInt64(slot_getattr(slot, 4, &isnull)),
								   GetActiveSnapshot(), &row) &&
				row.next_attempt_at == at;
	}
	msgext_scan_end(scan);
	msgext_table_close(outbox);
	msgext_table_close(due);
	return found;
}

bool
msgext_status_nothing_due(void)
{
	ListCell *cell;

	foreach (cell, msgext_server_names())
	{
		MsgPause pause;
		Counts counts;

		msgext_server_pause_read(lfirst(cell), &pause);
		if (pause.paused)
			continue;
		count_server(lfirst(cell), &counts);
		if (counts.in_flight > 0 || counts.fresh > 0 ||
			any_due(lfirst(cell), MSG_REMINDER_SEND) ||
			any_due(lfirst(cell), MSG_REMINDER_POLL))
			return false;
	}
	return true;
}
