/*
 * change.c
 *		What people do to one message: see change.h.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "pg/base/actor.h"
#include "pg/base/arena_pg.h"
#include "pg/base/clock.h"
#include "pg/base/node.h"
#include "pg/base/text.h"
#include "pg/catalog/access.h"
#include "pg/inbound/tracking.h"
#include "pg/ipc/notify.h"
#include "pg/ipc/tally.h"
#include "pg/sql/change.h"
#include "pg/sql/invalid.h"
#include "pg/sql/row_access.h"
#include "pg/store/claim.h"
#include "pg/store/origin.h"
#include "pg/store/reminder.h"

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

static bool
decide_cancel(const MsgRow *row, MsgChange *change)
{
	/* What may have left cannot be called back. */
	if (row->state != MSG_QUEUED || row->maybe_sent || msgext_row_is_begun(row))
		return false;
	msgext_change_state(change, MSG_CANCELLED);
	msgext_change_time(change, Anum_outbox_finished_at, msgext_clock());
	msgext_change_null(change, Anum_outbox_next_attempt_at);
	msgext_change_null(change, Anum_outbox_waiting);
	return true;
}

bool
msgext_change_never_left(const MsgRow *row)
{
	if (row->maybe_sent || row->accepted_at != 0 ||
		!row->nulls[Anum_outbox_provider_id - 1])
		return false;
	if (row->state == MSG_CANCELLED || row->state == MSG_EXPIRED)
		return !msgext_row_is_begun(row);
	return row->state == MSG_REJECTED && row->attempts == 0;
}

/* Its operation id is another's from here on. */
static bool
decide_release(const MsgRow *row, MsgChange *change)
{
	msgext_change_null(change, Anum_outbox_operation_id);
	return msgext_change_never_left(row);
}

/* The provider goes on knowing it by the key it has. */
static bool
decide_pass_on(const MsgRow *row, MsgChange *change)
{
	msgext_change_text(change, Anum_outbox_key, msgext_row_key(row));
	msgext_change_null(change, Anum_outbox_operation_id);
	return true;
}

static bool
decide_replace(const MsgRow *row, MsgChange *change)
{
	msgext_change_null(change, Anum_outbox_operation_id);
	return decide_cancel(row, change);
}

/*
 * May an attempt of it be under way all the same? Only a report of an earlier sending ends
 * a message meanwhile: then what comes of the attempt is recorded, and stands for this one.
 */
static bool
is_under_way(const MsgRow *row)
{
	return !row->nulls[Anum_outbox_provider_id - 1] && msgext_change_is_claimed(row);
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
		strcmp(msgext_row_text(row, Anum_outbox_provider), server->provider->name) != 0 ||
		is_under_way(row))
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
is_for_retry(const MsgRow *row)
{
	return (row->state == MSG_FAILED || row->state == MSG_REJECTED ||
			row->state == MSG_UNKNOWN) &&
		   !msgext_invalid_is(row);
}

bool
msgext_change_lacks_payload(const MsgRow *row)
{
	return is_for_retry(row) && msgext_row_is_erased(row) && may_change(row);
}

static bool
decide_retry(const MsgRow *row, MsgChange *change)
{
	if (!is_for_retry(row) || msgext_row_is_erased(row))
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
	msgext_change_null(change, Anum_outbox_closed_at);
	msgext_change_null(change, Anum_outbox_waiting);

	/* What was reported of it is in its timeline, and says nothing of the new sending. */
	if (!msgext_row_is_begun(row))
		msgext_change_null(change, Anum_outbox_detail);
	renew_key(row, change);
	return true;
}

/* Looked into, and no more to be done: it counts no longer, and retention takes it. */
static bool
decide_close(const MsgRow *row, MsgChange *change)
{
	if (!msgext_state_is_bad_end(row->state) || !row->nulls[Anum_outbox_closed_at - 1])
		return false;
	msgext_change_time(change, Anum_outbox_closed_at, msgext_clock());
	msgext_change_null(change, Anum_outbox_problem);
	if (row->nulls[Anum_outbox_finished_at - 1])
		msgext_change_time(change, Anum_outbox_finished_at, msgext_clock());
	msgext_change_null(change, Anum_outbox_next_attempt_at);
	return true;
}

