/*
 * retention.c
 *		Removing what is over: see retention.h.
 *
 * Messages are passed in the order of their ids, a window at a time, and the cursor is
 * kept in memory: no pass walks what an earlier one has removed.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/base/guc.h"
#include "pg/engine/retention.h"

/* Messages of one transaction: some 10 ms, where their pages come from disk. */
#define WINDOW "50"

/* From the end of a pass to the next one. */
#define PASS_PAUSE_US (60 * USECS_PER_SEC)

/* A recipient limit counts a day at the most in practice; reports repeat for one day. */
#define SIDE_TABLES_PAUSE_US (600 * USECS_PER_SEC)

static int64 cursor = 0;
static TimestampTz next_pass = 0;
static TimestampTz next_side_tables = 0;

/*
 * Statistics may be those of an empty table, or none, after a restore: what is removed is
 * a window of a few messages, and every way to it but by index reads all of history.
 */
static void
begin(const MsgXactOps *host)
{
	static const char *const detours[] = {"enable_seqscan", "enable_mergejoin",
										  "enable_hashjoin", "jit"};
	int i;

	host->begin();
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	for (i = 0; i < lengthof(detours); i++)
		(void) set_config_option(detours[i], "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_LOCAL, true, 0, false);
}

static void
commit(const MsgXactOps *host)
{
	PopActiveSnapshot();
	SPI_finish();
	host->commit();
}

/* Removes the finished messages of one window; false at the end of the pass. */
static bool
remove_window(const MsgXactOps *host)
{
	static const char *const window =
		"SELECT max(id), max(created_at) < now() - make_interval(mins => $2) "
		"FROM (SELECT id, created_at FROM msgext.outbox WHERE id > $1 ORDER BY id "
		"LIMIT " WINDOW ") AS w";
	static const char *const removal =
		"WITH gone AS ("
		" DELETE FROM msgext.outbox WHERE id > $1 AND id <= $3"
		/* What nobody asks about any more counts as over, a day's callbacks past. */
		" AND coalesce(finished_at, CASE WHEN state IN ('accepted', 'sent')"
		" AND next_attempt_at IS NULL THEN accepted_at END)"
		" < now() - make_interval(mins => $2)"
		" RETURNING id, server, provider_id), "
		"events AS (DELETE FROM msgext.event e USING gone WHERE e.message_id = gone.id) "
		"DELETE FROM msgext.reference r USING gone"
		" WHERE r.server = gone.server AND r.provider_id = gone.provider_id";
	Oid types[] = {INT8OID, INT4OID, INT8OID};
	Datum values[] = {Int64GetDatum(cursor), Int32GetDatum(msgext_retention), 0};
	bool isnull;
	bool more;
	Datum last;

	begin(host);
	SPI_execute_with_args(window, 2, types, values, NULL, true, 1);
	last = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	more = !isnull && DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0],
												 SPI_tuptable->tupdesc, 2, &isnull));
	if (!isnull)
	{
		values[2] = last;
		SPI_execute_with_args(removal, 3, types, values, NULL, false, 0);
		cursor = more ? DatumGetInt64(last) : 0;
	}
	else
		cursor = 0;
	commit(host);
	return more;
}

static void
trim_side_tables(const MsgXactOps *host)
{
	begin(host);
	SPI_execute("DELETE FROM msgext.recipient_use WHERE at < now() - interval '31 days'",
				false, 0);
	SPI_execute(
		"DELETE FROM msgext.callback WHERE received_at < now() - interval '7 days'",
		false, 0);
	commit(host);
}

void
msgext_retention_run(const MsgXactOps *host, int64 budget_us)
{
	TimestampTz start = GetCurrentTimestamp();

	if (msgext_retention < 0)
		return;
	if (start >= next_pass)
	{
		bool more;

		do
			more = remove_window(host);

		/* News does not wait. */
		while (more && !MyLatch->is_set && GetCurrentTimestamp() < start + budget_us);
		if (!more)
			next_pass = start + PASS_PAUSE_US;
	}
	if (start >= next_side_tables)
	{
		next_side_tables = start + SIDE_TABLES_PAUSE_US;
		trim_side_tables(host);
	}
}
