/*
 * post.c
 *		post_message() and send_vk(): a message becomes a row of the caller's
 *		transaction.
 *
 * Checks rights and arguments, has the provider's codec check and encode the payload,
 * writes the row. Sends nothing and waits for nothing.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/base/arena_pg.h"
#include "pg/base/clock.h"
#include "pg/base/json_pg.h"
#include "pg/base/text.h"
#include "pg/catalog/access.h"
#include "pg/ipc/notify.h"
#include "pg/store/lane.h"
#include "pg/store/origin.h"
#include "pg/store/outbox.h"
#include "pg/store/relation.h"

#define OPERATION_ID_MAX 255

typedef struct Post
{
	MsgServer *server;
	MsgArena *arena;
	MsgPayload payload;
	TimestampTz created_at;
	int32 lane;
	const char *operation_id; /* or NULL */
	int priority;
	TimestampTz send_after; /* 0 = at once */
	TimestampTz expires_at; /* 0 = never */
} Post;

static MsgPart *
read_parts(MsgArena *arena, ArrayType *array, int *n)
{
	Datum *datums;
	bool *nulls;
	MsgPart *parts;
	int i;

	deconstruct_array(array, BYTEAOID, -1, false, TYPALIGN_INT, &datums, &nulls, n);
	parts = msgext_alloc(arena, sizeof(MsgPart) * (*n + 1));
	for (i = 0; i < *n; i++)
	{
		bytea *part = nulls[i] ? NULL : DatumGetByteaPP(datums[i]);

		parts[i].bytes = part != NULL ? VARDATA_ANY(part) : NULL;
		parts[i].len = part != NULL ? VARSIZE_ANY_EXHDR(part) : 0;
	}
	return parts;
}

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

static void
prepare(Post *post, MsgFragment *fragment)
{
	const MsgProvider *provider = post->server->provider;
	MsgError error = {0};

	if (post->payload.message->type != MSG_JSON_OBJECT)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("message for server \"%s\" is not a JSON object",
							   post->server->name)));
	memset(fragment, 0, sizeof(*fragment));
	if (!provider->prepare(post->arena, &post->server->conn, &post->payload, fragment,
						   &error))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("message for server \"%s\" is not valid", post->server->name),
				 errdetail("%s", msgext_from_utf8(with_detail(&error)))));
}

static void
check_times(const Post *post)
{
	if (post->priority < 1 || post->priority > 5)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("priority must be between 1 and 5")));
	if (TIMESTAMP_NOT_FINITE(post->send_after) || TIMESTAMP_NOT_FINITE(post->expires_at))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("send_after and expires_at must be finite")));
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

/*
 * Was it queued by this role for this server? One of a restored copy that nobody has
 * adopted yet has the oids of another database: its names tell.
 */
static bool
is_ours(const Post *post, const MsgRow *row)
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
find_operation(MsgTable *outbox, const Post *post, const MsgFragment *fragment)
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

static void
set_text(Datum *values, bool *nulls, AttrNumber column, const char *text)
{
	nulls[column - 1] = text == NULL;
	if (text != NULL)
		values[column - 1] = CStringGetTextDatum(text);
}

static void
set_time(Datum *values, bool *nulls, AttrNumber column, TimestampTz at)
{
	nulls[column - 1] = at == 0;
	values[column - 1] = TimestampTzGetDatum(at);
}

static void
fill_row(const Post *post, const MsgFragment *fragment, Datum *values, bool *nulls)
{
	bytea *payload =
		MemoryContextAllocHuge(CurrentMemoryContext, VARHDRSZ + fragment->len);

	SET_VARSIZE(payload, VARHDRSZ + fragment->len);
	memcpy(VARDATA(payload), fragment->bytes, fragment->len);

	memset(nulls, false, sizeof(bool) * Natts_outbox);
	values[Anum_outbox_xid - 1] =
		UInt64GetDatum(U64FromFullTransactionId(GetTopFullTransactionId()));
	values[Anum_outbox_lane_hash - 1] = Int32GetDatum(post->lane);
	values[Anum_outbox_server_oid - 1] = ObjectIdGetDatum(post->server->oid);
	values[Anum_outbox_sender_oid - 1] = ObjectIdGetDatum(GetUserId());
	values[Anum_outbox_origin - 1] = Int64GetDatum(msgext_origin());
	values[Anum_outbox_id - 1] = Int64GetDatum(post->payload.id);
	values[Anum_outbox_created_at - 1] = TimestampTzGetDatum(post->created_at);
	values[Anum_outbox_queued_at - 1] = TimestampTzGetDatum(post->created_at);
	values[Anum_outbox_priority - 1] = Int16GetDatum(post->priority);
	values[Anum_outbox_attempts - 1] = Int32GetDatum(0);
	values[Anum_outbox_failures - 1] = Int32GetDatum(0);
	values[Anum_outbox_maybe_sent - 1] = BoolGetDatum(false);
	set_text(values, nulls, Anum_outbox_server, post->server->name);
	set_text(values, nulls, Anum_outbox_provider, post->server->provider->name);
	set_text(values, nulls, Anum_outbox_sender, GetUserNameFromId(GetUserId(), false));
	set_text(values, nulls, Anum_outbox_state, msgext_state_name(MSG_QUEUED));
	set_text(values, nulls, Anum_outbox_operation_id, post->operation_id);
	set_text(values, nulls, Anum_outbox_key, fragment->key);
	set_time(values, nulls, Anum_outbox_send_after, post->send_after);
	set_time(values, nulls, Anum_outbox_expires_at, post->expires_at);
	nulls[Anum_outbox_tried_at - 1] = true;
	nulls[Anum_outbox_next_attempt_at - 1] = true;
	nulls[Anum_outbox_accepted_at - 1] = true;
	nulls[Anum_outbox_finished_at - 1] = true;
	nulls[Anum_outbox_waiting - 1] = true;
	set_text(values, nulls, Anum_outbox_limit_key,
			 msgext_clean_text(fragment->limit_key, 128));
	set_text(values, nulls, Anum_outbox_recipient,
			 msgext_clean_text(fragment->recipient, 128));
	set_text(values, nulls, Anum_outbox_channels, fragment->channels);
	nulls[Anum_outbox_provider_id - 1] = true;
	nulls[Anum_outbox_provider_status - 1] = true;
	nulls[Anum_outbox_code - 1] = true;
	nulls[Anum_outbox_error - 1] = true;
	nulls[Anum_outbox_detail - 1] = true;
	values[Anum_outbox_payload - 1] = PointerGetDatum(payload);
}

