/*
 * view.c
 *		What views and policies stand on: may_see() and messages_in_flight(), of messages;
 *		may_consume() and check_consume(), of pushes. Reads only.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "pg/sql/row_access.h"
#include "pg/store/under_way.h"

PG_FUNCTION_INFO_V1(msgext_may_see);

PGDLLEXPORT Datum
msgext_may_see(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(msgext_access_message(
		MSG_ACCESS_SEE, PG_GETARG_OID(0), text_to_cstring(PG_GETARG_TEXT_PP(1)),
		PG_GETARG_INT64(2) != msgext_origin(), InvalidOid));
}

PG_FUNCTION_INFO_V1(msgext_may_consume);

/* A server that is gone has no more pushes to be taken; in a copy its name counts. */
PGDLLEXPORT Datum
msgext_may_consume(PG_FUNCTION_ARGS)
{
	bool foreign = PG_GETARG_INT64(2) != msgext_origin();
	MsgServer *server = foreign
							? msgext_server_find(text_to_cstring(PG_GETARG_TEXT_PP(1)))
							: msgext_server_get(PG_GETARG_OID(0));

	PG_RETURN_BOOL(server != NULL && msgext_access_may_consume(server->oid));
}

PG_FUNCTION_INFO_V1(msgext_check_consume);

/* Who asks for pushes that row-level security hides would wait for them for ever. */
PGDLLEXPORT Datum
msgext_check_consume(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("server must not be null")));
	msgext_access_consume_as(GetUserId(),
							 msgext_access_server(NameStr(*PG_GETARG_NAME(0))));
	PG_RETURN_VOID();
}

static bool
may_see(TupleTableSlot *row)
{
	Oid sender = msgext_column_oid(row, Anum_outbox_sender_oid);
	int64 origin = msgext_column_int64(row, Anum_outbox_origin);

	return msgext_access_message(MSG_ACCESS_SEE, sender,
								 msgext_column_text(row, Anum_outbox_sender),
								 origin != msgext_origin(), InvalidOid);
}

PG_FUNCTION_INFO_V1(msgext_messages_in_flight);

/* A claimed message still says queued in its row: what is on its way is in claim. */
PGDLLEXPORT Datum
msgext_messages_in_flight(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MsgUnderWay *under_way = msgext_under_way_begin();
	MemoryContext before = CurrentMemoryContext;
	MemoryContext each =
		AllocSetContextCreate(before, "msgext message", ALLOCSET_DEFAULT_SIZES);
	TupleTableSlot *row;
	bool isnull;

	InitMaterializedSRF(fcinfo, 0);
	while ((row = msgext_under_way_next(under_way)) != NULL)
	{
		bool nulls[] = {false, false};
		Datum values[2];

		MemoryContextSwitchTo(each);
		if (may_see(row))
		{
			int32 attempts = msgext_column_int32(row, Anum_outbox_attempts);

			values[0] = slot_getattr(row, Anum_outbox_id, &isnull);
			values[1] = Int32GetDatum(attempts + 1);
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
		MemoryContextSwitchTo(before);
		MemoryContextReset(each);
	}
	MemoryContextDelete(each);
	msgext_under_way_end(under_way);
	return (Datum) 0;
}
