/*
 * post.c
 *		A message becomes a row of the caller's transaction: see post.h.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "access/transam.h"
#include "access/xact.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/recipients.h"
#include "pg/base/clock.h"
#include "pg/base/node.h"
#include "pg/base/text.h"
#include "pg/catalog/access.h"
#include "pg/ipc/notify.h"
#include "pg/sql/post.h"
#include "pg/store/lane.h"
#include "pg/store/origin.h"
#include "pg/store/outbox.h"
#include "pg/store/relation.h"

#define OPERATION_ID_MAX 255
#define REF_MAX 8192

static const char *
with_detail(const MsgError *error)
{
	StringInfoData text;

	initStringInfo(&text);
	if (error->code[0] != '\0')
		appendStringInfo(&text, "%s: ", error->code);
	if (error->path[0] != '\0')
		appendStringInfo(&text, "%s ", error->path);
	appendStringInfo(&text, "%s.", error->text);
	return text.data;
}

/* On a server of a staging environment everything goes to one recipient. */
static void
redirect(const MsgPost *post)
{
	const char *const *paths = post->server->provider->recipients;
	const char *to = msgext_conn_option(&post->server->conn, "redirect");

	if (to != NULL && paths != NULL)
		msgext_recipients_redirect(post->arena, paths, (MsgJson *) post->payload.message,
								   to);
}

static void
prepare(MsgPost *post, MsgFragment *fragment)
{
	const MsgProvider *provider = post->server->provider;
	MsgError error = {0};

	if (post->payload.message->type != MSG_JSON_OBJECT)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("message for server \"%s\" is not a JSON object",
							   post->server->name)));
	memset(fragment, 0, sizeof(*fragment));
	redirect(post);
	if (!provider->prepare(post->arena, &post->server->conn, &post->payload, fragment,
						   &error))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("message for server \"%s\" is not valid", post->server->name),
				 errdetail("%s", msgext_from_utf8(with_detail(&error)))));
}

static void
take_times(MsgPost *post)
{
	if (TIMESTAMP_NOT_FINITE(post->send_after) || TIMESTAMP_NOT_FINITE(post->expires_at))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("send_after and expires_at must be finite")));
	post->send_after = msgext_clock_given(post->send_after);
	post->expires_at = msgext_clock_given(post->expires_at);
}

static void
check_arguments(const MsgPost *post)
{
	if (post->priority < 1 || post->priority > 5)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("priority must be between 1 and 5")));
	if (post->expires_at != 0 && post->expires_at <= msgext_clock())
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("expires_at must be in the future")));
	if (post->expires_at != 0 && post->send_after >= post->expires_at)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("send_after must be before expires_at")));
	if (post->operation_id != NULL &&
		(post->operation_id[0] == '\0' || strlen(post->operation_id) > OPERATION_ID_MAX))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("operation_id must have 1 to %d bytes", OPERATION_ID_MAX)));
}

/* A key to find messages by, no place for a payload. */
static void
check_ref(const Jsonb *ref)
{
	if (ref == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(ref))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("ref must be a JSON object")));
	if (VARSIZE(ref) > REF_MAX)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("ref must have at most %d bytes", REF_MAX)));
}

/*
 * Was it queued by this role for this server? One of a restored copy that nobody has
 * adopted yet has the oids of another database: its names tell.
 */
static bool
is_ours(const MsgPost *post, const MsgRow *row)
{
	if (row->origin == msgext_origin())
		return row->server_oid == post->server->oid && row->sender_oid == GetUserId();
	return strcmp(msgext_row_text(row, Anum_outbox_server), post->server->name) == 0 &&
		   strcmp(msgext_row_text(row, Anum_outbox_sender),
				  GetUserNameFromId(GetUserId(), false)) == 0;
}

/*
 * The message that has this operation id already, or 0. Waits for a transaction that
 * is about to write or remove one.
 */
static int64
find_operation(MsgTable *outbox, const MsgPost *post, const MsgFragment *fragment)
{
	for (;;)
	{
		ScanKeyData key;
		SnapshotData dirty;
		TupleTableSlot *slot;
		MsgScan *scan;
		TransactionId writer = InvalidTransactionId;
		bool same = true;
		int64 id = 0;
		MsgRow row;

		InitDirtySnapshot(dirty);
		msgext_key_text(&key, 1, BTEqualStrategyNumber, post->operation_id);
		scan = msgext_table_scan(outbox, "outbox_operation", &dirty, &key, 1);
		while (id == 0 && (slot = msgext_scan_next(scan)) != NULL)
		{
			bytea *payload;

			msgext_outbox_read(outbox, slot, &row);
			if (!is_ours(post, &row))
				continue;
			writer = dirty.xmin;
			payload = msgext_row_payload(&row);
			id = row.id;
			same = VARSIZE_ANY_EXHDR(payload) == fragment->len &&
				   memcmp(VARDATA_ANY(payload), fragment->bytes, fragment->len) == 0;
		}
		msgext_scan_end(scan);
		if (TransactionIdIsValid(writer))
		{
			XactLockTableWait(writer, NULL, NULL, XLTW_None);
			continue;
		}
		if (!same)
			ereport(ERROR,
					(errcode(ERRCODE_UNIQUE_VIOLATION),
					 errmsg("operation_id \"%s\" was used for another message to server "
							"\"%s\"",
							post->operation_id, post->server->name),
					 errdetail("Message " INT64_FORMAT " has it, with another payload.",
							   id)));
		return id;
	}
}

