/*
 * callback.c
 *		Reports pushed by providers: see callback.h.
 *
 * A report may come before the answer that names its message is recorded. Both sides
 * write first and look then, and both see what the other has not committed yet:
 * whoever comes second finds the first, so that no report and message miss each other.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "core/mask.h"
#include "pg/base/arena_pg.h"
#include "pg/base/clock.h"
#include "pg/base/digest.h"
#include "pg/base/text.h"
#include "pg/inbound/callback.h"
#include "pg/inbound/quota.h"
#include "pg/inbound/tracking.h"
#include "pg/ipc/tally.h"
#include "pg/store/event.h"
#include "pg/store/outbox.h"
#include "pg/store/reference.h"
#include "pg/store/report.h"

/* Of a push that could not be read so much is kept. */
#define KEPT_MAX 8192

/*
 * The message of a provider's id, waiting for a transaction that is about to tell.
 * 0 when there is none.
 */
static int64
find_message(MsgTable *references, Oid server, const char *provider_id)
{
	for (;;)
	{
		TransactionId writer;
		int64 message =
			msgext_reference_find_dirty(references, server, provider_id, &writer);

		if (!TransactionIdIsValid(writer))
			return message;
		XactLockTableWait(writer, NULL, NULL, XLTW_None);
	}
}

/*
 * Applies a report to its message. False when another transaction holds the message and
 * we do not wait. *kept: it is in the message's timeline; or else there is no room in it, or
 * retention has removed the message.
 */
static bool
apply(int64 message, const MsgEvent *report, bool wait, bool *kept)
{
	MsgTable *outbox = msgext_outbox_open(true);
	MsgTable *events = msgext_event_open();
	MsgEvent one = *report;
	TM_Result result = TM_Ok;
	MsgTracking tracking;
	MsgRow row;

	one.next = NULL;
	do
	{
		Snapshot latest;
		bool found;

		CommandCounterIncrement();
		CHECK_FOR_INTERRUPTS();
		latest = RegisterSnapshot(GetLatestSnapshot());
		found = msgext_outbox_find(outbox, message, latest, &row);
		UnregisterSnapshot(latest);
		result = TM_Ok;
		tracking.kept = false;
		if (!found)
			break;

		/* Of a queued message that is the time of its next sending. */
		result = msgext_track(outbox, events, &row, &one, "callback", true,
							  row.state == MSG_QUEUED ? 0 : row.next_attempt_at, wait,
							  &tracking);
	} while (result != TM_Ok && wait);
	*kept = tracking.kept && result == TM_Ok;
	if (*kept)
		msgext_counts_reach(msgext_tally(row.server_oid), row.state, tracking.state,
							msgext_clock() - row.queued_at);
	msgext_table_close(events);
	msgext_table_close(outbox);
	CommandCounterIncrement();
	return result == TM_Ok;
}

/* Would it be one more, and one too many? */
static bool
exceeds_quota(MsgTable *callbacks, Oid server, bytea *digest)
{
	return !msgext_quota_has_room(MSG_QUOTA_CALLBACKS, callbacks, server) &&
		   !msgext_report_is_kept(callbacks, server, digest);
}

/* What a person is shown of a push. Cut last: half a secret is one too. */
static char *
without_secrets(MsgServer *server, const char *body, size_t *len)
{
	MsgArena *arena = msgext_arena_pg_create(CurrentMemoryContext);
	char *kept = msgext_strndup(arena, body, *len);
	MsgSecrets secrets;

	msgext_secrets_init(&secrets, arena, msgext_server_secrets(server));
	msgext_mask(kept, *len, &secrets);
	*len = msgext_whole_characters(kept, *len, KEPT_MAX);
	return kept;
}

bool
msgext_callback_keep(MsgServer *server, const char *body, size_t len, const char *error)
{
	MsgTable *callbacks = msgext_report_open();
	MsgEvent report = {0};
	pg_cryptohash_ctx *hash = msgext_digest_begin();
	size_t error_len = strlen(error);
	bytea *digest;
	bool full;

	msgext_digest_add(hash, body, len);
	digest = msgext_digest_end(hash);
	full = exceeds_quota(callbacks, server->oid, digest);
	msgext_counts_add(msgext_tally(server->oid), MSG_COUNT_CALLBACKS, 1);
	msgext_counts_add(msgext_tally(server->oid), MSG_COUNT_CALLBACKS_UNMATCHED, 1);
	if (!full)
	{
		report.raw_len = len;
		report.raw = without_secrets(server, body, &report.raw_len);
		error = msgext_clean_text(without_secrets(server, error, &error_len), KEPT_MAX);
		if (msgext_report_add(callbacks, server->oid, digest, &report, 0, error))
			msgext_quota_take(MSG_QUOTA_CALLBACKS, server->oid);
		else
			msgext_report_repeat(callbacks, server->oid, digest, 1);
	}
	msgext_table_close(callbacks);
	return !full;
}

