/*
 * control.c
 *		What people do with messages and servers: cancel_message(), retry_message(),
 *		pause_server(), resume_server().
 *
 * Every answer is truthful: true means that it took effect, not that it was asked for.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "pg/base/arena_pg.h"
#include "pg/base/clock.h"
#include "pg/base/node.h"
#include "pg/catalog/access.h"
#include "pg/ipc/notify.h"
#include "pg/ipc/tally.h"
#include "pg/sql/adopt.h"
#include "pg/sql/row_access.h"
#include "pg/store/account_pause.h"
#include "pg/store/claim.h"
#include "pg/store/event.h"
#include "pg/store/lane.h"
#include "pg/store/origin.h"
#include "pg/store/outbox.h"
#include "pg/store/reminder.h"
#include "pg/store/server_pause.h"

/* The server of a message, or the one of that name in a restored copy; or NULL. */
static MsgServer *
server_of(const MsgRow *row)
{
	return row->origin == msgext_origin()
			   ? msgext_server_get(row->server_oid)
			   : msgext_server_find(msgext_row_text(row, Anum_outbox_server));
}

static bool
may_change(const MsgRow *row)
{
	MsgServer *server = server_of(row);

	return msgext_row_may(MSG_ACCESS_CHANGE, row,
						  server != NULL ? server->oid : InvalidOid);
}

/*
 * Finds the newest version of a message the current user may see, writes the change
 * that decide makes of it, and appends an event. False when there is no such message,
 * or decide says no.
 */
static bool
change_message(int64 id, bool (*decide)(const MsgRow *row, MsgChange *change),
			   const char *kind, MsgState state, MsgRow *row)
{
	MsgTable *outbox = msgext_outbox_open(true);
	bool done = false;

	for (;;)
	{
		MsgChange change;
		Snapshot latest;
		bool found;

		/* What this very statement has written counts too. */
		CommandCounterIncrement();
		CHECK_FOR_INTERRUPTS();
		latest = RegisterSnapshot(GetLatestSnapshot());
		found = msgext_outbox_find(outbox, id, latest, row);
		UnregisterSnapshot(latest);
		msgext_change_init(&change);
		if (!found)
			msgext_node_refuse_other(id);
		if (!found || !may_change(row) || !decide(row, &change))
			break;

		/* Another transaction was quicker: look again at what it made of it. */
		if (msgext_outbox_update(outbox, row, &change, true) != TM_Ok)
			continue;
		done = true;
		break;
	}
	if (done)
	{
		MsgTable *events = msgext_event_open();
		MsgEventRow event = {0};

		event.message_id = id;
		event.kind = kind;
		event.state = state;
		event.actor = GetUserNameFromId(GetSessionUserId(), true);
		msgext_event_append(events, &event);
		msgext_table_close(events);
		CommandCounterIncrement();
	}
	msgext_table_close(outbox);
	return done;
}

/* Has a part of it gone out, so that sending goes on from there? */
static bool
is_begun(const MsgRow *row)
{
	const MsgProvider *provider =
		msgext_provider_find(msgext_row_text(row, Anum_outbox_provider));

	return !row->nulls[Anum_outbox_detail - 1] && provider != NULL &&
		   (provider->caps & MSG_CAN_RESUME) != 0;
}

static bool
decide_cancel(const MsgRow *row, MsgChange *change)
{
	/* What may have left cannot be called back. */
	if (row->state != MSG_QUEUED || row->maybe_sent || is_begun(row))
		return false;
	msgext_change_state(change, MSG_CANCELLED);
	msgext_change_time(change, Anum_outbox_finished_at, msgext_clock());
	msgext_change_null(change, Anum_outbox_next_attempt_at);
	msgext_change_null(change, Anum_outbox_waiting);
	return true;
}

/* Has a dispatcher claimed the next attempt of the message just cancelled? */
static bool
is_claimed(const MsgRow *row)
{
	MsgTable *claims;
	Snapshot latest;
	bool claimed;

	msgext_claim_fence_wait();
	claims = msgext_claim_open(false);
	latest = RegisterSnapshot(GetLatestSnapshot());
	claimed = msgext_claim_exists(claims, latest, row->id, row->attempts + 1);
	UnregisterSnapshot(latest);
	msgext_table_close(claims);
	return claimed;
}

PG_FUNCTION_INFO_V1(msgext_cancel_message);

PGDLLEXPORT Datum
msgext_cancel_message(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool cancelled = false;
	MsgRow row;

	PreventCommandIfReadOnly("cancel_message()");

	/*
	 * In a subtransaction, to let go of the row if its request is on the way. An error
	 * must not leave it open: outside of a block the session would stay in it.
	 */
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		cancelled = change_message(PG_GETARG_INT64(0), decide_cancel, "cancelled",
								   MSG_CANCELLED, &row) &&
					!is_claimed(&row);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		ReThrowError(error);
	}
	PG_END_TRY();
	if (cancelled)
		ReleaseCurrentSubTransaction();
	else
		RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (cancelled)
		msgext_counts_add(msgext_tally(row.server_oid), MSG_COUNT_CANCELLED, 1);
	PG_RETURN_BOOL(cancelled);
}

