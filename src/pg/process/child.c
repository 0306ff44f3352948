/*
 * child.c
 *		A process that the launcher keeps: see child.h.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "pg/base/guc.h"
#include "pg/ipc/registry.h"
#include "pg/process/child.h"

/*
 * A process that ended is started again after msgext.restart_delay, doubled for each early
 * end, up to so many times that. Nothing shortens it: what sessions want, they want at
 * every commit.
 */
#define RESTART_MAX_TIMES 60

/* How long to wait where there is no slot for another process, and how often that is said. */
#define NO_SLOT_US (5 * USECS_PER_SEC)
#define NO_SLOT_QUIET_US (600 * USECS_PER_SEC)

/* Whatever else a child waits for is shorter. */
#define LONGEST_WAIT_US (60 * USECS_PER_SEC)

bool
msgext_child_has_ended(const MsgChild *child)
{
	pid_t pid;

	return child->handle != NULL &&
		   GetBackgroundWorkerPid(child->handle, &pid) == BGWH_STOPPED;
}

/* False when there is no slot for another process. */
static bool
start(MsgChild *child)
{
	BackgroundWorker worker = {0};
	MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);
	bool registered;

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_main_arg = ObjectIdGetDatum(child->database);
	worker.bgw_notify_pid = MyProcPid;
	memcpy(worker.bgw_extra, &child->launch, sizeof(child->launch));
	strlcpy(worker.bgw_library_name, "msgext", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, child->function, sizeof(worker.bgw_function_name));
	snprintf(worker.bgw_name, sizeof(worker.bgw_name), "%s for database %u", child->type,
			 child->database);
	strlcpy(worker.bgw_type, child->type, sizeof(worker.bgw_type));
	registered = RegisterDynamicBackgroundWorker(&worker, &child->handle);
	MemoryContextSwitchTo(before);
	if (!registered)
		child->handle = NULL;
	child->started_at = GetCurrentTimestamp();
	child->start_after = 0;
	child->requested = false;
	elog(DEBUG1, "msgext: database %u: %s %s", child->database, child->type,
		 registered ? "is started" : "has no slot");
	return registered;
}

void
msgext_child_note_end(MsgChild *child, int64 ran_well_us)
{
	MsgEntryState state = msgext_registry_state(child->database);
	TimestampTz now = GetCurrentTimestamp();
	int64 max_ms = (int64) msgext_restart_delay * RESTART_MAX_TIMES;
	int64 delay_ms = msgext_restart_delay;
	int i;

	pfree(child->handle);
	child->handle = NULL;
	if (child->requested || state == MSG_ENTRY_ABSENT || state == MSG_ENTRY_REQUESTED)
	{
		/* It ended because of what it found, not by a fault. */
		child->early_ends = 0;
		child->start_after = child->requested ? now : 0;
	}
	else
	{
		if (now - child->started_at > ran_well_us)
			child->early_ends = 0;
		for (i = 0; i < child->early_ends && delay_ms < max_ms; i++)
			delay_ms *= 2;
		delay_ms = Min(delay_ms, max_ms);
		child->early_ends = Min(child->early_ends + 1, 30);
		child->start_after = now + delay_ms * 1000;
	}
	if (child->start_after != 0)
		elog(DEBUG1, "msgext: database %u: %s ended, to be started again in %ld ms",
			 child->database, child->type, (long) ((child->start_after - now) / 1000));
	else
		elog(DEBUG1, "msgext: database %u: %s ended", child->database, child->type);
}

void
msgext_child_start_if_due(MsgChild *child, TimestampTz now, TimestampTz *next)
{
	static TimestampTz warned_at = 0;

	if (child->handle != NULL || child->start_after == 0)
		return;
	if (child->start_after > now)
	{
		*next = Min(*next, child->start_after);
		return;
	}
	if (start(child))
		return;
	child->start_after = now + NO_SLOT_US;
	*next = Min(*next, child->start_after);
	if (now > warned_at + NO_SLOT_QUIET_US)
	{
		warned_at = now;
		ereport(WARNING, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
						  errmsg("could not start a %s for database %u", child->type,
								 child->database),
						  errhint("Consider increasing max_worker_processes.")));
	}
}

void
msgext_child_mind_clock(MsgChild *child, TimestampTz now)
{
	int64 longest_us = (int64) msgext_restart_delay * RESTART_MAX_TIMES * 1000;

	if (child->start_after > now + Max(longest_us, LONGEST_WAIT_US))
		child->start_after = now;
}