/* A report, and its message or 0. */
typedef struct Incoming
{
	const MsgEvent *report;
	int64 message;
	int n;
} Incoming;

/* A push on its way into the tables. */
typedef struct Intake
{
	const MsgServer *server;
	MsgTable *callbacks;
	MsgTable *references;
	int applied;
	bool unmatched;
	bool full;

	/* Reports that their message has no room for, of one message: the first, and how many. */
	const Incoming *rest;
	int32 nrest;
} Intake;

/*
 * By message, so that two batches of the same ones take them in the same order, and neither
 * waits for ever; of one message as they came.
 */
static int
compare(const void *a, const void *b)
{
	const Incoming *one = a;
	const Incoming *other = b;
	int order = 0;

	if (one->message != other->message)
		return one->message < other->message ? -1 : 1;
	if (one->message == 0)
		order = strcmp(one->report->provider_id, other->report->provider_id);
	return order != 0 ? order : one->n - other->n;
}

static Incoming *
find_messages(const Intake *intake, const MsgEvent *reports, int *n)
{
	const MsgEvent *report;
	Incoming *found;

	*n = 0;
	for (report = reports; report != NULL; report = report->next)
		++*n;
	found = palloc(Max(*n, 1) * sizeof(Incoming));
	*n = 0;
	for (report = reports; report != NULL; report = report->next, ++*n)
		found[*n] = (Incoming){report,
							   find_message(intake->references, intake->server->oid,
											msgext_from_utf8(report->provider_id)),
							   *n};
	qsort(found, *n, sizeof(Incoming), compare);
	return found;
}

/*
 * One row counts what a message has no room for: who has the token, and reports for ever,
 * fills no table.
 */
static void
count_rest(Intake *intake)
{
	Oid server = intake->server->oid;
	const Incoming *rest = intake->rest;
	bytea *digest;

	if (rest == NULL)
		return;
	digest = msgext_report_digest_of_rest(rest->message);
	if (msgext_report_add(intake->callbacks, server, digest, rest->report, rest->message,
						  NULL))
		intake->nrest--;
	if (intake->nrest > 0)
		msgext_report_repeat(intake->callbacks, server, digest, intake->nrest);
	intake->rest = NULL;
	intake->nrest = 0;
}

static void
take(Intake *intake, const Incoming *incoming)
{
	MsgTable *callbacks = intake->callbacks;
	Oid server = intake->server->oid;
	const MsgEvent *report = incoming->report;
	const char *id = msgext_from_utf8(report->provider_id);
	bytea *digest = msgext_report_digest(report);
	int64 message = incoming->message;

	msgext_counts_add(msgext_tally(server), MSG_COUNT_CALLBACKS, 1);
	if (message == 0)
		msgext_counts_add(msgext_tally(server), MSG_COUNT_CALLBACKS_UNMATCHED, 1);
	if (message == 0 && exceeds_quota(callbacks, server, digest))
	{
		intake->unmatched = true;
		intake->full = true;
		return;
	}
	if (!msgext_report_add(callbacks, server, digest, report, message, NULL))
	{
		if (!msgext_report_repeat(callbacks, server, digest, 1))
			intake->unmatched = true;
		return;
	}
	if (message != 0)
	{
		bool kept;

		apply(message, report, true, &kept);
		intake->applied += kept;
		if (!kept)
		{
			msgext_report_remove(callbacks, server, digest);
			if (intake->nrest++ == 0)
				intake->rest = incoming;
		}
		return;
	}
	msgext_quota_take(MSG_QUOTA_CALLBACKS, server);
	message = find_message(intake->references, server, id);
	if (message != 0)
	{
		/* Recorded between our look and our row: see the head of this file. */
		msgext_callback_match(intake->server, id, message, true);
		intake->applied++;
	}
	else
		intake->unmatched = true;
}

int
msgext_callback_receive(const MsgServer *server, const MsgEvent *reports, bool *unmatched,
						bool *full)
{
	Intake intake = {.server = server,
					 .callbacks = msgext_report_open(),
					 .references = msgext_reference_open(false)};
	int n;
	Incoming *incoming = find_messages(&intake, reports, &n);
	int i;

	for (i = 0; i < n; i++)
	{
		if (i > 0 && incoming[i].message != incoming[i - 1].message)
			count_rest(&intake);
		take(&intake, &incoming[i]);
	}
	count_rest(&intake);
	msgext_table_close(intake.references);
	msgext_table_close(intake.callbacks);
	*unmatched = intake.unmatched;
	*full = intake.full;
	return intake.applied;
}

