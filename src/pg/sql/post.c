/*
 * post.c
 *		A message becomes a row of the caller's transaction: see post.h.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/recipients.h"
#include "pg/base/clock.h"
#include "pg/base/node.h"
#include "pg/base/text.h"
#include "pg/catalog/access.h"
#include "pg/ipc/notify.h"
#include "pg/sql/invalid.h"
#include "pg/sql/operation.h"
#include "pg/sql/post.h"
#include "pg/store/held_outbox.h"
#include "pg/store/lane.h"
#include "pg/store/origin.h"

#define REF_MAX 8192
#define REF_TEXT_MAX 65536

static void
refuse_argument(const char *name, const char *rule)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s %s", name, rule),
					err_generic_string(PG_DIAG_COLUMN_NAME, name)));
}

MsgOnConflict
msgext_post_on_conflict(const char *text)
{
	if (strcmp(text, "error") == 0)
		return MSG_CONFLICT_ERROR;
	if (strcmp(text, "return") == 0)
		return MSG_CONFLICT_RETURN;
	if (strcmp(text, "replace") != 0)
		refuse_argument("on_conflict", "must be error, return or replace");
	return MSG_CONFLICT_REPLACE;
}

MsgOnInvalid
msgext_post_on_invalid(const char *text)
{
	if (strcmp(text, "error") == 0)
		return MSG_INVALID_ERROR;
	if (strcmp(text, "record") != 0)
		refuse_argument("on_invalid", "must be error or record");
	return MSG_INVALID_RECORD;
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
	return msgext_from_utf8(text.data);
}

/* On a server of a staging environment everything goes to one recipient. */
static void
redirect(const MsgPost *post)
{
	const char *const *paths = post->server->provider->recipients;
	const char *to = post->server->redirect;

	if (to != NULL && paths != NULL)
		msgext_recipients_redirect(post->arena, paths, (MsgJson *) post->payload.message,
								   to);
}

/* The provider's code and the place, in fields that a program can read. */
static int
error_fields(const MsgError *error)
{
	if (error->code[0] != '\0')
		err_generic_string(PG_DIAG_CONSTRAINT_NAME, msgext_from_utf8(error->code));
	if (error->path[0] != '\0')
		err_generic_string(PG_DIAG_COLUMN_NAME, msgext_from_utf8(error->path));
	return 0;
}

static bool
records_invalid(const MsgPost *post)
{
	return post->on_invalid == MSG_INVALID_RECORD ||
		   (post->on_invalid == MSG_INVALID_AS_SERVER && post->server->records_invalid);
}

/* Writes the bytes to be sent. False: see post->error. */
static bool
encode(MsgPost *post, MsgFragment *fragment)
{
	memset(fragment, 0, sizeof(*fragment));
	if (post->error.text[0] != '\0')
		return false;
	if (post->payload.message->type != MSG_JSON_OBJECT)
		return msgext_error(&post->error, "", "message", "is not a JSON object");
	redirect(post);
	return post->server->provider->prepare(post->arena, &post->server->conn,
										   &post->payload, fragment, &post->error);
}

/* Writes the bytes to be sent, or what is kept of a payload that is not valid. */
static void
prepare(MsgPost *post, MsgFragment *fragment)
{
	if (encode(post, fragment))
		return;
	if (!records_invalid(post))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("message for server \"%s\" is not valid", post->server->name),
				 errdetail("%s", with_detail(&post->error)), error_fields(&post->error)));
	post->posted = MSG_POSTED_INVALID;
	memset(fragment, 0, sizeof(*fragment));
	msgext_invalid_keep(post->arena, post->payload.message, fragment);
}

/* When it may leave, and how long it may wait for that. */
static void
take_times(MsgPost *post, TimestampTz now)
{
	int64 expires_after = post->server->expires_after_ms * 1000;
	TimestampTz from;

	if (TIMESTAMP_NOT_FINITE(post->send_after))
		refuse_argument("send_after", "must be finite");
	if (TIMESTAMP_IS_NOBEGIN(post->expires_at))
		refuse_argument("expires_at", "must be in the future");
	if (post->expires_at != 0 && post->expires_after != NULL)
		refuse_argument("expires_after", "and expires_at must not both be given");
	post->send_after = msgext_clock_given(post->send_after);
	from = Max(post->send_after, now);
	if (post->expires_after != NULL)
	{
		post->expires_at = DatumGetTimestampTz(
			DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(from),
								IntervalPGetDatum(post->expires_after)));
		if (post->expires_at <= from)
			refuse_argument("expires_after", "must be more than 0");
	}
	else if (post->expires_at == 0 && expires_after != 0)
		post->expires_at = Min(from, END_TIMESTAMP - expires_after) + expires_after;
	else if (!TIMESTAMP_NOT_FINITE(post->expires_at))
		post->expires_at = msgext_clock_given(post->expires_at);

	/* What is later than any time that can be told is never. */
	if (post->expires_at >= END_TIMESTAMP)
		post->expires_at = 0;
}

static void
check_arguments(const MsgPost *post)
{
	if (post->priority < 1 || post->priority > 5)
		refuse_argument("priority", "must be between 1 and 5");
	if (post->expires_at != 0 && post->expires_at <= msgext_clock())
		refuse_argument("expires_at", "must be in the future");
	if (post->expires_at != 0 && post->send_after >= post->expires_at)
		refuse_argument("send_after", "must be before expires_at");
	if (post->operation_id != NULL && (post->operation_id[0] == '\0' ||
									   strlen(post->operation_id) > MSG_OPERATION_ID_MAX))
		refuse_argument("operation_id",
						psprintf("must have 1 to %d bytes", MSG_OPERATION_ID_MAX));
}

