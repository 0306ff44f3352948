/*
 * activity.c
 *		What the processes of a database have done: see activity.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/store/activity.h"
#include "pg/store/table.h"

/* clang-format off */
#define ACTIVITY_COLUMNS(C) \
	C(activity, process) C(activity, pid) C(activity, started_at) C(activity, starts) \
	C(activity, turns) C(activity, commits) C(activity, results) C(activity, errors) \
	C(activity, turn_time_us) C(activity, longest_turn_us) C(activity, in_flight) \
	C(activity, last_at) C(activity, reset_at)
/* clang-format on */
MSG_COLUMN_NUMBERS(activity, ACTIVITY_COLUMNS);
MSG_LAYOUT(activity, ACTIVITY_COLUMNS);

static TupleTableSlot *
find(MsgTable *table, const char *process, Snapshot snapshot, MsgScan **scan)
{
	ScanKeyData key;

	msgext_key_text(&key, 1, BTEqualStrategyNumber, process);
	*scan = msgext_table_scan(table, "activity_pkey", snapshot, &key, 1);
	return msgext_scan_next(*scan);
}

static void
read_row(TupleTableSlot *slot, MsgActivityRow *row)
{
	MsgActivity *activity = &row->activity;

	memset(row, 0, sizeof(*row));
	if (slot == NULL)
		return;
	row->pid = msgext_column_int32(slot, Anum_activity_pid);
	activity->started_at = msgext_column_int64(slot, Anum_activity_started_at);
	activity->starts = msgext_column_int64(slot, Anum_activity_starts);
	activity->turns = msgext_column_int64(slot, Anum_activity_turns);
	activity->commits = msgext_column_int64(slot, Anum_activity_commits);
	activity->results = msgext_column_int64(slot, Anum_activity_results);
	activity->errors = msgext_column_int64(slot, Anum_activity_errors);
	activity->turn_us = msgext_column_int64(slot, Anum_activity_turn_time_us);
	activity->longest_us = msgext_column_int64(slot, Anum_activity_longest_turn_us);
	activity->in_flight = msgext_column_int64(slot, Anum_activity_in_flight);
	activity->last_at = msgext_column_int64(slot, Anum_activity_last_at);
	row->reset_at = msgext_column_int64(slot, Anum_activity_reset_at);
}

static void
fill_row(MsgValues *values, const char *process, const MsgActivityRow *row)
{
	const MsgActivity *activity = &row->activity;

	msgext_values_init(values);
	msgext_values_text(values, Anum_activity_process, process);
	msgext_values_int32(values, Anum_activity_pid, row->pid);
	msgext_values_time(values, Anum_activity_started_at, activity->started_at);
	msgext_values_int64(values, Anum_activity_starts, activity->starts);
	msgext_values_int64(values, Anum_activity_turns, activity->turns);
	msgext_values_int64(values, Anum_activity_commits, activity->commits);
	msgext_values_int64(values, Anum_activity_results, activity->results);
	msgext_values_int64(values, Anum_activity_errors, activity->errors);
	msgext_values_int64(values, Anum_activity_turn_time_us, activity->turn_us);
	msgext_values_int64(values, Anum_activity_longest_turn_us, activity->longest_us);
	msgext_values_int64(values, Anum_activity_in_flight, activity->in_flight);
	msgext_values_time(values, Anum_activity_last_at, activity->last_at);
	msgext_values_time(values, Anum_activity_reset_at, row->reset_at);
}

bool
msgext_activity_read(const char *process, MsgActivityRow *row)
{
	MsgTable *table = msgext_table_open(&activity_layout, false);
	TupleTableSlot *slot;
	MsgScan *scan;
	bool found;

	slot = find(table, process, GetActiveSnapshot(), &scan);
	found = slot != NULL;
	read_row(slot, row);
	msgext_scan_end(scan);
	msgext_table_close(table);
	return found;
}

bool
msgext_activity_add(const char *process, const MsgActivity *activity)
{
	MsgTable *table = msgext_table_open(&activity_layout, true);
	MsgActivityRow row;
	MsgActivity *sum = &row.activity;
	TupleTableSlot *slot;
	MsgValues values;
	MsgScan *scan;
	bool done;

	slot = find(table, process, GetActiveSnapshot(), &scan);
	read_row(slot, &row);
	row.pid = MyProcPid;
	if (row.reset_at == 0)
		row.reset_at = GetCurrentTimestamp();
	sum->starts += activity->starts;
	sum->turns += activity->turns;
	sum->commits += activity->commits;
	sum->results += activity->results;
	sum->errors += activity->errors;
	sum->turn_us += activity->turn_us;
	sum->longest_us = Max(sum->longest_us, activity->longest_us);
	sum->in_flight = activity->in_flight;
	sum->started_at = activity->started_at;
	sum->last_at = Max(sum->last_at, activity->last_at);
	fill_row(&values, process, &row);
	done = msgext_table_put(table, slot, values.values, values.nulls, false);
	msgext_scan_end(scan);
	msgext_table_close(table);
	return done;
}

void
msgext_activity_clear(MsgActivity *activity)
{
	TimestampTz started_at = activity->started_at;

	memset(activity, 0, sizeof(*activity));
	activity->started_at = started_at;
}

void
msgext_activity_turn(MsgActivity *activity, TimestampTz begun, bool wrote, int64 results)
{
	TimestampTz now = GetCurrentTimestamp();
	int64 took_us = Max(now - begun, 0);

	activity->turns++;
	activity->turn_us += took_us;
	activity->longest_us = Max(activity->longest_us, took_us);
	if (!wrote)
		return;
	activity->commits++;
	activity->results += results;
	activity->last_at = now;
	activity->any = true;
}

void
msgext_activity_reset(const char *process)
{
	MsgTable *table = msgext_table_open(&activity_layout, true);
	bool done;

	do
	{
		MsgActivityRow row;
		TupleTableSlot *slot;
		Snapshot latest;
		MsgValues values;
		MsgScan *scan;

		CommandCounterIncrement();
		CHECK_FOR_INTERRUPTS();
		latest = RegisterSnapshot(GetLatestSnapshot());
		slot = find(table, process, latest, &scan);
		read_row(slot, &row);
		row.reset_at = GetCurrentTimestamp();
		row.activity = (MsgActivity){.started_at = row.activity.started_at,
									 .in_flight = row.activity.in_flight};
		fill_row(&values, process, &row);
		done = slot == NULL ||
			   msgext_table_put(table, slot, values.values, values.nulls, true);
		msgext_scan_end(scan);
		UnregisterSnapshot(latest);
	} while (!done);
	CommandCounterIncrement();
	msgext_table_close(table);
}
