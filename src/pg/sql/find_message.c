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

/*
 * Ids of the messages that have this in their ref. The operator of the index is not
 * leak-proof, so that under row-level security it comes after the policy, and every row is
 * read. Hence it is asked as the owner of the table, and what may be seen is sorted out here.
 */
static SPITupleTable *
find_by_ref(MsgTable *outbox, Datum ref)
{
	Oid types[] = {JSONBOID};
	Datum values[] = {ref};
	MsgRunAs before = msgext_run_as(outbox->rel->rd_rel->relowner);

	if (SPI_execute_with_args(psprintf("SELECT o.id FROM %s o "
									   "WHERE o.ref OPERATOR(pg_catalog.@>) $1",
									   msgext_relation_sql("outbox")),
							  1, types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not look for messages");
	msgext_run_as_end(&before);
	return SPI_tuptable;
}

PG_FUNCTION_INFO_V1(msgext_find_messages);

PGDLLEXPORT Datum
msgext_find_messages(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Jsonb *ref = PG_GETARG_JSONB_P(0);
	MsgTable *outbox = msgext_outbox_open(false);
	SPITupleTable *found;
	uint64 i;

	if (!JB_ROOT_IS_OBJECT(ref) || JB_ROOT_COUNT(ref) == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("ref must be a JSON object with at least one member")));
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	SPI_connect();
	found = find_by_ref(outbox, JsonbPGetDatum(ref));
	for (i = 0; i < found->numvals; i++)
	{
		bool isnull = false;
		Datum id = SPI_getbinval(found->vals[i], found->tupdesc, 1, &isnull);
		MsgRow row;

		CHECK_FOR_INTERRUPTS();
		if (!msgext_outbox_find(outbox, DatumGetInt64(id), GetActiveSnapshot(), &row))
			continue;
		if (msgext_row_may(MSG_ACCESS_SEE, &row, InvalidOid))
			tuplestore_putvalues(result->setResult, result->setDesc, &id, &isnull);
		heap_freetuple(row.tuple);
	}
	SPI_finish();
	msgext_table_close(outbox);
	return (Datum) 0;
}
