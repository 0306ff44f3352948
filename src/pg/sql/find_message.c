/*
 * find_message.c
 *		find_message(), find_messages(): by the provider's id, by the caller's own words.
 *		Reads only.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/snapmgr.h"

#include "pg/base/run_as.h"
#include "pg/sql/row_access.h"
#include "pg/store/reference.h"
#include "pg/store/relation.h"

PG_FUNCTION_INFO_V1(msgext_find_message);

/* NULL also where it is not for the current user to see: he learns nothing of others'. */
PGDLLEXPORT Datum
msgext_find_message(PG_FUNCTION_ARGS)
{
	MsgServer *server = msgext_access_server(NameStr(*PG_GETARG_NAME(0)));
	MsgTable *references = msgext_reference_open(false);
	MsgTable *outbox = msgext_outbox_open(false);
	int64 id =
		msgext_reference_find(references, server->oid,
							  text_to_cstring(PG_GETARG_TEXT_PP(1)), GetActiveSnapshot());
	MsgRow row;

	if (id != 0 && (!msgext_outbox_find(outbox, id, GetActiveSnapshot(), &row) ||
					!msgext_row_may(MSG_ACCESS_SEE, &row, InvalidOid)))
		id = 0;
	msgext_table_close(outbox);
	msgext_table_close(references);
	if (id == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(id);
}

/* So many are in memory at a time: others may have any number. */
#define BATCH 1000

/*
 * What has this in its ref, and what says whose it is. The operator of the index is not
 * leak-proof, so that under row-level security it comes after the policy, and every row is
 * read. Hence it is asked as the owner of the table, and what may be seen is sorted out here.
 */
static Portal
open_by_ref(Oid owner, Datum ref)
{
	Oid types[] = {JSONBOID};
	Datum values[] = {ref};
	MsgRunAs before = msgext_run_as(owner);
	Portal found = SPI_cursor_open_with_args(
		NULL,
		psprintf("SELECT o.id, o.sender_oid, o.sender, o.origin FROM %s o "
				 "WHERE o.ref OPERATOR(pg_catalog.@>) $1",
				 msgext_relation_sql("outbox")),
		lengthof(types), types, values, NULL, true, CURSOR_OPT_NO_SCROLL);

	msgext_run_as_end(&before);
	return found;
}

/* The next of them, as the owner too; false at the end. */
static bool
fetch(Oid owner, Portal found)
{
	MsgRunAs before = msgext_run_as(owner);

	SPI_cursor_fetch(found, true, BATCH);
	msgext_run_as_end(&before);
	return SPI_processed > 0;
}

static bool
may_see(HeapTuple row, TupleDesc desc)
{
	bool isnull;
	Oid sender = DatumGetObjectId(SPI_getbinval(row, desc, 2, &isnull));
	int64 origin = DatumGetInt64(SPI_getbinval(row, desc, 4, &isnull));

	return msgext_access_message(MSG_ACCESS_SEE, sender, SPI_getvalue(row, desc, 3),
								 origin != msgext_origin(), InvalidOid);
}

PG_FUNCTION_INFO_V1(msgext_find_messages);

PGDLLEXPORT Datum
msgext_find_messages(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Jsonb *ref = PG_GETARG_JSONB_P(0);
	MsgTable *outbox = msgext_outbox_open(false);
	Oid owner = outbox->rel->rd_rel->relowner;
	MemoryContext before;
	MemoryContext batch;
	Portal found;

	if (!JB_ROOT_IS_OBJECT(ref) || JB_ROOT_COUNT(ref) == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("ref must be a JSON object with at least one member")));
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	SPI_connect();
	found = open_by_ref(owner, JsonbPGetDatum(ref));
	batch = AllocSetContextCreate(CurrentMemoryContext, "msgext found messages",
								  ALLOCSET_DEFAULT_SIZES);
	while (fetch(owner, found))
	{
		uint64 i;

		before = MemoryContextSwitchTo(batch);
		for (i = 0; i < SPI_processed; i++)
		{
			HeapTuple row = SPI_tuptable->vals[i];
			TupleDesc desc = SPI_tuptable->tupdesc;
			bool isnull;
			Datum id = SPI_getbinval(row, desc, 1, &isnull);

			if (may_see(row, desc))
				tuplestore_putvalues(result->setResult, result->setDesc, &id, &isnull);
		}
		MemoryContextSwitchTo(before);
		MemoryContextReset(batch);
		SPI_freetuptable(SPI_tuptable);
		CHECK_FOR_INTERRUPTS();
	}
	SPI_cursor_close(found);
	SPI_finish();
	msgext_table_close(outbox);
	return (Datum) 0;
}
