/*
 * held_outbox.c
 *		The outbox, held open while the executor runs: see held_outbox.h.
 *
 * Owns the hooks of the executor. Keeps nothing beyond a run, so that no relation stays
 * open when its portal ends.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "pg/base/compat.h"
#include "pg/store/held_outbox.h"
#include "pg/store/outbox.h"

typedef struct Run
{
	struct Run *outer;
	ResourceOwner owner;
	MemoryContext context; /* current when it began; then of the outbox alone */
	MsgTable *outbox;	   /* opened with the second message, or NULL */
	bool again;			   /* there has been a first one */
	bool taken;
} Run;

static Run *current = NULL;
static ExecutorRun_hook_type previous_run = NULL;
static ExecutorFinish_hook_type previous_finish = NULL;

static void
begin(Run *run)
{
	run->outer = current;
	run->owner = CurrentResourceOwner;
	run->context = CurrentMemoryContext;
	run->outbox = NULL;
	run->again = false;
	run->taken = false;
	current = run;
}

static void
end(Run *run)
{
	Assert(current == run && !run->taken);
	if (run->outbox == NULL)
		return;
	msgext_table_close(run->outbox);
	MemoryContextDelete(run->context);
}

static void
run_query(MSG_EXECUTOR_RUN_PARAMETERS)
{
	Run run;

	begin(&run);
	PG_TRY();
	{
		if (previous_run != NULL)
			previous_run(MSG_EXECUTOR_RUN_ARGUMENTS);
		else
			standard_ExecutorRun(MSG_EXECUTOR_RUN_ARGUMENTS);
		end(&run);
	}
	PG_FINALLY();
	{
		current = run.outer;
	}
	PG_END_TRY();
}

/* Triggers AFTER a change are called here. */
static void
finish_query(QueryDesc *query)
{
	Run run;

	begin(&run);
	PG_TRY();
	{
		if (previous_finish != NULL)
			previous_finish(query);
		else
			standard_ExecutorFinish(query);
		end(&run);
	}
	PG_FINALLY();
	{
		current = run.outer;
	}
	PG_END_TRY();
}

void
msgext_outbox_begin_to_hold(void)
{
	previous_run = ExecutorRun_hook;
	ExecutorRun_hook = run_query;
	previous_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = finish_query;
}

/*
 * What a subtransaction opens is closed when it is rolled back, and what it has locked is
 * not locked any more.
 */
MsgTable *
msgext_outbox_take(void)
{
	MemoryContext before;

	if (current == NULL || current->owner != CurrentResourceOwner || current->taken)
		return msgext_outbox_open(true);

	/* To hold it would not pay for one message alone, which most runs have. */
	if (!current->again)
	{
		current->again = true;
		return msgext_outbox_open(true);
	}
	if (current->outbox == NULL)
	{
		current->context = AllocSetContextCreate(current->context, "msgext held outbox",
												 ALLOCSET_SMALL_SIZES);
		before = MemoryContextSwitchTo(current->context);
		current->outbox = msgext_outbox_open(true);
		MemoryContextSwitchTo(before);
	}
	current->taken = true;
	return current->outbox;
}

void
msgext_outbox_give_back(MsgTable *outbox)
{
	if (current == NULL || outbox != current->outbox)
		msgext_table_close(outbox);
	else
		current->taken = false;
}
