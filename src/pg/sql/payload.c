/*
 * payload.c
 *		message_payload() and message_bytes(): what is sent of a message, for its sender
 *		and for those with the right can_read_payload(). Reads only.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/snapmgr.h"

#include "core/provider_list.h"
#include "core/describe.h"
#include "pg/base/arena_pg.h"
#include "pg/base/json_pg.h"
#include "pg/sql/invalid.h"
#include "pg/sql/row_access.h"

/*
 * NULL when there is no such message, it is not the current user's to read, or its payload
 * has been removed.
 */
static bytea *
read_payload(int64 id, MsgRow *row)
{
	MsgTable *outbox = msgext_outbox_open(false);
	bytea *payload = NULL;

	if (msgext_outbox_find(outbox, id, GetActiveSnapshot(), row) &&
		msgext_row_may(MSG_ACCESS_PAYLOAD, row, InvalidOid) && !msgext_row_is_erased(row))
		payload = msgext_row_payload(row);
	msgext_table_close(outbox);
	return payload;
}

PG_FUNCTION_INFO_V1(msgext_message_bytes);

PGDLLEXPORT Datum
msgext_message_bytes(PG_FUNCTION_ARGS)
{
	MsgRow row;
	bytea *payload = read_payload(PG_GETARG_INT64(0), &row);

	if (payload == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(payload);
}

PG_FUNCTION_INFO_V1(msgext_message_payload);

PGDLLEXPORT Datum
msgext_message_payload(PG_FUNCTION_ARGS)
{
	MsgRow row;
	bytea *payload = read_payload(PG_GETARG_INT64(0), &row);
	const MsgProvider *provider = NULL;
	MsgArena *arena;
	MsgJson *told = NULL;
	MsgError error;

	if (payload == NULL)
		PG_RETURN_NULL();
	arena = msgext_arena_pg_create(CurrentMemoryContext);
	if (msgext_invalid_is(&row))
		told = msgext_describe_json(arena, VARDATA_ANY(payload),
									VARSIZE_ANY_EXHDR(payload), &error);
	else
		provider = msgext_provider_find(msgext_row_text(&row, Anum_outbox_provider));
	if (told == NULL)
		told = msgext_describe(provider, arena, VARDATA_ANY(payload),
							   VARSIZE_ANY_EXHDR(payload));
	PG_RETURN_JSONB_P(msgext_json_to_jsonb_whole(told));
}
