/*
 * view.c
 *		What the views message and message_event stand on. Reads only.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "pg/sql/row_access.h"
#include "pg/store/claim.h"

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

PG_FUNCTION_INFO_V1(msgext_messages_in_flight);

/* A claimed message still says queued in its row: what is on its way is in claim. */
PGDLLEXPORT Datum
msgext_messages_in_flight(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MsgTable *claims = msgext_claim_open(false);
	MsgTable *outbox = msgext_outbox_open(false);
	TableScanDesc scan = table_beginscan(claims->rel, GetActiveSnapshot(), 0, NULL);
	TupleTableSlot *slot = table_slot_create(claims->rel, NULL);

	InitMaterializedSRF(fcinfo, 0);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		MsgClaim claim;
		int i;

		msgext_claim_read(slot, &claim);
		for (i = 0; i < claim.n; i++)
		{
			Datum values[] = {Int64GetDatum(claim.messages[i]),
							  Int32GetDatum(claim.attempts[i])};
			bool nulls[] = {false, false};
			MsgRow row;

			if (msgext_outbox_find(outbox, claim.messages[i], GetActiveSnapshot(),
								   &row) &&
				msgext_row_may(MSG_ACCESS_SEE, &row, InvalidOid))
				tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
		CHECK_FOR_INTERRUPTS();
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	msgext_table_close(outbox);
	msgext_table_close(claims);
	return (Datum) 0;
}