/* What the dispatcher fills in is NULL. */
static void
fill_row(const MsgPost *post, const MsgFragment *fragment, TimestampTz created_at,
		 int32 lane, MsgValues *row)
{
	msgext_values_init(row);
	msgext_values_xid8(row, Anum_outbox_xid,
					   U64FromFullTransactionId(GetTopFullTransactionId()));
	msgext_values_int32(row, Anum_outbox_lane_hash, lane);
	msgext_values_oid(row, Anum_outbox_server_oid, post->server->oid);
	msgext_values_oid(row, Anum_outbox_sender_oid, GetUserId());
	msgext_values_int64(row, Anum_outbox_origin, msgext_origin());
	msgext_values_int64(row, Anum_outbox_id, post->payload.id);
	msgext_values_time(row, Anum_outbox_created_at, created_at);
	msgext_values_time(row, Anum_outbox_queued_at, created_at);
	msgext_values_int16(row, Anum_outbox_priority, post->priority);
	msgext_values_int32(row, Anum_outbox_attempts, 0);
	msgext_values_int32(row, Anum_outbox_failures, 0);
	msgext_values_bool(row, Anum_outbox_maybe_sent, false);
	msgext_values_text(row, Anum_outbox_server, post->server->name);
	msgext_values_text(row, Anum_outbox_provider, post->server->provider->name);
	msgext_values_text(row, Anum_outbox_sender, GetUserNameFromId(GetUserId(), false));
	msgext_values_text(row, Anum_outbox_state, msgext_state_name(MSG_QUEUED));
	msgext_values_text(row, Anum_outbox_operation_id, post->operation_id);
	msgext_values_text(row, Anum_outbox_key, fragment->key);
	msgext_values_time(row, Anum_outbox_send_after, post->send_after);
	msgext_values_time(row, Anum_outbox_expires_at, post->expires_at);
	msgext_values_text(row, Anum_outbox_limit_key,
					   msgext_clean_text(fragment->limit_key, 128));
	msgext_values_text(row, Anum_outbox_recipient,
					   msgext_clean_text(fragment->recipient, 128));
	msgext_values_text(row, Anum_outbox_channels, fragment->channels);
	if (post->ref != NULL)
		msgext_values_set(row, Anum_outbox_ref, JsonbPGetDatum(post->ref));
	msgext_values_bytes(row, Anum_outbox_payload, fragment->bytes, fragment->len);
}

static int64
insert_message(const MsgPost *post, const MsgFragment *fragment, TimestampTz created_at)
{
	int32 lane = msgext_lane_hash(post->server->oid, post->priority);
	bool unique = post->operation_id != NULL;
	MsgTable *outbox = msgext_outbox_open(true);
	MsgValues row;
	int64 id;

	fill_row(post, fragment, created_at, lane, &row);
	msgext_test_case_posted(U64FromFullTransactionId(GetTopFullTransactionId()),
							post->payload.id);
	for (;;)
	{
		if (unique && (id = find_operation(outbox, post, fragment)) != 0)
			break;
		id = post->payload.id;
		if (!unique)
			msgext_table_insert(outbox, row.values, row.nulls);
		else if (!msgext_table_insert_unique(outbox, "outbox_operation", row.values,
											 row.nulls))
			continue;

		/* A second call in the same statement must find the first. */
		if (unique)
			CommandCounterIncrement();
		msgext_notify_at_commit(msgext_notify_news_of_lane(lane));
		break;
	}
	msgext_table_close(outbox);
	return id;
}

int64
msgext_post(MsgPost *post)
{
	TimestampTz created_at;
	MsgFragment fragment;

	PreventCommandIfReadOnly("post_message()");
	take_times(post);
	check_arguments(post);
	check_ref(post->ref);
	msgext_access_use(post->server);
	if (!OidIsValid(msgext_mapping_of(post->server->oid, GetUserId(), NULL)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("user mapping not found for \"%s\", server \"%s\"",
						GetUserNameFromId(GetUserId(), false), post->server->name),
				 errhint("Create one with CREATE USER MAPPING, for the role or for "
						 "PUBLIC.")));
	created_at = msgext_clock();
	post->payload.created_us = msgext_unix_us(created_at);
	post->payload.id =
		msgext_node_id(nextval_internal(msgext_relation_oid("outbox_id_seq"), false));
	prepare(post, &fragment);
	return insert_message(post, &fragment, created_at);
}