/* A corrected copy takes its place, now or once again. */
static bool
decide_replay(const MsgRow *row, MsgChange *change)
{
	if (!decide_close(row, change))
		return row->state == MSG_CANCELLED || msgext_state_is_bad_end(row->state);
	return true;
}

/* What says whom it went to, and what. Why it was not valid is told without the payload. */
static bool
decide_forget(const MsgRow *row, MsgChange *change)
{
	if (msgext_track_ended_at(row) == 0)
		return false;
	if (!msgext_row_is_erased(row))
		msgext_change_erase(change, msgext_clock());
	msgext_change_null(change, Anum_outbox_recipient);
	msgext_change_null(change, Anum_outbox_error);
	if (!msgext_invalid_is(row))
		msgext_change_null(change, Anum_outbox_detail);
	return true;
}

const MsgAct msgext_act_cancel = {decide_cancel, "cancelled", true, MSG_CANCELLED};
const MsgAct msgext_act_retry = {decide_retry, "retried", true, MSG_QUEUED};
const MsgAct msgext_act_close = {decide_close, "closed"};
const MsgAct msgext_act_replay = {decide_replay, "replayed"};
const MsgAct msgext_act_replace = {decide_replace, "replaced", true, MSG_CANCELLED};
const MsgAct msgext_act_release = {decide_release, "replaced"};
const MsgAct msgext_act_forget = {decide_forget, "forgotten"};
const MsgAct msgext_act_pass_on = {decide_pass_on, "replaced"};

void
msgext_change_open(MsgChanger *changer, const MsgAct *act, const char *reason)
{
	memset(changer, 0, sizeof(*changer));
	changer->act = act;
	changer->actor = msgext_actor();
	changer->reason = reason;
	changer->outbox = msgext_outbox_open(true);
	changer->events = msgext_event_open();
}

void
msgext_change_close(MsgChanger *changer)
{
	msgext_table_close(changer->events);
	msgext_table_close(changer->outbox);
}

bool
msgext_change_find(MsgChanger *changer, int64 id, MsgRow *row, MsgChange *change)
{
	Snapshot latest;
	bool found;

	/* What this very statement has written counts too. */
	CommandCounterIncrement();
	CHECK_FOR_INTERRUPTS();
	latest = RegisterSnapshot(GetLatestSnapshot());
	found = msgext_outbox_find(changer->outbox, id, latest, row);
	UnregisterSnapshot(latest);
	msgext_change_init(change);
	if (!found)
		msgext_node_refuse_other(id);
	return found && (changer->is_own || may_change(row)) &&
		   changer->act->decide(row, change);
}

static void
tell(MsgChanger *changer, const MsgRow *row)
{
	MsgEventRow event = {0};

	event.message_id = row->id;
	event.kind = changer->act->kind;
	event.state = changer->act->moves ? changer->act->state : row->state;
	event.related = changer->related;
	event.actor = changer->actor;
	event.reason = msgext_to_utf8(changer->reason);
	msgext_event_append(changer->events, &event);
}

/* To send again is to send: it takes the same right. */
static void
after_retry(const MsgRow *row)
{
	MsgServer *server = server_of(row);

	if (server != NULL)
		msgext_access_use(server);
	msgext_counts_add(msgext_tally(row->server_oid), MSG_COUNT_RETRIED, 1);
	msgext_notify_at_commit(MSG_NEWS_ALL);
}

MsgChanged
msgext_change(MsgChanger *changer, int64 id, bool wait, MsgRow *row)
{
	for (;;)
	{
		MsgChange change;
		TM_Result result;

		if (!msgext_change_find(changer, id, row, &change))
			return MSG_UNCHANGED;
		result = msgext_outbox_update(changer->outbox, row, &change, wait);
		if (result == TM_Ok)
			break;

		/* Another transaction was quicker: look again at what it made of it. */
		if (!wait)
			return MSG_HELD;
	}
	tell(changer, row);
	if (row->state == MSG_UNKNOWN && changer->act != &msgext_act_pass_on)
		msgext_reminder_forget_unknown(row->server_oid, row->created_at, row->id);
	if (changer->act == &msgext_act_retry)
		after_retry(row);
	return MSG_CHANGED;
}

bool
msgext_change_is_claimed(const MsgRow *row)
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
