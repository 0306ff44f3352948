/*
 * control.c
 *		What people do with messages and servers: cancel_message(), retry_message(),
 *		close_message(), pause_server(), resume_server().
 *
 * Every answer is truthful: true means that it took effect, not that it was asked for.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "pg/base/actor.h"
#include "pg/base/subtransaction.h"
#include "pg/catalog/access.h"
#include "pg/ipc/notify.h"
#include "pg/ipc/tally.h"
#include "pg/sql/adopt.h"
#include "pg/sql/audit.h"
#include "pg/sql/change.h"
#include "pg/store/account_pause.h"
#include "pg/store/origin.h"
#include "pg/store/server_pause.h"

/* One act on one message; its function is not strict, for a reason may be left out. */
static bool
act_on(FunctionCallInfo fcinfo, const MsgAct *act, MsgRow *row)
{
	MsgChanger changer;
	bool done;

	msgext_change_open(&changer, act, msgext_actor_reason(fcinfo, 1));
	done = msgext_change(&changer, PG_GETARG_INT64(0), true, row) == MSG_CHANGED;
	msgext_change_close(&changer);
	return done;
}

/* A call of cancel_message(). */
typedef struct Cancel
{
	FunctionCallInfo fcinfo;
	MsgRow row;
} Cancel;

static bool
cancel_unless_claimed(void *arg)
{
	Cancel *cancel = arg;

	return act_on(cancel->fcinfo, &msgext_act_cancel, &cancel->row) &&
		   !msgext_change_is_claimed(&cancel->row);
}

PG_FUNCTION_INFO_V1(msgext_cancel_message);

PGDLLEXPORT Datum
msgext_cancel_message(PG_FUNCTION_ARGS)
{
	Cancel cancel = {.fcinfo = fcinfo};

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PreventCommandIfReadOnly("cancel_message()");

	/* Undone, it lets go of the row, whose request is on the way. */
	if (!msgext_subtransaction(cancel_unless_claimed, &cancel, NULL))
		PG_RETURN_BOOL(false);
	msgext_counts_add(msgext_tally(cancel.row.server_oid), MSG_COUNT_CANCELLED, 1);
	PG_RETURN_BOOL(true);
}

PG_FUNCTION_INFO_V1(msgext_retry_message);

PGDLLEXPORT Datum
msgext_retry_message(PG_FUNCTION_ARGS)
{
	MsgRow row = {.id = 0};
	bool retried;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PreventCommandIfReadOnly("retry_message()");
	retried = act_on(fcinfo, &msgext_act_retry, &row);
	if (!retried && row.id != 0 && msgext_change_lacks_payload(&row))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("message " INT64_FORMAT " cannot be sent again", row.id),
						errdetail("Its payload has been removed; erased_at of view "
								  "msgext.message says when."),
						errhint("replay_message() sends one that you write anew.")));
	PG_RETURN_BOOL(retried);
}

PG_FUNCTION_INFO_V1(msgext_close_message);

PGDLLEXPORT Datum
msgext_close_message(PG_FUNCTION_ARGS)
{
	MsgRow row;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PreventCommandIfReadOnly("close_message()");
	PG_RETURN_BOOL(act_on(fcinfo, &msgext_act_close, &row));
}

PG_FUNCTION_INFO_V1(msgext_pause_server);

PGDLLEXPORT Datum
msgext_pause_server(PG_FUNCTION_ARGS)
{
	MsgPause pause;
	MsgServer *server;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("server must not be null")));
	PreventCommandIfReadOnly("pause_server()");
	server = msgext_access_server(NameStr(*PG_GETARG_NAME(0)));
	msgext_access_operate(server);

	/* Another reason to be paused changes nothing about whose messages it has. */
	msgext_server_pause_read(server->oid, &pause);
	pause.paused = true;
	pause.reason = msgext_actor_reason(fcinfo, 1);
	msgext_server_pause_write(server->oid, &pause, true);
	msgext_audit_append(server->oid, server->name, "paused", pause.reason, NULL);
	msgext_notify_at_commit(MSG_NEWS_SERVER);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(msgext_resume_server);

PGDLLEXPORT Datum
msgext_resume_server(PG_FUNCTION_ARGS)
{
	MsgPause pause;
	MsgServer *server;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PreventCommandIfReadOnly("resume_server()");
	server = msgext_access_server(NameStr(*PG_GETARG_NAME(0)));
	msgext_access_operate(server);
	msgext_server_pause_read(server->oid, &pause);
	if (pause.copied || msgext_origin_is_foreign())
		msgext_adopt(server);
	memset(&pause, 0, sizeof(pause));
	msgext_server_pause_write(server->oid, &pause, true);
	msgext_account_pause_clear(server->oid);
	msgext_audit_append(server->oid, server->name, "resumed",
						msgext_actor_reason(fcinfo, 1), NULL);

	/* Credentials may have been mended in a file, which no catalog tells of. */
	msgext_server_forget_all();
	msgext_notify_at_commit(MSG_NEWS_ALL);
	PG_RETURN_VOID();
}
