/*
 * operation.c
 *		Operation ids: see operation.h.
 *
 * A message that gives its id away keeps it in its timeline alone, with the number of the
 * one that has it now.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/snapmgr.h"

#include "pg/base/clock.h"
#include "pg/base/subtransaction.h"
#include "pg/ipc/tally.h"
#include "pg/sql/change.h"
#include "pg/sql/invalid.h"
#include "pg/sql/operation.h"
#include "pg/store/origin.h"

/*
 * Was it queued by this role for this server? One of a restored copy that nobody has
 * adopted yet has the oids of another database: its names tell.
 */
static bool
is_ours(const MsgOperation *operation, const MsgRow *row)
{
	if (row->origin == msgext_origin())
		return row->server_oid == operation->server->oid &&
			   row->sender_oid == GetUserId();
	return strcmp(msgext_row_text(row, Anum_outbox_server), operation->server->name) ==
			   0 &&
		   strcmp(msgext_row_text(row, Anum_outbox_sender),
				  GetUserNameFromId(GetUserId(), false)) == 0;
}

/*
 * The message that has the id, when nobody is changing it any more. A change that has not
 * committed may be its end, after which the id is free.
 */
static bool
read_holder(MsgTable *outbox, const MsgOperation *operation, MsgRow *row)
{
	for (;;)
	{
		TransactionId writer = InvalidTransactionId;
		bool found = false;
		ScanKeyData key;
		SnapshotData dirty;
		TupleTableSlot *slot;
		MsgScan *scan;

		InitDirtySnapshot(dirty);
		msgext_key_text(&key, 1, BTEqualStrategyNumber, operation->id);
		scan = msgext_table_scan(outbox, "outbox_operation", &dirty, &key, 1);
		while (!found && (slot = msgext_scan_next(scan)) != NULL)
		{
			msgext_outbox_read(outbox, slot, row);
			found = is_ours(operation, row);
			writer = TransactionIdIsValid(dirty.xmin) ? dirty.xmin : dirty.xmax;
		}
		msgext_scan_end(scan);
		if (!found || !TransactionIdIsValid(writer))
			return found;
		XactLockTableWait(writer, NULL, NULL, XLTW_None);
	}
}

/* Of what has been removed nobody can tell, and a repeat is what a key is for. */
static bool
has_same_payload(const MsgRow *row, const MsgFragment *fragment)
{
	bytea *payload;

	if (msgext_row_is_erased(row))
		return true;
	payload = msgext_row_payload(row);
	return VARSIZE_ANY_EXHDR(payload) == fragment->len &&
		   memcmp(VARDATA_ANY(payload), fragment->bytes, fragment->len) == 0;
}

static bool
has_same_ref(const MsgRow *row, Jsonb *ref)
{
	bool isnull = row->nulls[Anum_outbox_ref - 1];

	if (isnull || ref == NULL)
		return isnull && ref == NULL;
	return compareJsonbContainers(&DatumGetJsonbP(row->values[Anum_outbox_ref - 1])->root,
								  &ref->root) == 0;
}

/* Is there nothing to replace? */
static bool
is_same(const MsgRow *row, const MsgOperation *operation)
{
	return row->priority == operation->priority &&
		   row->send_after == operation->send_after &&
		   row->expires_at == operation->expires_at && has_same_ref(row, operation->ref);
}

/* False: it has become something else meanwhile, or has left. */
static bool
give_away(const MsgOperation *operation, const MsgAct *act, MsgRow *row)
{
	MsgChanger changer;
	bool done;

	msgext_change_open(&changer, act, NULL);
	changer.related = operation->message;
	changer.is_own = true; /* also by its names, where its oids say nothing */
	done = msgext_change(&changer, row->id, true, row) == MSG_CHANGED;
	msgext_change_close(&changer);
	CommandCounterIncrement();
	return done;
}

static void
refuse(const MsgOperation *operation, const MsgRow *row, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 operation->hidden
				 ? errmsg("operation_id was used for another message to server "
						  "\"%s\"",
						  operation->server->name)
				 : errmsg("operation_id \"%s\" was used for another message to "
						  "server \"%s\"",
						  operation->id, operation->server->name),
			 errdetail("Message " INT64_FORMAT " has it, %s.", row->id, why),
			 operation->on_conflict == MSG_CONFLICT_ERROR
				 ? errhint("With on_conflict 'return' the call returns its id, with "
						   "'replace' it is replaced while it is queued.")
				 : 0,
			 err_generic_string(PG_DIAG_CONSTRAINT_NAME, "outbox_operation")));
}

/* Withdraws the message; false as give_away(). */
static bool
replace(const MsgOperation *operation, MsgRow *row)
{
	if (!give_away(operation, &msgext_act_replace, row))
		return false;

	/* With this error what was changed is undone. */
	if (msgext_change_is_claimed(row))
		refuse(operation, row, "which is being sent");
	msgext_counts_add(msgext_tally(row->server_oid), MSG_COUNT_CANCELLED, 1);
	return true;
}

/* A message, and what wants to take its place. */
typedef struct Replacement
{
	const MsgOperation *operation;
	MsgRow *row;
} Replacement;

static bool
replace_unless_claimed(void *arg)
{
	const Replacement *replacement = arg;

	return give_away(replacement->operation, &msgext_act_replace, replacement->row) &&
		   !msgext_change_is_claimed(replacement->row);
}

/*
 * It takes the message's place while that waits; false: that has left, and what comes now is
 * another one.
 */
static bool
debounce(const MsgOperation *operation, MsgRow *row)
{
	Replacement replacement = {.operation = operation, .row = row};
	bool isnull = row->nulls[Anum_outbox_waits_since - 1];

	/* Undone, it lets go of the message, whose request is on the way. */
	if (!msgext_subtransaction(replace_unless_claimed, &replacement, NULL))
	{
		(void) give_away(operation, &msgext_act_pass_on, row);
		return false;
	}
	msgext_counts_add(msgext_tally(row->server_oid), MSG_COUNT_CANCELLED, 1);

	/* By a clock that was ahead, it would wait without an end. */
	*operation->waits_since =
		Min(msgext_clock(),
			isnull ? row->created_at
				   : DatumGetTimestampTz(row->values[Anum_outbox_waits_since - 1]));
	return true;
}

int64
msgext_operation_find(MsgTable *outbox, const MsgOperation *operation, MsgPosted *posted)
{
	bool invalid = *posted == MSG_POSTED_INVALID;
	MsgRow row;

	while (read_holder(outbox, operation, &row))
	{
		bool same = has_same_payload(&row, operation->fragment);

		CHECK_FOR_INTERRUPTS();
		if (msgext_change_never_left(&row))
		{
			/* Recorded once is enough. */
			if (invalid && same && msgext_invalid_is(&row))
				return row.id;
			(void) give_away(operation, &msgext_act_release, &row);
			continue;
		}
		if (operation->on_conflict == MSG_CONFLICT_DEBOUNCE)
		{
			if (debounce(operation, &row))
				*posted = MSG_POSTED_REPLACED;
			continue;
		}
		if (operation->on_conflict == MSG_CONFLICT_REPLACE && !invalid &&
			!(same && is_same(&row, operation)))
		{
			if (replace(operation, &row))
			{
				*posted = MSG_POSTED_REPLACED;
				continue;
			}
			if (msgext_change_never_left(&row))
				continue;
			if (!same)
				refuse(operation, &row, "which has left");
		}
		if (!same && operation->on_conflict != MSG_CONFLICT_RETURN)
			refuse(operation, &row, "with another payload");
		*posted = MSG_POSTED_REPEATED;
		return row.id;
	}
	return 0;
}
