/*
 * http_service.c
 *		A process of one database that answers over HTTP: see http_service.h.
 *
 * Owns the socket and the one wait; knows nothing of what is asked for. Each change of a
 * setting ends it, and the launcher starts it anew.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/backend_status.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/base/clock.h"
#include "pg/base/compat.h"
#include "pg/base/guc.h"
#include "pg/catalog/server.h"
#include "pg/process/bgworker.h"
#include "pg/process/http_service.h"

/* The address may be in use by a process of its kind that is just leaving. */
#define OPEN_ATTEMPTS 30
#define OPEN_PAUSE_MS 100

#define CHECK_US USECS_PER_SEC

static MsgHttpListener *http;

/* The bounds of msgext.listen_…, which hold for listener and console. */
static MsgListenLimits
limits_set(void)
{
	MsgListenLimits result;

	memset(&result, 0, sizeof(result));
	result.connections = msgext_listen_max_connections;
	result.connections_per_address = msgext_listen_max_connections_per_address;
	result.head = (size_t) msgext_listen_max_header_size * 1024;
	result.body = (size_t) msgext_listen_max_body_size * 1024;
	result.idle_s = msgext_listen_idle_timeout;
	result.request_us = (int64) msgext_listen_request_timeout * USECS_PER_SEC;
	return result;
}

/*
 * All that it depends on, as one text: this process's settings, which come from the files,
 * and those of the database as the catalog has them now.
 */
static char *
settings_of(const MsgHttpService *service)
{
	MsgListenLimits limits = limits_set();
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "%d %d %zu %zu %d " INT64_FORMAT " %s\n", limits.connections,
					 limits.connections_per_address, limits.head, limits.body,
					 limits.idle_s, limits.request_us, service->settings());
	msgext_bgworker_begin();
	PushActiveSnapshot(GetTransactionSnapshot());
	appendStringInfoString(&text, msgext_bgworker_settings(service->prefixes));
	PopActiveSnapshot();
	msgext_bgworker_commit();
	return text.data;
}

static void
close_http(int code, Datum arg)
{
	if (http != NULL)
		msgext_http_listener_destroy(http);
	http = NULL;
}

static bool
open_http(const MsgHttpService *service, const char *address, int port)
{
	MsgListenLimits limits = limits_set();
	char error[200];
	int attempt;

	for (attempt = 0; attempt < OPEN_ATTEMPTS; attempt++)
	{
		http = msgext_http_listener_create(address, port, &limits, error, sizeof(error));
		if (http != NULL)
			return true;
		if (!msgext_bgworker_pause(OPEN_PAUSE_MS))
			return false;
	}
	ereport(WARNING,
			(errmsg("could not listen for %s on address \"%s\", port %d", service->what,
					address, port),
			 errdetail("%s.", error), errhint("Each database needs a port of its own.")));
	return false;
}

/* Reads and writes, and answers, until the process is to end. */
static void
work(const MsgHttpService *service, const char *settings)
{
	WaitEventSet *events = msgext_wait_event_set_create(3);
	MemoryContext round = AllocSetContextCreate(TopMemoryContext, "msgext HTTP settings",
												ALLOCSET_SMALL_SIZES);
	TimestampTz checked = GetCurrentTimestamp();
	static uint32 event = 0;

	AddWaitEventToSet(events, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(events, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(events, WL_SOCKET_READABLE, msgext_http_listener_fd(http), NULL,
					  NULL);
	while (!ShutdownRequestPending)
	{
		TimestampTz now = GetCurrentTimestamp();
		long timeout = msgext_http_listener_timeout_ms(http, msgext_unix_us(now));
		WaitEvent occurred[3];
		int n;
		int i;

		if (timeout < 0 || timeout > CHECK_US / 1000)
			timeout = CHECK_US / 1000;
		n = WaitEventSetWait(events, timeout, occurred, lengthof(occurred),
							 msgext_wait_event(&event, service->wait_event));
		for (i = 0; i < n; i++)
			if (occurred[i].events & WL_LATCH_SET)
				ResetLatch(MyLatch);
		msgext_bgworker_check_interrupts();
		if (ConfigReloadPending)
		{
			msgext_bgworker_reload();
			msgext_server_forget_all();
			checked = 0;
		}
		now = GetCurrentTimestamp();
		if (!msgext_clock_within(checked, CHECK_US, now))
		{
			MemoryContext before;
			bool changed;

			checked = now;
			if (!msgext_bgworker_may_stay() || msgext_bgworker_in_test_database())
				break;
			before = MemoryContextSwitchTo(round);
			changed = strcmp(settings_of(service), settings) != 0;
			MemoryContextSwitchTo(before);
			MemoryContextReset(round);
			if (changed)
			{
				msgext_registry_relisten(service->kind);
				break;
			}
			pgstat_report_stat(false);
			service->look();
		}
		service->prepare(http);
		msgext_http_listener_pump(http, msgext_unix_us(now));
		service->serve(http);
	}
}

void
msgext_http_service_run(const MsgHttpService *service, const char *address, int port)
{
	/* Copies: what a setting points to goes when it is set anew. */
	MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);
	char *settings = settings_of(service);

	address = pstrdup(address);
	MemoryContextSwitchTo(before);
	if (!open_http(service, address, port))
		proc_exit(1);
	before_shmem_exit(close_http, (Datum) 0);
	service->prepare(http);
	ereport(LOG, (errmsg("msgext listens for %s on address \"%s\", port %d",
						 service->what, address, port)));
	pgstat_report_activity(STATE_IDLE, service->waiting);
	work(service, settings);

	/* Not 0: the launcher starts it again where a port is set. */
	proc_exit(1);
}
