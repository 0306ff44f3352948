/*
 * run.c
 *		What a test has happen to its messages: run(), advance(), answer(), report(),
 *		callback().
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "pg/base/clock.h"
#include "pg/base/text.h"
#include "pg/catalog/access.h"
#include "pg/inbound/receive.h"
#include "pg/test/case.h"
#include "pg/test/preview.h"
#include "pg/test/rehearsal.h"

/* What is done with a rehearsal. */
typedef struct Order
{
	void (*work)(MsgRehearsal *rehearsal, const struct Order *order);
	TimestampTz until;
	int n;
	MsgScripted answer;
	MsgState state;
	const char *channel;
} Order;

static List *
rehearse(const Order *order)
{
	MsgRehearsal *rehearsal = msgext_rehearsal_begin();
	List *volatile happenings = NIL;

	PG_TRY();
	{
		order->work(rehearsal, order);
		happenings = msgext_rehearsal_finish(rehearsal);
	}
	PG_FINALLY();
	{
		msgext_rehearsal_end(rehearsal);
	}
	PG_END_TRY();
	return happenings;
}

static Datum
put_happenings(FunctionCallInfo fcinfo, List *happenings)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach (cell, happenings)
	{
		const MsgHappening *happening = lfirst(cell);
		Datum values[4] = {Int32GetDatum(happening->n), Int32GetDatum(happening->attempt),
						   (Datum) 0, CStringGetTextDatum(happening->state)};
		bool nulls[4] = {false, happening->attempt == 0, happening->answer == NULL,
						 false};

		if (happening->answer != NULL)
			values[2] = CStringGetTextDatum(happening->answer);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

static void
do_run(MsgRehearsal *rehearsal, const Order *order)
{
	msgext_rehearsal_run(rehearsal);
}

PG_FUNCTION_INFO_V1(msgext_test_run);

PGDLLEXPORT Datum
msgext_test_run(PG_FUNCTION_ARGS)
{
	Order order = {do_run};

	return put_happenings(fcinfo, rehearse(&order));
}

static void
do_advance(MsgRehearsal *rehearsal, const Order *order)
{
	msgext_rehearsal_advance(rehearsal, order->until);
}

PG_FUNCTION_INFO_V1(msgext_test_advance);

PGDLLEXPORT Datum
msgext_test_advance(PG_FUNCTION_ARGS)
{
	Order order = {do_advance};
	TimestampTz now;

	(void) msgext_case();
	now = msgext_clock();
	order.until = msgext_case_time(DatumGetTimestampTz(
		DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(now),
							PointerGetDatum(PG_GETARG_INTERVAL_P(0)))));
	if (order.until < now)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("time does not go back")));
	return put_happenings(fcinfo, rehearse(&order));
}

static Datum
state_of(int n)
{
	MsgTable *outbox = msgext_outbox_open(false);
	const char *state;

	msgext_case_see();
	state = msgext_state_name(msgext_case_message(outbox, n)->state);
	msgext_case_unsee();
	msgext_table_close(outbox);
	return CStringGetTextDatum(state);
}

static void
do_answer(MsgRehearsal *rehearsal, const Order *order)
{
	msgext_rehearsal_answer(rehearsal, order->n, &order->answer);
}

PG_FUNCTION_INFO_V1(msgext_test_answer);

/* n, status, body, headers */
PGDLLEXPORT Datum
msgext_test_answer(PG_FUNCTION_ARGS)
{
	Order order = {do_answer};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("n and status must not be null")));
	order.n = PG_GETARG_INT32(0);
	order.answer.kind = MSG_REPLY_HTTP;
	order.answer.status = PG_GETARG_INT32(1);
	if (order.answer.status < 100 || order.answer.status > 599)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("status must be between 100 and 599")));
	order.answer.text = psprintf("http %d", order.answer.status);
	order.answer.retry_after = -1;
	if (!PG_ARGISNULL(2))
	{
		bytea *body = PG_GETARG_BYTEA_PP(2);

		order.answer.body = VARDATA_ANY(body);
		order.answer.body_len = VARSIZE_ANY_EXHDR(body);
	}
	order.answer.headers =
		msgext_scripted_headers(PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3));
	(void) rehearse(&order);
	return state_of(order.n);
}

/*
 * The provider's push of this, where it pushes such; false where it has no words for it in
 * a push.
 */
static bool
push(const MsgRow *row, MsgState state, const char *channel)
{
	MsgServer *server = msgext_server_get(row->server_oid);
	MsgSample sample = {.state = state, .channel = channel};
	MsgError error = {0};
	MsgFlights flights;
	MsgReply reply;
	volatile bool said = false;

	if (server == NULL || (server->provider->caps & MSG_CAN_CALLBACK) == 0 ||
		server->provider->sample_reply == NULL)
		return false;
	sample.at_us = msgext_unix_us(msgext_clock());
	msgext_flights_init(&flights, CurrentMemoryContext);
	PG_TRY();
	{
		MsgFlight *flight = msgext_preview_flight(&flights, row, MSG_FLIGHT_POLL);

		said =
			server->provider->sample_reply(flight->arena, &flight->conn, MSG_SAMPLE_PUSH,
										   flight->jobs, &sample, 1, &reply, &error);
		if (said)
			(void) msgext_receive_from_sql(server, NULL, reply.body, reply.body_len);
	}
	PG_FINALLY();
	{
		msgext_flights_release(&flights);
	}
	PG_END_TRY();
	return said;
}

static void
do_ask(MsgRehearsal *rehearsal, const Order *order)
{
	msgext_rehearsal_ask(rehearsal, order->n, order->state, order->channel);
}

PG_FUNCTION_INFO_V1(msgext_test_report);

/* n, status, channel */
PGDLLEXPORT Datum
msgext_test_report(PG_FUNCTION_ARGS)
{
	Order order = {do_ask};
	MsgTable *outbox;
	const MsgRow *row;
	bool pushed;
	char *status;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("n and status must not be null")));
	PreventCommandIfReadOnly("msgext_test");
	order.n = PG_GETARG_INT32(0);
	status = text_to_cstring(PG_GETARG_TEXT_PP(1));
	order.channel = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));
	if (!msgext_state_parse(status, &order.state))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("\"%s\" is not a state of a message", status)));
	outbox = msgext_outbox_open(false);
	msgext_case_see();
	row = msgext_case_message(outbox, order.n);
	if (row->nulls[Anum_outbox_provider_id - 1])
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("the provider knows nothing of message %d", order.n),
						errdetail("It is %s.", msgext_state_name(row->state)),
						errhint("Have it accepted first, by run().")));
	pushed = push(row, order.state, order.channel);
	msgext_case_unsee();
	msgext_table_close(outbox);
	if (!pushed)
		(void) rehearse(&order);
	return state_of(order.n);
}

PG_FUNCTION_INFO_V1(msgext_test_callback);

/* receive_callback() needs a right that tests have not. */
PGDLLEXPORT Datum
msgext_test_callback(PG_FUNCTION_ARGS)
{
	(void) msgext_case();
	PG_RETURN_INT32(msgext_receive_call(fcinfo, "msgext_test"));
}
