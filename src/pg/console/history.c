/*
 * history.c
 *		The counters of the last hour: see history.h.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/base/clock.h"
#include "pg/base/run_as.h"
#include "pg/console/history.h"
#include "pg/console/query.h"

#define SAMPLES 61
#define SAMPLE_US USECS_PER_MINUTE

static char *samples[SAMPLES]; /* a ring; NULL = none yet */
static int next = 0;
static TimestampTz taken_at = 0;

bool
msgext_console_history_is_due(void)
{
	return !msgext_clock_within(taken_at, SAMPLE_US, GetCurrentTimestamp());
}

/* As pg_monitor, who sees counters of all servers and nothing of any message. */
void
msgext_console_history_take(void)
{
	MsgRunAs self;

	taken_at = GetCurrentTimestamp();
	self = msgext_run_as(ROLE_PG_MONITOR);
	SPI_connect();
	if (SPI_execute(msgext_console_qualify(msgext_console_sample), true, 1) !=
			SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not read the counters");
	if (samples[next] != NULL)
		pfree(samples[next]);
	samples[next] = NULL;
	samples[next] = MemoryContextStrdup(
		TopMemoryContext, SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
	next = (next + 1) % SAMPLES;
	SPI_finish();
	msgext_run_as_end(&self);
}

char *
msgext_console_history(void)
{
	StringInfoData text;
	int i;

	initStringInfo(&text);
	for (i = 0; i < SAMPLES; i++)
	{
		const char *sample = samples[(next + i) % SAMPLES];

		if (sample != NULL)
			appendStringInfo(&text, "%s%s", text.len == 0 ? "[" : ",", sample);
	}
	appendStringInfoString(&text, text.len == 0 ? "[]" : "]");
	return text.data;
}
