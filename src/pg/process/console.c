/*
 * console.c
 *		The console of one database: answers people's browsers.
 *
 * Owns the transactions, one for each request, and their error trap. Its port and its wait
 * are http_service.c's, what is asked for is the room console's. No byte moves while a
 * transaction is open: an answer is made whole, and given when that has ended.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "utils/backend_status.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/base/clock.h"
#include "pg/base/guc.h"
#include "pg/console/history.h"
#include "pg/console/request.h"
#include "pg/console/request_queue.h"
#include "pg/process/bgworker.h"
#include "pg/process/http_service.h"
#include "pg/process/worker.h"

/* Who holds a row or a table holds up all the others no longer than this. */
#define LOCK_TIMEOUT "2s"

#define WAITING "waiting for people"

/* Errors that are ours are said so often. */
#define QUIET_US (10 * USECS_PER_SEC)

static MemoryContext request_context; /* reset when it has been answered */

static const char *const prefixes[] = {"msgext.console_",	  "msgext.listen_max_",
									   "msgext.listen_idle_", "msgext.listen_request_",
									   "msgext.mode=",		  NULL};

static char *
own_settings(void)
{
	return psprintf("%s %d %s", msgext_console_address, msgext_console_port,
					msgext_console_url);
}

static bool
may_tell(void)
{
	static TimestampTz told_at = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (msgext_clock_within(told_at, QUIET_US, now))
		return false;
	told_at = now;
	return true;
}

static void
begin(void)
{
	SetConfigOption("lock_timeout", LOCK_TIMEOUT, PGC_SUSET, PGC_S_OVERRIDE);
	msgext_bgworker_begin();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(request_context);
}

static void
commit(void)
{
	PopActiveSnapshot();
	msgext_bgworker_commit();
	MemoryContextSwitchTo(request_context);
}

/* It is somebody else's work, and given up at once when the process is to end. */
static void
run(const MsgConsoleRequest *request, MsgPushAnswer *answer)
{
	msgext_bgworker_set_interruptible(true);
	PG_TRY();
	{
		begin();
		msgext_console_request_run(request, answer);
		commit();
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(request_context);
		error = CopyErrorData();
		msgext_console_request_clean_up();
		msgext_bgworker_recover(request_context,
								msgext_console_request_is_fault(error) && may_tell());
		msgext_console_request_fail(error, answer);
	}
	PG_END_TRY();
	msgext_bgworker_set_interruptible(false);
}

static void
take_all(MsgHttpListener *http)
{
	MsgPush *push;

	MemoryContextSwitchTo(request_context);
	while ((push = msgext_http_listener_take(http)) != NULL)
		msgext_console_queue_add(push);
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextReset(request_context);
}

/*
 * One at a time: its answer leaves, and whether the process may stay is looked at, before
 * the next one, which may take seconds.
 */
static void
answer_next(MsgHttpListener *http)
{
	TimestampTz begun = GetCurrentTimestamp();
	MsgConsoleRequest request;
	MsgPushAnswer answer = {0};
	MsgPush *push;

	take_all(http);
	push = ShutdownRequestPending ? NULL : msgext_console_queue_next();
	if (push == NULL)
		return;
	MemoryContextSwitchTo(request_context);
	if (msgext_console_request_read(push, &request, &answer))
	{
		pgstat_report_activity(STATE_RUNNING, request.path);
		run(&request, &answer);
		pgstat_report_activity(STATE_IDLE, WAITING);
	}
	msgext_http_listener_answer(http, push, &answer,
								msgext_unix_us(GetCurrentTimestamp()));
	msgext_console_queue_took(GetCurrentTimestamp() - begun);
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextReset(request_context);
}

/* What the charts are drawn from. */
static void
sample(void)
{
	if (!msgext_console_history_is_due())
		return;
	PG_TRY();
	{
		begin();
		msgext_console_history_take();
		commit();
	}
	PG_CATCH();
	{
		msgext_bgworker_recover(request_context, may_tell());
	}
	PG_END_TRY();
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextReset(request_context);
}

static const MsgHttpService service = {.kind = MSG_HTTP_CONSOLE,
									   .what = "the console",
									   .waiting = WAITING,
									   .wait_event = "MsgextConsole",
									   .prefixes = prefixes,
									   .settings = own_settings,
									   .prepare = msgext_http_listener_take_all,
									   .serve = answer_next,
									   .look = sample};

void
msgext_console_main(Datum arg)
{
	msgext_bgworker_start(DatumGetObjectId(arg));
	pgstat_report_appname("msgext console");
	if (msgext_console_port == 0 || msgext_bgworker_in_test_database())
		proc_exit(1);
	request_context =
		AllocSetContextCreate(TopMemoryContext, "msgext request", ALLOCSET_DEFAULT_SIZES);
	msgext_http_service_run(&service, msgext_console_address, msgext_console_port);
}
