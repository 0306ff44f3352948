/*
 * statistics.c
 *		What the views pg_stat_msgext and pg_stat_msgext_worker show, metrics() and
 *		stats_reset().
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/lengthof.h"
#include "pg/base/arena_pg.h"
#include "pg/base/text.h"
#include "pg/catalog/access.h"
#include "pg/monitor/metrics.h"
#include "pg/store/activity.h"
#include "pg/store/statistic.h"

enum
{
	COLUMN_SERVER,
	COLUMN_PROVIDER,
	COLUMN_COUNTERS,
	COLUMN_TIMES = COLUMN_COUNTERS + MSG_COUNTERS, /* of each, buckets and their sum */
	COLUMN_RESET = COLUMN_TIMES + 2 * MSG_TIMES,
	COLUMN_COLUMNS
};

/* Names of histograms in SQL. */
static const char *const histograms[MSG_TIMES] = {
	[MSG_TIME_REQUEST] = "request_time",
	[MSG_TIME_WAIT] = "wait_time",
	[MSG_TIME_DELIVERY] = "delivery_time",
};

static Datum
seconds(int64 us)
{
	return Float8GetDatum((double) us / USECS_PER_SEC);
}

PG_FUNCTION_INFO_V1(msgext_statistics);

PGDLLEXPORT Datum
msgext_statistics(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach (cell, msgext_server_entries())
	{
		const MsgServerEntry *server = lfirst(cell);
		Datum values[COLUMN_COLUMNS];
		bool nulls[COLUMN_COLUMNS] = {false};
		TimestampTz reset_at;
		MsgCounts counts;
		int i;

		if (!msgext_access_monitor(server->oid))
			continue;
		msgext_statistic_read(server->oid, &counts, &reset_at);
		values[COLUMN_SERVER] = CStringGetTextDatum(server->name);
		values[COLUMN_PROVIDER] = CStringGetTextDatum(server->provider_name);
		for (i = 0; i < MSG_COUNTERS; i++)
			values[COLUMN_COUNTERS + i] = Int64GetDatum(counts.n[i]);
		for (i = 0; i < MSG_TIMES; i++)
		{
			values[COLUMN_TIMES + 2 * i] = msgext_statistic_buckets(&counts.times[i]);
			values[COLUMN_TIMES + 2 * i + 1] = seconds(counts.times[i].sum_us);
		}
		values[COLUMN_RESET] = TimestampTzGetDatum(reset_at);
		nulls[COLUMN_RESET] = reset_at == 0;
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(msgext_statistic_bounds);

PGDLLEXPORT Datum
msgext_statistic_bounds(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Datum elements[MSG_BOUNDS];
	int time;
	int i;

	for (time = 0; time < MSG_TIMES; time++)
		if (strcmp(histograms[time], name) == 0)
			break;
	if (time == MSG_TIMES)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("there is no histogram \"%s\"", name),
						errhint("There are request_time, wait_time and delivery_time.")));
	for (i = 0; i < MSG_BOUNDS; i++)
		elements[i] = seconds(msgext_time_bounds_us[time][i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, MSG_BOUNDS, FLOAT8OID, sizeof(float8),
										  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static const char *const processes[] = {MSG_ACTIVITY_DISPATCHER, MSG_ACTIVITY_LISTENER};

PG_FUNCTION_INFO_V1(msgext_process_activity);

PGDLLEXPORT Datum
msgext_process_activity(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int i;

	InitMaterializedSRF(fcinfo, 0);
	if (!has_privs_of_role(GetUserId(), ROLE_PG_MONITOR))
		return (Datum) 0;
	for (i = 0; i < lengthof(processes); i++)
	{
		bool nulls[13] = {false};
		Datum values[13];
		MsgActivityRow row;
		const MsgActivity *activity = &row.activity;

		if (!msgext_activity_read(processes[i], &row))
			continue;
		values[0] = CStringGetTextDatum(processes[i]);
		values[1] = Int32GetDatum(row.pid);
		values[2] = TimestampTzGetDatum(activity->started_at);
		nulls[2] = activity->started_at == 0;
		values[3] = Int64GetDatum(activity->starts);
		values[4] = Int64GetDatum(activity->turns);
		values[5] = Int64GetDatum(activity->commits);
		values[6] = Int64GetDatum(activity->results);
		values[7] = Int64GetDatum(activity->errors);
		values[8] = seconds(activity->turn_us);
		values[9] = seconds(activity->longest_us);
		values[10] = Int64GetDatum(activity->in_flight);
		values[11] = TimestampTzGetDatum(activity->last_at);
		nulls[11] = activity->last_at == 0;
		values[12] = TimestampTzGetDatum(row.reset_at);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(msgext_metrics);

PGDLLEXPORT Datum
msgext_metrics(PG_FUNCTION_ARGS)
{
	MsgBuf text;

	msgext_buf_init(&text, msgext_arena_pg_create(CurrentMemoryContext), 16384);
	msgext_metrics_write(&text);
	PG_RETURN_TEXT_P(cstring_to_text(msgext_from_utf8(text.data)));
}

PG_FUNCTION_INFO_V1(msgext_stats_reset);

PGDLLEXPORT Datum
msgext_stats_reset(PG_FUNCTION_ARGS)
{
	ListCell *cell;
	int i;

	PreventCommandIfReadOnly("stats_reset()");
	if (!PG_ARGISNULL(0))
	{
		MsgServer *server = msgext_access_server(NameStr(*PG_GETARG_NAME(0)));

		msgext_access_operate(server);
		msgext_statistic_reset(server->oid);
		PG_RETURN_VOID();
	}
	if (!superuser())
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be superuser to reset all statistics"),
						errhint("Name a server that you own or operate.")));
	foreach (cell, msgext_server_entries())
		msgext_statistic_reset(((MsgServerEntry *) lfirst(cell))->oid);
	for (i = 0; i < lengthof(processes); i++)
		msgext_activity_reset(processes[i]);
	PG_RETURN_VOID();
}
