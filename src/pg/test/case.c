/*
 * case.c
 *		A test case, and its clock: begin(), freeze(), now(). See case.h.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/base/clock.h"
#include "pg/base/mode.h"
#include "pg/base/node.h"
#include "pg/store/outbox.h"
#include "pg/store/sequence.h"
#include "pg/test/case.h"

/* Between these years the clock of messages may stand. */
#define YEAR_MIN 2000
#define YEAR_MAX 9999

void
msgext_case_check(void)
{
	if (!msgext_mode_has_test_extension())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this is not a test database"),
				 errhint("Run CREATE EXTENSION msgext_test in one: nothing is sent from "
						 "there.")));
}

/* An id that no message has or will have, higher than all there were. */
static int64
take_id(void)
{
	return msgext_node_id(msgext_sequence_take(MSG_OUTBOX_IDS));
}

static void
begin(bool named, TimestampTz clock)
{
	MsgTestCase test = {0};
	int64 first;

	PreventCommandIfReadOnly("msgext_test");
	test.xid = U64FromFullTransactionId(GetTopFullTransactionId());
	first = named ? 0 : msgext_test_case_first(test.xid);
	test.number = first != 0 ? first : take_id();
	test.position = first != 0 ? first - 1 : test.number;
	test.named = named;
	test.clock = clock;
	msgext_test_case_set(&test);
}

const MsgTestCase *
msgext_case(void)
{
	msgext_case_check();
	if (msgext_test_case() == NULL)
		begin(false, 0);
	return msgext_test_case();
}

void
msgext_case_see(void)
{
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
}

void
msgext_case_unsee(void)
{
	PopActiveSnapshot();
}

List *
msgext_case_messages(MsgTable *outbox)
{
	const MsgTestCase *test = msgext_case();
	bool here = test->xid == U64FromFullTransactionId(GetTopFullTransactionIdIfAny());
	List *messages = NIL;
	TupleTableSlot *slot;
	ScanKeyData key;
	MsgScan *scan;

	msgext_key_int64(&key, 1, BTGreaterStrategyNumber, test->position);
	scan = msgext_table_scan(outbox, "outbox_pkey", GetActiveSnapshot(), &key, 1);
	while ((slot = msgext_scan_next(scan)) != NULL)
	{
		MsgRow *row = palloc(sizeof(MsgRow));

		/* What others have committed since is not of a case that began here. */
		msgext_outbox_read(outbox, slot, row);
		if (!here || row->xid == test->xid)
			messages = lappend(messages, row);
		CHECK_FOR_INTERRUPTS();
	}
	msgext_scan_end(scan);
	return messages;
}

void
msgext_case_no_message(int n, int sent)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("there is no message %d in this test", n),
					errdetail_plural("%d message was sent in it.",
									 "%d messages were sent in it.", sent, sent)));
}

const MsgRow *
msgext_case_message(MsgTable *outbox, int n)
{
	List *messages = msgext_case_messages(outbox);

	if (n < 1 || n > list_length(messages))
		msgext_case_no_message(n, list_length(messages));
	return list_nth(messages, n - 1);
}

TimestampTz
msgext_case_time(TimestampTz at)
{
	struct pg_tm tm;
	fsec_t fsec;
	int zone;

	if (TIMESTAMP_NOT_FINITE(at) ||
		timestamp2tm(at, &zone, &tm, &fsec, NULL, NULL) != 0 || tm.tm_year < YEAR_MIN ||
		tm.tm_year > YEAR_MAX || at <= 0)
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
						errmsg("the clock of a test stands between the years %d and %d",
							   YEAR_MIN, YEAR_MAX)));
	return at;
}

PG_FUNCTION_INFO_V1(msgext_test_begin);

PGDLLEXPORT Datum
msgext_test_begin(PG_FUNCTION_ARGS)
{
	msgext_case_check();
	begin(true, PG_ARGISNULL(0) ? 0 : msgext_case_time(PG_GETARG_TIMESTAMPTZ(0)));
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(msgext_test_freeze);

PGDLLEXPORT Datum
msgext_test_freeze(PG_FUNCTION_ARGS)
{
	MsgTestCase test = *msgext_case();

	test.clock =
		msgext_case_time(PG_ARGISNULL(0) ? msgext_clock() : PG_GETARG_TIMESTAMPTZ(0));
	msgext_test_case_set(&test);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(msgext_test_now);

PGDLLEXPORT Datum
msgext_test_now(PG_FUNCTION_ARGS)
{
	msgext_case_check();
	PG_RETURN_TIMESTAMPTZ(msgext_clock());
}

PG_FUNCTION_INFO_V1(msgext_test_end_case);

PGDLLEXPORT Datum
msgext_test_end_case(PG_FUNCTION_ARGS)
{
	const MsgTestCase none = {0};

	msgext_case_check();
	msgext_test_case_set(&none);
	PG_RETURN_VOID();
}
