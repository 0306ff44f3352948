/*
 * message_status.c
 *		message_status(): what has become of one message, and what it waits for. Reads
 *		only.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/timestamp.h"
#include "pg/base/arena_pg.h"
#include "pg/base/clock.h"
#include "pg/base/json_pg.h"
#include "pg/base/mode.h"
#include "pg/base/text.h"
#include "pg/catalog/access.h"
#include "pg/ipc/registry.h"
#include "pg/monitor/server_state.h"
#include "pg/sql/row_access.h"
#include "pg/store/account_pause.h"
#include "pg/store/claim.h"
#include "pg/store/health.h"
#include "pg/store/lane.h"
#include "pg/store/origin.h"
#include "pg/store/outbox.h"
#include "pg/store/server_pause.h"

enum
{
	COLUMN_ID,
	COLUMN_SERVER,
	COLUMN_PROVIDER,
	COLUMN_STATE,
	COLUMN_PROVIDER_STATUS,
	COLUMN_PROVIDER_ID,
	COLUMN_CODE,
	COLUMN_ERROR,
	COLUMN_ATTEMPTS,
	COLUMN_CREATED_AT,
	COLUMN_NEXT_ATTEMPT_AT,
	COLUMN_ACCEPTED_AT,
	COLUMN_FINISHED_AT,
	COLUMN_DETAIL,
	COLUMN_COLUMNS
};

/* A worker that starts takes this long at most, as a rule. */
#define NOBODY_US (10 * USECS_PER_SEC)

/* In a test database: what a test has made it wait for, else that it is one. */
static const char *
waits_in_test(const MsgRow *row, TimestampTz *until)
{
	const char *why = msgext_row_text(row, Anum_outbox_waiting);

	if (why == NULL)
		return msgext_mode_holds();
	*until = row->next_attempt_at;
	return why;
}

/* Why a queued message has not left, and when it may: NULL when nothing holds it. */
static const char *
waits_for(const MsgRow *row, const MsgServer *server, TimestampTz *until)
{
	TransactionId version = InvalidTransactionId;
	MsgHealth health;
	MsgPause pause;
	MsgLane *lane;
	const char *provider;
	const char *why;
	Oid mapping;

	*until = 0;
	switch (msgext_mode())
	{
		case MSG_MODE_LIVE:
			break;
		case MSG_MODE_HOLD:
			return msgext_mode_holds();
		case MSG_MODE_TEST:
			return waits_in_test(row, until);
	}
	if (row->origin != msgext_origin())
		return "restored from a dump or another database, until resume_server";
	provider = server != NULL ? server->provider->name
							  : msgext_server_missing_provider(row->server_oid);
	if (provider == NULL)
		return psprintf("server \"%s\" was dropped",
						msgext_row_text(row, Anum_outbox_server));
	why = msgext_server_state_lacks(server != NULL ? server->provider : NULL, provider);
	if (why != NULL)
		return why;
	if (GetUserNameFromId(row->sender_oid, true) == NULL)
		return psprintf("role \"%s\" was dropped",
						msgext_row_text(row, Anum_outbox_sender));
	msgext_server_pause_read(server->oid, &pause);
	if (pause.paused)
		return pause.reason != NULL ? psprintf("server is paused: %s", pause.reason)
									: "server is paused";
	mapping = msgext_mapping_of(server->oid, row->sender_oid, &version);
	msgext_account_pause_read(server->oid, mapping, version, &pause);
	if (pause.paused)
		return pause.reason != NULL ? psprintf("account is paused: %s", pause.reason)
									: "account is paused";
	msgext_health_load(server->oid, &health);
	if (health.broken_at != 0 && row->next_attempt_at <= health.probe_at)
	{
		*until = health.probe_at;
		return "the server does nothing but fail: one message at a time tries it";
	}
	if ((why = msgext_row_text(row, Anum_outbox_waiting)) != NULL)
	{
		*until = row->next_attempt_at;
		return why;
	}
	if (row->send_after > msgext_clock())
	{
		*until = row->send_after;
		return "send_after";
	}

	/* Of a primary's processes its standby knows nothing. */
	if (!RecoveryInProgress() && !msgext_registry_has_worker() &&
		msgext_clock() > row->queued_at + NOBODY_US)
		return "no worker runs, and nobody has called dispatch()";
	lane = msgext_lane_create(CurrentMemoryContext, server->oid, row->priority);
	if (lane->waiting[0] != '\0' && lane->until > msgext_clock())
	{
		*until = lane->until;
		return pstrdup(lane->waiting);
	}
	return NULL;
}

