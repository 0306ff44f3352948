/*
 * replay.c
 *		replay_message(): a corrected copy of a message that ended badly.
 *
 * The copy is a message of who asks, sent by his own mapping: to say what is sent is to
 * send. What it has from the old one is the server, the priority, the ref and an expiry
 * that is still to come.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "pg/base/actor.h"
#include "pg/base/arena_pg.h"
#include "pg/base/clock.h"
#include "pg/base/json_pg.h"
#include "pg/base/text.h"
#include "pg/catalog/access.h"
#include "pg/sql/change.h"
#include "pg/sql/post.h"
#include "pg/sql/row_access.h"

/* The old message, which he may change, and which is over. */
static void
find_old(MsgChanger *changer, int64 id, MsgRow *row)
{
	MsgChange change;

	if (msgext_change_find(changer, id, row, &change))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("message " INT64_FORMAT " cannot be replayed", id),
			 errdetail("It does not exist, is not yours to change, or has not failed, "
					   "been rejected, undelivered, cancelled or expired, nor is it "
					   "unknown."),
			 errhint("What is still queued can be cancelled first.")));
}

/* Names the other message in the timeline of the copy. */
static void
tell_copy(MsgChanger *changer, int64 copy, int64 old)
{
	MsgEventRow event = {0};

	event.message_id = copy;
	event.kind = "replays";
	event.state = MSG_QUEUED;
	event.related = old;
	event.actor = changer->actor;
	event.reason = msgext_to_utf8(changer->reason);
	msgext_event_append(changer->events, &event);
}

/*
 * The bytes of the old payload, which the new one may name as message_payload() tells them;
 * for who may read them alone, since the copy goes where he says.
 */
static void
use_old_parts(const MsgRow *row, MsgPost *post)
{
	const MsgProvider *provider = post->server->provider;
	MsgPayload *payload = &post->payload;
	MsgPart *parts;
	MsgError error;
	bytea *old;
	int n;

	if (provider->parts == NULL || msgext_row_is_erased(row) ||
		strcmp(msgext_row_text(row, Anum_outbox_provider), provider->name) != 0 ||
		!msgext_row_may(MSG_ACCESS_PAYLOAD, row, InvalidOid))
		return;
	old = msgext_row_payload(row);
	if (!provider->parts(post->arena, VARDATA_ANY(old), VARSIZE_ANY_EXHDR(old), &parts,
						 &n, &error))
		return;
	payload->parts = parts;
	payload->nparts = n;
	payload->spare_parts = true;
}

PG_FUNCTION_INFO_V1(msgext_replay_message);

PGDLLEXPORT Datum
msgext_replay_message(PG_FUNCTION_ARGS)
{
	MsgChanger changer;
	MsgPost post = {0};
	MsgRow row;
	int64 old;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", PG_ARGISNULL(0) ? "id" : "message")));
	PreventCommandIfReadOnly("replay_message()");
	old = PG_GETARG_INT64(0);
	msgext_change_open(&changer, &msgext_act_replay, msgext_actor_reason(fcinfo, 2));
	find_old(&changer, old, &row);
	post.server = msgext_access_server(msgext_row_text(&row, Anum_outbox_server));
	post.arena = msgext_arena_pg_create(CurrentMemoryContext);
	post.payload.message = msgext_json_from_jsonb(post.arena, PG_GETARG_JSONB_P(1));
	if (!PG_ARGISNULL(3))
		post.payload.parts =
			msgext_post_parts(post.arena, PG_GETARG_ARRAYTYPE_P(3), &post.payload.nparts);
	else
		use_old_parts(&row, &post);
	post.priority = row.priority;
	if (row.expires_at > msgext_clock())
		post.expires_at = row.expires_at;

	/* Who operates a server need not see its messages, and the copy is his own. */
	if (!row.nulls[Anum_outbox_ref - 1] &&
		msgext_row_may(MSG_ACCESS_SEE, &row, InvalidOid))
		post.ref = DatumGetJsonbP(row.values[Anum_outbox_ref - 1]);
	changer.related = msgext_post(&post);

	/* It may have been changed by another since, and then there is no copy either. */
	if (msgext_change(&changer, old, true, &row) != MSG_CHANGED)
		find_old(&changer, old, &row);
	tell_copy(&changer, changer.related, old);
	msgext_change_close(&changer);
	PG_RETURN_INT64(changer.related);
}
