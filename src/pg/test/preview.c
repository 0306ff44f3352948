/*
 * preview.c
 *		request(): the bytes of a message's next attempt, as its codec writes them. See
 *		preview.h.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "pg/base/json_pg.h"
#include "pg/base/text.h"
#include "pg/engine/request.h"
#include "pg/engine/scrub.h"
#include "pg/test/case.h"
#include "pg/test/preview.h"

enum
{
	REQUEST_METHOD,
	REQUEST_URL,
	REQUEST_HEADERS,
	REQUEST_BODY,
	REQUEST_BYTES,
	REQUEST_COLUMNS
};

char *
msgext_preview_masked(const MsgFlight *flight, const char *bytes, size_t len)
{
	char *copy = msgext_strndup(flight->arena, bytes, len);

	msgext_mask(copy, len, &flight->secrets);
	return copy;
}

Jsonb *
msgext_preview_headers(const MsgFlight *flight)
{
	MsgJson *headers = msgext_json_new(flight->arena, MSG_JSON_OBJECT);
	int i;

	for (i = 0; i < flight->request.nheaders; i++)
	{
		char *line = msgext_preview_masked(flight, flight->request.headers[i],
										   strlen(flight->request.headers[i]));
		char *value = strchr(line, ':');

		/* "Name:" keeps the client from sending one of its own. */
		if (value == NULL || value[1] == '\0')
			continue;
		*value++ = '\0';
		msgext_json_set_text(flight->arena, headers, line, value + strspn(value, " "));
	}
	return msgext_json_to_jsonb_whole(headers);
}

char *
msgext_preview_text(const char *body, size_t len)
{
	if (memchr(body, '\0', len) != NULL || !pg_verify_mbstr(PG_UTF8, body, len, true))
		return NULL;
	return msgext_from_utf8(pnstrdup(body, len));
}

const MsgLogin msgext_preview_login = {
	.verdict = MSG_VERDICT_ACCEPTED,
	.retry_after_ms = -1,
	.session = {.token = "token-of-a-test", .by_password = true},
};

MsgFlight *
msgext_preview_flight(MsgFlights *flights, const MsgRow *row, MsgFlightKind kind)
{
	MsgSessions *sessions = msgext_sessions_create(flights->context);
	MsgUpstream *upstream = palloc0(sizeof(MsgUpstream));
	MsgAccount *account;
	MsgFlight *flight;
	TimestampTz until;

	upstream->oid = row->server_oid;
	upstream->server = msgext_server_get(row->server_oid);
	if (upstream->server == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("server \"%s\" does not exist",
							   msgext_row_text(row, Anum_outbox_server))));
	upstream->name = upstream->server->name;
	account = msgext_server_account(upstream->server, row->sender_oid,
									msgext_row_text(row, Anum_outbox_sender));
	if (account->error != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the message cannot be sent: %s",
							   msgext_from_utf8(account->error))));
	msgext_sessions_grant(sessions, &msgext_preview_login);
	(void) msgext_session_need(sessions, flights, upstream, account, 0, &until);
	flight = msgext_flight_create(flights, kind, upstream, account);
	msgext_session_use(sessions, flight);
	msgext_flight_load(flights, flight, row);
	return flight;
}

static Datum
describe(FunctionCallInfo fcinfo, MsgFlight *flight)
{
	const MsgRequest *request = &flight->request;
	Datum values[REQUEST_COLUMNS] = {0};
	bool nulls[REQUEST_COLUMNS] = {false};
	TupleDesc desc;
	char *body;
	char *text;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	msgext_scrub_secrets(flight);
	body = msgext_preview_masked(flight, request->body != NULL ? request->body : "",
								 request->body_len);
	text = msgext_preview_text(body, request->body_len);
	values[REQUEST_METHOD] = CStringGetTextDatum(request->method);
	values[REQUEST_URL] = CStringGetTextDatum(msgext_from_utf8(
		msgext_preview_masked(flight, request->url, strlen(request->url))));
	values[REQUEST_HEADERS] = JsonbPGetDatum(msgext_preview_headers(flight));
	nulls[REQUEST_BODY] = text == NULL;
	if (text != NULL)
		values[REQUEST_BODY] = CStringGetTextDatum(text);
	values[REQUEST_BYTES] =
		PointerGetDatum(cstring_to_text_with_len(body, request->body_len));
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

PG_FUNCTION_INFO_V1(msgext_test_request);

PGDLLEXPORT Datum
msgext_test_request(PG_FUNCTION_ARGS)
{
	MsgTable *outbox = msgext_outbox_open(false);
	MsgError error = {0};
	MsgFlights flights;
	MsgFlight *flight;
	Datum result = (Datum) 0;

	msgext_case_see();
	msgext_flights_init(&flights, CurrentMemoryContext);
	PG_TRY();
	{
		flight = msgext_preview_flight(
			&flights, msgext_case_message(outbox, PG_GETARG_INT32(0)), MSG_FLIGHT_SEND);
		if (!msgext_request_encode(flight, &error))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("the message cannot be sent: %s",
								   msgext_from_utf8(error.text))));
		result = describe(fcinfo, flight);
	}
	PG_FINALLY();
	{
		msgext_flights_release(&flights);
	}
	PG_END_TRY();
	msgext_case_unsee();
	msgext_table_close(outbox);
	PG_RETURN_DATUM(result);
}