static int64
insert_message(const Post *post, const MsgFragment *fragment)
{
	bool unique = post->operation_id != NULL;
	MsgTable *outbox = msgext_outbox_open(true);
	Datum values[Natts_outbox] = {0};
	bool nulls[Natts_outbox];
	int64 id;

	fill_row(post, fragment, values, nulls);
	for (;;)
	{
		if (unique && (id = find_operation(outbox, post, fragment)) != 0)
			break;
		id = post->payload.id;
		if (!unique)
			msgext_table_insert(outbox, values, nulls);
		else if (!msgext_table_insert_unique(outbox, "outbox_operation", values, nulls))
			continue;

		/* A second call in the same statement must find the first. */
		if (unique)
			CommandCounterIncrement();
		msgext_notify_at_commit(msgext_notify_news_of_lane(post->lane));
		break;
	}
	msgext_table_close(outbox);
	return id;
}

static int64
post_message(Post *post)
{
	MsgFragment fragment;

	PreventCommandIfReadOnly("post_message()");
	check_times(post);
	msgext_access_use(post->server);
	if (!OidIsValid(msgext_mapping_of(post->server->oid, GetUserId(), NULL)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("user mapping not found for \"%s\", server \"%s\"",
						GetUserNameFromId(GetUserId(), false), post->server->name),
				 errhint("Create one with CREATE USER MAPPING, for the role or for "
						 "PUBLIC.")));
	post->created_at = msgext_clock();
	post->lane = msgext_lane_hash(post->server->oid, post->priority);
	post->payload.created_us = msgext_unix_us(post->created_at);
	post->payload.id = nextval_internal(msgext_relation_oid("outbox_id_seq"), false);
	prepare(post, &fragment);
	return insert_message(post, &fragment);
}

/* Arguments from operation_id on are the same for both functions. */
static void
read_common(Post *post, FunctionCallInfo fcinfo, int first)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("server must not be null")));
	post->server = msgext_access_server(NameStr(*PG_GETARG_NAME(0)));
	post->arena = msgext_arena_pg_create(CurrentMemoryContext);
	post->operation_id =
		PG_ARGISNULL(first) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(first));
	post->priority = PG_ARGISNULL(first + 1) ? 3 : PG_GETARG_INT32(first + 1);
	post->send_after = PG_ARGISNULL(first + 2) ? 0 : PG_GETARG_TIMESTAMPTZ(first + 2);
	post->expires_at = PG_ARGISNULL(first + 3) ? 0 : PG_GETARG_TIMESTAMPTZ(first + 3);
}

PG_FUNCTION_INFO_V1(msgext_post_message);

PGDLLEXPORT Datum
msgext_post_message(PG_FUNCTION_ARGS)
{
	Post post = {0};

	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("message must not be null")));
	read_common(&post, fcinfo, 2);
	post.payload.message = msgext_json_from_jsonb(post.arena, PG_GETARG_JSONB_P(1));
	if (!PG_ARGISNULL(6))
		post.payload.parts =
			read_parts(post.arena, PG_GETARG_ARRAYTYPE_P(6), &post.payload.nparts);
	PG_RETURN_INT64(post_message(&post));
}

PG_FUNCTION_INFO_V1(msgext_send_vk);

PGDLLEXPORT Datum
msgext_send_vk(PG_FUNCTION_ARGS)
{
	static const char *const blocks[] = {"vk", "viber", "sms"};
	Post post = {0};
	MsgJson *message;
	int i;

	read_common(&post, fcinfo, 4);
	if (strcmp(post.server->provider->name, "devino") != 0)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("server \"%s\" is not a server of msgext_devino",
							   post.server->name),
						errhint("Use post_message() for other providers.")));
	message = msgext_json_new(post.arena, MSG_JSON_OBJECT);
	for (i = 0; i < lengthof(blocks); i++)
		if (!PG_ARGISNULL(1 + i))
			msgext_json_set(message, blocks[i],
							msgext_json_from_jsonb(post.arena, PG_GETARG_JSONB_P(1 + i)));
	post.payload.message = message;
	PG_RETURN_INT64(post_message(&post));
}