/* The reports in a stored row, read again by the provider's codec. */
static MsgEvent *
reread(const MsgServer *server, bytea *raw)
{
	MsgArena *arena = msgext_arena_pg_create(CurrentMemoryContext);
	MsgInbound inbound = {VARDATA_ANY(raw), VARSIZE_ANY_EXHDR(raw)};
	MsgPushed pushed = {0};
	MsgError error;

	if (!server->provider->parse_callback(arena, &server->conn, &inbound, &pushed,
										  &error))
		return NULL;
	return pushed.events;
}

bool
msgext_callback_any_unmatched(const MsgServer *server)
{
	MsgTable *callbacks = msgext_report_open_read();
	SnapshotData dirty;
	ScanKeyData key;
	bool any;

	InitDirtySnapshot(dirty);
	msgext_key_oid(&key, 1, BTEqualStrategyNumber, server->oid);
	any = msgext_table_find(callbacks, "callback_unmatched", &dirty, &key, 1) != NULL;
	msgext_table_close(callbacks);
	return any;
}

bool
msgext_callback_match(const MsgServer *server, const char *provider_id, int64 message,
					  bool wait)
{
	MsgTable *callbacks = msgext_report_open();
	TupleDesc desc = RelationGetDescr(callbacks->rel);
	ScanKeyData keys[2];
	SnapshotData dirty;
	TupleTableSlot *slot;
	MsgScan *scan;
	List *rows = NIL;
	ListCell *cell;
	HeapTuple rest = NULL; /* one that there is no room for, and counts the others */
	int32 more = 0;
	bool complete = true;

	InitDirtySnapshot(dirty);
	msgext_key_oid(&keys[0], 1, BTEqualStrategyNumber, server->oid);
	msgext_key_text(&keys[1], 2, BTEqualStrategyNumber, provider_id);
	scan = msgext_table_scan(callbacks, "callback_unmatched", &dirty, keys, 2);
	while ((slot = msgext_scan_next(scan)) != NULL)
	{
		if (TransactionIdIsValid(dirty.xmin) || TransactionIdIsValid(dirty.xmax))
			complete = false;
		else
			rows = lappend(rows, ExecCopySlotHeapTuple(slot));
	}
	msgext_scan_end(scan);

	foreach (cell, rows)
	{
		HeapTuple row = lfirst(cell);
		bool isnull;
		MsgEvent *report = reread(server, DatumGetByteaPP(heap_getattr(
											  row, Anum_callback_report, desc, &isnull)));
		bool kept = report == NULL;
		bool applied = true;

		for (; report != NULL && applied; report = report->next)
		{
			bool one;

			applied = apply(message, report, wait, &one);
			kept |= one;
		}
		if (!applied)
			complete = false;
		else if (kept)
			complete &= msgext_report_update(callbacks, row, message, 0, wait) == TM_Ok;
		else if (rest == NULL)
			rest = row;
		else if (msgext_table_delete(callbacks, &row->t_self, wait) == TM_Ok)
			more += 1 + msgext_report_repeats(callbacks, row);
		else
			complete = false;
	}
	if (rest != NULL)
		complete &= msgext_report_update(callbacks, rest, message, more, wait) == TM_Ok;
	msgext_table_close(callbacks);
	return complete;
}

char *
msgext_callback_match_range(const MsgServer *server, const char *after, int max)
{
	MsgTable *callbacks = msgext_report_open_read();
	MsgTable *references = msgext_reference_open(false);
	ScanKeyData keys[2];
	TupleTableSlot *slot;
	MsgScan *scan;
	List *ids = NIL;
	ListCell *cell;
	char *last = NULL;

	msgext_key_oid(&keys[0], 1, BTEqualStrategyNumber, server->oid);
	if (after != NULL)
		msgext_key_text(&keys[1], 2, BTGreaterStrategyNumber, after);
	scan = msgext_table_scan(callbacks, "callback_unmatched", GetActiveSnapshot(), keys,
							 after != NULL ? 2 : 1);
	while (list_length(ids) < max && (slot = msgext_scan_next(scan)) != NULL)
	{
		bool isnull;
		char *id =
			TextDatumGetCString(slot_getattr(slot, Anum_callback_provider_id, &isnull));

		if (last == NULL || strcmp(id, last) != 0)
			ids = lappend(ids, last = id);
	}
	msgext_scan_end(scan);
	foreach (cell, ids)
	{
		TransactionId writer;
		int64 message =
			msgext_reference_find_dirty(references, server->oid, lfirst(cell), &writer);

		/* One that is being written is found by its writer, or the next time. */
		if (message != 0 && !TransactionIdIsValid(writer))
			msgext_callback_match(server, lfirst(cell), message, false);
	}
	msgext_table_close(references);
	msgext_table_close(callbacks);
	return list_length(ids) == max ? last : NULL;
}