/* detail with member "waiting" added. */
static Datum
add_waiting(const MsgRow *row, const char *why, TimestampTz until)
{
	MsgArena *arena = msgext_arena_pg_create(CurrentMemoryContext);
	MsgJson *waiting = msgext_json_new(arena, MSG_JSON_OBJECT);
	MsgJson *detail = msgext_row_detail(arena, row);
	char *at = palloc(32);

	if (detail == NULL)
		detail = msgext_json_new(arena, MSG_JSON_OBJECT);
	msgext_json_set_text(arena, waiting, "for", msgext_to_utf8(why));
	if (until != 0)
	{
		msgext_timestamp_format(msgext_unix_us(until), at);
		msgext_json_set_text(arena, waiting, "until", at);
	}
	msgext_json_set(detail, "waiting", waiting);
	return JsonbPGetDatum(msgext_json_to_jsonb(detail));
}

static void
copy_column(const MsgRow *row, AttrNumber column, Datum *value, bool *isnull)
{
	*value = row->values[column - 1];
	*isnull = row->nulls[column - 1];
}

static void
fill_status(const MsgRow *row, Datum *values, bool *nulls)
{
	MsgState state = row->state;
	TimestampTz until;
	const char *why;

	copy_column(row, Anum_outbox_id, &values[COLUMN_ID], &nulls[COLUMN_ID]);
	copy_column(row, Anum_outbox_server, &values[COLUMN_SERVER], &nulls[COLUMN_SERVER]);
	copy_column(row, Anum_outbox_provider, &values[COLUMN_PROVIDER],
				&nulls[COLUMN_PROVIDER]);
	copy_column(row, Anum_outbox_provider_status, &values[COLUMN_PROVIDER_STATUS],
				&nulls[COLUMN_PROVIDER_STATUS]);
	copy_column(row, Anum_outbox_provider_id, &values[COLUMN_PROVIDER_ID],
				&nulls[COLUMN_PROVIDER_ID]);
	copy_column(row, Anum_outbox_code, &values[COLUMN_CODE], &nulls[COLUMN_CODE]);
	copy_column(row, Anum_outbox_error, &values[COLUMN_ERROR], &nulls[COLUMN_ERROR]);
	copy_column(row, Anum_outbox_attempts, &values[COLUMN_ATTEMPTS],
				&nulls[COLUMN_ATTEMPTS]);
	copy_column(row, Anum_outbox_created_at, &values[COLUMN_CREATED_AT],
				&nulls[COLUMN_CREATED_AT]);
	copy_column(row, Anum_outbox_next_attempt_at, &values[COLUMN_NEXT_ATTEMPT_AT],
				&nulls[COLUMN_NEXT_ATTEMPT_AT]);
	copy_column(row, Anum_outbox_accepted_at, &values[COLUMN_ACCEPTED_AT],
				&nulls[COLUMN_ACCEPTED_AT]);
	copy_column(row, Anum_outbox_finished_at, &values[COLUMN_FINISHED_AT],
				&nulls[COLUMN_FINISHED_AT]);
	copy_column(row, Anum_outbox_detail, &values[COLUMN_DETAIL], &nulls[COLUMN_DETAIL]);

	if (state == MSG_QUEUED)
	{
		MsgTable *claims = msgext_claim_open(false);

		if (msgext_claim_exists(claims, GetActiveSnapshot(), row->id, row->attempts + 1))
			state = MSG_SENDING;
		msgext_table_close(claims);
	}
	if (state == MSG_QUEUED &&
		(why = waits_for(row, msgext_server_get(row->server_oid), &until)) != NULL)
	{
		values[COLUMN_DETAIL] = add_waiting(row, why, until);
		nulls[COLUMN_DETAIL] = false;
		if (until != 0)
		{
			values[COLUMN_NEXT_ATTEMPT_AT] = TimestampTzGetDatum(until);
			nulls[COLUMN_NEXT_ATTEMPT_AT] = false;
		}
	}
	values[COLUMN_STATE] = CStringGetTextDatum(msgext_state_name(state));
	nulls[COLUMN_STATE] = false;
}

PG_FUNCTION_INFO_V1(msgext_message_status);

PGDLLEXPORT Datum
msgext_message_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MsgTable *outbox = msgext_outbox_open(false);
	Datum values[COLUMN_COLUMNS];
	bool nulls[COLUMN_COLUMNS];
	MsgRow row;

	InitMaterializedSRF(fcinfo, 0);
	if (msgext_outbox_find(outbox, PG_GETARG_INT64(0), GetActiveSnapshot(), &row) &&
		msgext_row_may(MSG_ACCESS_SEE, &row, InvalidOid))
	{
		fill_status(&row, values, nulls);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	msgext_table_close(outbox);
	return (Datum) 0;
}
