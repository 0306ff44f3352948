/*
 * post_message.c
 *		post_message(), post_message_outcome() and send_vk(): their arguments, for
 *		post.h; and server_of(), for what providers have of the kind in SQL.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "pg/base/arena_pg.h"
#include "pg/base/json_pg.h"
#include "pg/base/text.h"
#include "pg/catalog/access.h"
#include "pg/sql/post.h"

MsgPart *
msgext_post_parts(MsgArena *arena, ArrayType *array, int *n)
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

/* Arguments from operation_id to expires_at, and from ref on, are the same for all. */
static void
read_common(MsgPost *post, FunctionCallInfo fcinfo, int first, int ref)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("server must not be null")));
	post->server = msgext_access_server(NameStr(*PG_GETARG_NAME(0)));
	post->arena = msgext_arena_pg_create(CurrentMemoryContext);
	post->operation_id =
		PG_ARGISNULL(first) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(first));
	post->priority =
		PG_ARGISNULL(first + 1) ? MSG_PRIORITY_USUAL : PG_GETARG_INT32(first + 1);
	post->send_after = PG_ARGISNULL(first + 2) ? 0 : PG_GETARG_TIMESTAMPTZ(first + 2);
	post->expires_at = PG_ARGISNULL(first + 3) ? 0 : PG_GETARG_TIMESTAMPTZ(first + 3);
	post->ref = PG_ARGISNULL(ref) ? NULL : PG_GETARG_JSONB_P(ref);
	if (!PG_ARGISNULL(ref + 1))
		post->on_conflict =
			msgext_post_on_conflict(text_to_cstring(PG_GETARG_TEXT_PP(ref + 1)));
	if (!PG_ARGISNULL(ref + 2))
		post->on_invalid =
			msgext_post_on_invalid(text_to_cstring(PG_GETARG_TEXT_PP(ref + 2)));
	post->expires_after = PG_ARGISNULL(ref + 3) ? NULL : PG_GETARG_INTERVAL_P(ref + 3);
}

static int64
post_message(MsgPost *post, FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("message must not be null")));
	read_common(post, fcinfo, 2, 7);
	post->payload.message = msgext_json_from_jsonb(post->arena, PG_GETARG_JSONB_P(1));
	if (!PG_ARGISNULL(6))
		post->payload.parts = msgext_post_parts(post->arena, PG_GETARG_ARRAYTYPE_P(6),
												&post->payload.nparts);
	return msgext_post(post);
}

PG_FUNCTION_INFO_V1(msgext_post_message);

PGDLLEXPORT Datum
msgext_post_message(PG_FUNCTION_ARGS)
{
	MsgPost post = {0};

	PG_RETURN_INT64(post_message(&post, fcinfo));
}

static Datum
text_or_null(const char *utf8, bool *isnull)
{
	*isnull = utf8[0] == '\0';
	return *isnull ? (Datum) 0 : CStringGetTextDatum(msgext_from_utf8(utf8));
}

PG_FUNCTION_INFO_V1(msgext_post_message_outcome);

PGDLLEXPORT Datum
msgext_post_message_outcome(PG_FUNCTION_ARGS)
{
	static const char *const outcomes[] = {
		[MSG_POSTED_NEW] = "queued",
		[MSG_POSTED_REPEATED] = "repeated",
		[MSG_POSTED_REPLACED] = "replaced",
		[MSG_POSTED_INVALID] = "invalid",
	};
	MsgPost post = {0};
	bool nulls[5] = {0};
	Datum values[5];
	TupleDesc desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int64GetDatum(post_message(&post, fcinfo));
	values[1] = CStringGetTextDatum(outcomes[post.posted]);
	if (post.posted != MSG_POSTED_INVALID)
		memset(&post.error, 0, sizeof(post.error));
	values[2] = text_or_null(post.error.code, &nulls[2]);
	values[3] = text_or_null(post.error.path, &nulls[3]);
	values[4] = text_or_null(post.error.text, &nulls[4]);
	PG_RETURN_DATUM(
		HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* What is said in one provider's words is nothing to another, or something else. */
static void
check_provider(const MsgServer *server, const char *provider)
{
	if (strcmp(server->provider->name, provider) != 0)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("server \"%s\" is not a server of msgext_%s", server->name,
							   provider),
						errhint("Use post_message() for other providers.")));
}

PG_FUNCTION_INFO_V1(msgext_server_of);

PGDLLEXPORT Datum
msgext_server_of(PG_FUNCTION_ARGS)
{
	check_provider(msgext_access_server(NameStr(*PG_GETARG_NAME(0))),
				   text_to_cstring(PG_GETARG_TEXT_PP(1)));
	PG_RETURN_NAME(PG_GETARG_NAME(0));
}

PG_FUNCTION_INFO_V1(msgext_send_vk);

PGDLLEXPORT Datum
msgext_send_vk(PG_FUNCTION_ARGS)
{
	static const char *const blocks[] = {"vk", "viber", "sms"};
	MsgPost post = {0};
	MsgJson *message;
	int i;

	read_common(&post, fcinfo, 4, 8);
	check_provider(post.server, "devino");
	message = msgext_json_new(post.arena, MSG_JSON_OBJECT);
	for (i = 0; i < lengthof(blocks); i++)
		if (!PG_ARGISNULL(1 + i))
			msgext_json_set(message, blocks[i],
							msgext_json_from_jsonb(post.arena, PG_GETARG_JSONB_P(1 + i)));
	post.payload.message = message;
	PG_RETURN_INT64(msgext_post(&post));
}