/* A key to find messages by, no place for a payload. */
static void
check_ref(const Jsonb *ref)
{
	if (ref == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(ref))
		refuse_argument("ref", "must be a JSON object");
	if (VARSIZE(ref) > REF_MAX)
		refuse_argument("ref", psprintf("must have at most %d bytes", REF_MAX));

	/* 1e131071 is a number of twelve bytes, and a text of a hundred thousand. */
	if (strlen(JsonbToCString(NULL, (JsonbContainer *) &ref->root, VARSIZE(ref))) >
		REF_TEXT_MAX)
		refuse_argument("ref",
						psprintf("must have at most %d bytes as text", REF_TEXT_MAX));
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
	msgext_values_text(row, Anum_outbox_sender,
					   msgext_server_sender(post->server, GetUserId()));
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
	msgext_values_text(row, Anum_outbox_template, post->template);
	if (post->template != NULL)
		msgext_values_int32(row, Anum_outbox_template_version, post->template_version);
	msgext_values_time(row, Anum_outbox_waits_since, post->waits_since);
	msgext_values_bytes(row, Anum_outbox_payload, fragment->bytes, fragment->len);
}

/* Where it has taken the place of another one. */
static void
set_times_again(MsgPost *post, TimestampTz created_at, MsgValues *row)
{
	post->set_times(post, post->set_times_arg);
	take_times(post, created_at);
	msgext_values_time(row, Anum_outbox_send_after, post->send_after);
	msgext_values_time(row, Anum_outbox_expires_at, post->expires_at);
	msgext_values_time(row, Anum_outbox_waits_since, post->waits_since);
}

static int64
insert_message(MsgPost *post, const MsgFragment *fragment, TimestampTz created_at)
{
	int32 lane = msgext_lane_hash(post->server->oid, post->priority);
	bool unique = post->operation_id != NULL;
	MsgOperation operation = {
		.server = post->server,
		.id = post->operation_id,
		.message = post->payload.id,
		.fragment = fragment,
		.priority = post->priority,
		.send_after = post->send_after,
		.expires_at = post->expires_at,
		.ref = post->ref,
		.on_conflict = post->on_conflict,
		.hidden = post->hides_operation_id,
		.waits_since = &post->waits_since,
	};
	MsgTable *outbox = msgext_outbox_take();
	MsgValues row;
	int64 id;

	fill_row(post, fragment, created_at, lane, &row);
	if (post->posted == MSG_POSTED_INVALID)
		msgext_invalid_fill(&post->error, created_at, &row);
	msgext_test_case_posted(U64FromFullTransactionId(GetTopFullTransactionId()),
							post->payload.id);
	do
	{
		if (unique &&
			(id = msgext_operation_find(outbox, &operation, &post->posted)) != 0)
			break;
		id = post->payload.id;
		if (post->posted == MSG_POSTED_REPLACED && post->set_times != NULL)
			set_times_again(post, created_at, &row);
		if (!unique)
			msgext_table_insert(outbox, row.values, row.nulls);
	} while (unique && !msgext_table_insert_unique(outbox, "outbox_operation", row.values,
												   row.nulls));

	/* A second call in the same statement must find the first. */
	if (unique)
		CommandCounterIncrement();
	msgext_outbox_give_back(outbox);
	if (id != post->payload.id)
		return id;
	if (post->posted == MSG_POSTED_INVALID)
		msgext_invalid_tell(post->server, id, &post->error);
	else
		msgext_notify_at_commit(msgext_notify_news_of_lane(lane));
	return id;
}

/*
 * Its operation id may go over to the next one after it has left: its provider must know
 * it by another key. One that is not valid takes nobody's place.
 */
static void
prepare_debounce(MsgPost *post, MsgFragment *fragment, TimestampTz created_at)
{
	if (post->posted == MSG_POSTED_INVALID)
		post->operation_id = NULL;

	/* Without a key it stands for none but itself. */
	if (post->operation_id != NULL)
		post->waits_since = created_at;
	if (fragment->key == NULL)
	{
		char *key = msgext_alloc(post->arena, MSG_KEY_LEN + 1);

		msgext_own_key(post->payload.created_us, post->payload.id, key);
		fragment->key = key;
	}
}

/* What does not depend on who sends. */
static void
take_arguments(MsgPost *post, TimestampTz created_at)
{
	take_times(post, created_at);
	check_arguments(post);
	check_ref(post->ref);
	post->payload.created_us = msgext_unix_us(created_at);
}

bool
msgext_post_preview(MsgPost *post)
{
	MsgFragment fragment;

	take_arguments(post, msgext_clock());
	post->payload.id = 1;
	return encode(post, &fragment);
}

int64
msgext_post(MsgPost *post)
{
	TimestampTz created_at;
	MsgFragment fragment;

	PreventCommandIfReadOnly("post_message()");
	created_at = msgext_clock();
	take_arguments(post, created_at);
	msgext_access_use(post->server);
	if (msgext_server_sender(post->server, GetUserId()) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("user mapping not found for \"%s\", server \"%s\"",
						GetUserNameFromId(GetUserId(), false), post->server->name),
				 errhint("Create one with CREATE USER MAPPING, for the role or for "
						 "PUBLIC.")));
	post->payload.id = msgext_node_id(msgext_outbox_next_id());
	prepare(post, &fragment);
	if (post->on_conflict == MSG_CONFLICT_DEBOUNCE)
		prepare_debounce(post, &fragment, created_at);
	return insert_message(post, &fragment, created_at);
}
