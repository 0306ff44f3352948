/*
 * scrape.c
 *		GET /metrics: see scrape.h.
 *
 * The page is built in one transaction that only reads, as pg_monitor: a role that sees
 * counters and states of all servers, and nothing of any message.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/openmetrics.h"
#include "pg/base/arena_pg.h"
#include "pg/base/clock.h"
#include "pg/base/run_as.h"
#include "pg/monitor/metrics.h"
#include "pg/process/bgworker.h"
#include "pg/process/scrape.h"

/* However often it is asked for, it costs a page a second. */
#define KEEP_US USECS_PER_SEC

/* Callbacks wait meanwhile: who holds a table may not hold them up for longer. */
#define LOCK_TIMEOUT "500ms"

static bool
build(MsgHttpListener *http)
{
	MemoryContext before = CurrentMemoryContext;
	volatile bool done = false;

	SetConfigOption("lock_timeout", LOCK_TIMEOUT, PGC_SUSET, PGC_S_OVERRIDE);
	PG_TRY();
	{
		MsgBuf text;
		MsgRunAs self;

		msgext_bgworker_begin();
		PushActiveSnapshot(GetTransactionSnapshot());
		self = msgext_run_as(ROLE_PG_MONITOR);
		msgext_buf_init(&text, msgext_arena_pg_create(CurrentMemoryContext), 16384);
		msgext_metrics_write(&text);
		done = msgext_http_listener_set_page(http, text.data, text.len,
											 MSG_OPENMETRICS_TYPE);
		msgext_run_as_end(&self);
		PopActiveSnapshot();
		msgext_bgworker_commit();
	}
	PG_CATCH();
	{
		msgext_bgworker_recover(before, true);
		done = false;
	}
	PG_END_TRY();
	return done;
}

void
msgext_scrape(MsgHttpListener *http, MsgPush *request)
{
	static TimestampTz built_at = 0;
	static MsgPushAnswer answer;
	TimestampTz now = GetCurrentTimestamp();

	if (!msgext_clock_within(built_at, KEEP_US, now))
	{
		answer.status = build(http) ? 200 : 503;
		built_at = now;
	}
	msgext_http_listener_answer(http, request, &answer, msgext_unix_us(now));
}
