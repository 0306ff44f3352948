/*
 * sent.c
 *		What was queued in a test: the view sent, and capture(). See sent.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "core/provider_list.h"
#include "core/describe.h"
#include "pg/base/arena_pg.h"
#include "pg/base/json_pg.h"
#include "pg/test/case.h"
#include "pg/test/sent.h"

enum
{
	SENT_N,
	SENT_SERVER,
	SENT_SENDER,
	SENT_RECIPIENT,
	SENT_STATE,
	SENT_OPERATION_ID,
	SENT_PRIORITY,
	SENT_SEND_IN,
	SENT_EXPIRES_IN,
	SENT_MESSAGE,
	SENT_PARTS,
	SENT_ID,
	SENT_COLUMNS
};

MsgJson *
msgext_sent_message(MsgArena *arena, const MsgRow *row)
{
	bytea *payload;

	if (msgext_row_is_erased(row))
		return msgext_json_new(arena, MSG_JSON_OBJECT);
	payload = msgext_row_payload(row);
	return msgext_describe(
		msgext_provider_find(msgext_row_text(row, Anum_outbox_provider)), arena,
		VARDATA_ANY(payload), VARSIZE_ANY_EXHDR(payload));
}

/* How many byte strings it has that are told by their size. */
static int
count_parts(const MsgJson *node)
{
	const MsgJson *child;
	int n =
		msgext_json_get(node, "bytes") != NULL && msgext_json_get(node, "sha256") != NULL;

	for (child = node->first; child != NULL; child = child->next)
		n += count_parts(child);
	return n;
}

/*
 * Callers reckon from now(), which was the same for a whole transaction; where the clock
 * stands still, a message was queued at it.
 */
static Datum
from_queued(const MsgRow *row, TimestampTz at)
{
	TimestampTz begun = GetCurrentTransactionStartTimestamp();
	TimestampTz base = row->created_at;

	if (row->xid == U64FromFullTransactionId(GetTopFullTransactionIdIfAny()) &&
		base >= begun && base <= GetCurrentTimestamp())
		base = begun;
	return DirectFunctionCall2(timestamp_mi, TimestampTzGetDatum(at),
							   TimestampTzGetDatum(base));
}

static void
put_text(const MsgRow *row, AttrNumber from, Datum *values, bool *nulls, int to)
{
	nulls[to] = row->nulls[from - 1];
	values[to] = row->values[from - 1];
}

static void
put_row(ReturnSetInfo *result, int n, const MsgRow *row)
{
	Datum values[SENT_COLUMNS] = {0};
	bool nulls[SENT_COLUMNS] = {false};
	MsgJson *message =
		msgext_sent_message(msgext_arena_pg_create(CurrentMemoryContext), row);

	values[SENT_N] = Int32GetDatum(n);
	put_text(row, Anum_outbox_server, values, nulls, SENT_SERVER);
	put_text(row, Anum_outbox_sender, values, nulls, SENT_SENDER);
	put_text(row, Anum_outbox_recipient, values, nulls, SENT_RECIPIENT);
	put_text(row, Anum_outbox_state, values, nulls, SENT_STATE);
	put_text(row, Anum_outbox_operation_id, values, nulls, SENT_OPERATION_ID);
	values[SENT_PRIORITY] = Int32GetDatum(row->priority);
	nulls[SENT_SEND_IN] = row->send_after == 0;
	if (row->send_after != 0)
		values[SENT_SEND_IN] = from_queued(row, row->send_after);
	nulls[SENT_EXPIRES_IN] = row->expires_at == 0;
	if (row->expires_at != 0)
		values[SENT_EXPIRES_IN] = from_queued(row, row->expires_at);
	values[SENT_MESSAGE] = JsonbPGetDatum(msgext_json_to_jsonb_whole(message));
	values[SENT_PARTS] = Int32GetDatum(count_parts(message));
	values[SENT_ID] = Int64GetDatum(row->id);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Those behind the first ones of the case. */
static void
put_messages(ReturnSetInfo *result, int first)
{
	MsgTable *outbox = msgext_outbox_open(false);
	List *messages;
	int i;

	msgext_case_see();
	messages = msgext_case_messages(outbox);
	for (i = first; i < list_length(messages); i++)
		put_row(result, i + 1, list_nth(messages, i));
	msgext_case_unsee();
	msgext_table_close(outbox);
}

static int
count_messages(void)
{
	MsgTable *outbox = msgext_outbox_open(false);
	int n;

	msgext_case_see();
	n = list_length(msgext_case_messages(outbox));
	msgext_case_unsee();
	msgext_table_close(outbox);
	return n;
}

PG_FUNCTION_INFO_V1(msgext_test_messages);

PGDLLEXPORT Datum
msgext_test_messages(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	put_messages((ReturnSetInfo *) fcinfo->resultinfo, 0);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(msgext_test_capture);

/* Runs the statement as its caller would. */
PGDLLEXPORT Datum
msgext_test_capture(PG_FUNCTION_ARGS)
{
	char *sql = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int before = count_messages();
	int result;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	result = SPI_execute(sql, false, 0);
	if (result < 0)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("capture() cannot run this statement: %s",
							   SPI_result_code_string(result))));
	SPI_finish();
	put_messages((ReturnSetInfo *) fcinfo->resultinfo, before);
	return (Datum) 0;
}
