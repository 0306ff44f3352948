/*
 * server_status.c
 *		What the view server_status shows.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "pg/base/compat.h"
#include "pg/catalog/access.h"
#include "pg/monitor/server_state.h"

enum
{
	COUNTS_SERVER,
	COUNTS_PROVIDER,
	COUNTS_PAUSED,
	COUNTS_PAUSE_REASON,
	COUNTS_QUEUED,
	COUNTS_IN_FLIGHT,
	COUNTS_UNKNOWN,
	COUNTS_OLDEST,
	COUNTS_LAST_ERROR,
	COUNTS_LAST_ERROR_AT,
	COUNTS_LAST_SUCCESS_AT,
	COUNTS_PAUSED_ACCOUNTS,
	COUNTS_STRANDED,
	COUNTS_EXACT,
	COUNTS_BROKEN_AT,
	COUNTS_PROBE_AT,
	COUNTS_PROBES,
	COUNTS_COLUMNS
};

static Datum
text_array(const List *texts)
{
	ArrayBuildState *array = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	ListCell *cell;

	foreach (cell, texts)
		accumArrayResult(array, CStringGetTextDatum(lfirst(cell)), false, TEXTOID,
						 CurrentMemoryContext);
	return makeArrayResult(array, CurrentMemoryContext);
}

PG_FUNCTION_INFO_V1(msgext_server_counts);

PGDLLEXPORT Datum
msgext_server_counts(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext per_server;
	MsgInFlight *in_flight = NULL;
	ListCell *cell;

	InitMaterializedSRF(fcinfo, 0);
	per_server = AllocSetContextCreate(CurrentMemoryContext, "msgext server counts",
									   ALLOCSET_DEFAULT_SIZES);
	foreach (cell, msgext_server_entries())
	{
		const MsgServerEntry *server = lfirst(cell);
		Datum values[COUNTS_COLUMNS] = {0};
		bool nulls[COUNTS_COLUMNS] = {false};
		MemoryContext before;
		MsgServerState state;

		if (!msgext_access_monitor(server->oid))
			continue;
		if (in_flight == NULL)
			in_flight = msgext_in_flight_read();
		before = MemoryContextSwitchTo(per_server);
		msgext_server_state_read(server, in_flight, true, &state);
		values[COUNTS_SERVER] = CStringGetTextDatum(server->name);
		values[COUNTS_PROVIDER] = CStringGetTextDatum(server->provider_name);
		values[COUNTS_PAUSED] = BoolGetDatum(state.pause.paused);
		nulls[COUNTS_PAUSE_REASON] = state.pause.reason == NULL;
		if (state.pause.reason != NULL)
			values[COUNTS_PAUSE_REASON] = CStringGetTextDatum(state.pause.reason);
		values[COUNTS_QUEUED] = Int64GetDatum(state.counts.queued);
		values[COUNTS_IN_FLIGHT] = Int64GetDatum(state.counts.in_flight);
		values[COUNTS_UNKNOWN] = Int64GetDatum(state.counts.unknown);
		nulls[COUNTS_OLDEST] = state.counts.oldest == 0;
		values[COUNTS_OLDEST] = TimestampTzGetDatum(state.counts.oldest);
		nulls[COUNTS_LAST_ERROR] = nulls[COUNTS_LAST_ERROR_AT] =
			state.health.last_error_at == 0;
		values[COUNTS_LAST_ERROR] = CStringGetTextDatum(state.health.last_error);
		values[COUNTS_LAST_ERROR_AT] = TimestampTzGetDatum(state.health.last_error_at);
		nulls[COUNTS_LAST_SUCCESS_AT] = state.health.last_success_at == 0;
		values[COUNTS_LAST_SUCCESS_AT] =
			TimestampTzGetDatum(state.health.last_success_at);
		values[COUNTS_PAUSED_ACCOUNTS] = text_array(state.paused_accounts);
		values[COUNTS_STRANDED] = Int64GetDatum(state.health.stranded);
		values[COUNTS_EXACT] = BoolGetDatum(state.counts.exact);
		nulls[COUNTS_BROKEN_AT] = nulls[COUNTS_PROBE_AT] = state.health.broken_at == 0;
		values[COUNTS_BROKEN_AT] = TimestampTzGetDatum(state.health.broken_at);
		values[COUNTS_PROBE_AT] = TimestampTzGetDatum(state.health.probe_at);
		values[COUNTS_PROBES] = Int32GetDatum(state.health.probes);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		MemoryContextSwitchTo(before);
		MemoryContextReset(per_server);
	}
	return (Datum) 0;
}