/*
 * What certainly has not reached the provider takes another key, where it has keys of the
 * provider's form: it may have been refused because the first is somebody else's there.
 * What may have been sent keeps its key, by which the provider knows it again.
 */
static void
renew_key(const MsgRow *row, MsgChange *change)
{
	MsgServer *server = row->maybe_sent ? NULL : server_of(row);
	MsgError error = {0};
	const char *key;

	if (server == NULL || server->provider->make_key == NULL ||
		strcmp(msgext_row_text(row, Anum_outbox_provider), server->provider->name) != 0)
		return;
	if (!server->provider->make_key(msgext_arena_pg_create(CurrentMemoryContext), row->id,
									msgext_unix_us(msgext_clock()), &key, &error))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("message " INT64_FORMAT " cannot be given another key", row->id),
				 errdetail("%s %s.", error.path, error.text)));
	msgext_change_text(change, Anum_outbox_key, key);
}

static bool
decide_retry(const MsgRow *row, MsgChange *change)
{
	if (row->state != MSG_FAILED && row->state != MSG_REJECTED &&
		row->state != MSG_UNKNOWN)
		return false;

	/* Who asks for it now wants it sent now. */
	if (row->expires_at != 0 && row->expires_at <= msgext_clock())
		msgext_change_null(change, Anum_outbox_expires_at);

	/* A new transaction id makes it new work of its lane. */
	msgext_change_set(
		change, Anum_outbox_xid,
		UInt64GetDatum(U64FromFullTransactionId(GetTopFullTransactionId())));
	msgext_change_time(change, Anum_outbox_queued_at, msgext_clock());
	msgext_change_set(change, Anum_outbox_failures, Int32GetDatum(0));
	msgext_change_state(change, MSG_QUEUED);
	msgext_change_null(change, Anum_outbox_next_attempt_at);
	msgext_change_null(change, Anum_outbox_tried_at);
	msgext_change_null(change, Anum_outbox_finished_at);
	msgext_change_null(change, Anum_outbox_waiting);

	/* What was reported of it is in its timeline, and says nothing of the new sending. */
	if (!is_begun(row))
		msgext_change_null(change, Anum_outbox_detail);
	renew_key(row, change);
	return true;
}

/* It no longer waits for a person. */
static void
forget_unknown(const MsgRow *row)
{
	MsgTable *due = msgext_reminder_open(true);

	msgext_reminder_remove_one(due, row->server_oid, MSG_REMINDER_UNKNOWN,
							   row->created_at, row->id);
	msgext_table_close(due);
}

PG_FUNCTION_INFO_V1(msgext_retry_message);

PGDLLEXPORT Datum
msgext_retry_message(PG_FUNCTION_ARGS)
{
	MsgRow row;
	bool done;

	PreventCommandIfReadOnly("retry_message()");
	done = change_message(PG_GETARG_INT64(0), decide_retry, "retried", MSG_QUEUED, &row);
	if (done)
	{
		MsgServer *server = server_of(&row);

		/* To send again is to send: it takes the same right. */
		if (server != NULL)
			msgext_access_use(server);
		forget_unknown(&row);
		msgext_counts_add(msgext_tally(row.server_oid), MSG_COUNT_RETRIED, 1);
		msgext_notify_at_commit(MSG_NEWS_ALL);
	}
	PG_RETURN_BOOL(done);
}

PG_FUNCTION_INFO_V1(msgext_pause_server);

PGDLLEXPORT Datum
msgext_pause_server(PG_FUNCTION_ARGS)
{
	MsgPause pause;
	MsgServer *server;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("server must not be null")));
	PreventCommandIfReadOnly("pause_server()");
	server = msgext_access_server(NameStr(*PG_GETARG_NAME(0)));
	msgext_access_operate(server);

	/* Another reason to be paused changes nothing about whose messages it has. */
	msgext_server_pause_read(server->oid, &pause);
	pause.paused = true;
	pause.reason = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	msgext_server_pause_write(server->oid, &pause, true);
	msgext_notify_at_commit(MSG_NEWS_SERVER);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(msgext_resume_server);

PGDLLEXPORT Datum
msgext_resume_server(PG_FUNCTION_ARGS)
{
	MsgPause pause;
	MsgServer *server;

	PreventCommandIfReadOnly("resume_server()");
	server = msgext_access_server(NameStr(*PG_GETARG_NAME(0)));
	msgext_access_operate(server);
	msgext_server_pause_read(server->oid, &pause);
	if (pause.copied || msgext_origin_is_foreign())
		msgext_adopt(server);
	memset(&pause, 0, sizeof(pause));
	msgext_server_pause_write(server->oid, &pause, true);
	msgext_account_pause_clear(server->oid);

	/* Credentials may have been mended in a file, which no catalog tells of. */
	msgext_server_forget_all();
	msgext_notify_at_commit(MSG_NEWS_ALL);
	PG_RETURN_VOID();
}
