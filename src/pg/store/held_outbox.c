/*
 * held_outbox.c
 *		The outbox, held open while a statement runs: see held_outbox.h.
 *
 * Owns the hooks of the executor and of COPY. Keeps nothing beyond a statement, so that no
 * relation stays open when its portal ends, nor while a statement within it may want to
 * change the table.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "pg/base/compat.h"
#include "pg/store/held_outbox.h"
#include "pg/store/outbox.h"
#include "pg/store/sequence.h"

/* A statement, and those within it that have its resource owner. */
typedef struct Run
{
	struct Run *outer;
	ResourceOwner owner;
	MemoryContext parent;  /* current when it began */
	MemoryContext context; /* of the outbox alone */
	MsgTable *outbox;	   /* opened with the second message, or NULL */
	MsgSequence ids;	   /* with it */
	bool again;			   /* there has been a first one */
	bool taken;
} Run;

static Run *current = NULL;
static ExecutorRun_hook_type previous_run = NULL;
static ExecutorFinish_hook_type previous_finish = NULL;
static ProcessUtility_hook_type previous_utility = NULL;

/* False: it is part of the one that runs. */
static bool
begin(Run *run)
{
	if (current != NULL && current->owner == CurrentResourceOwner)
		return false;
	memset(run, 0, sizeof(*run));
	run->outer = current;
	run->owner = CurrentResourceOwner;
	run->parent = CurrentMemoryContext;
	current = run;
	return true;
}

static void
let_go(Run *run)
{
	ResourceOwner before = CurrentResourceOwner;

	if (run->outbox == NULL || run->taken)
		return;
	CurrentResourceOwner = run->owner;
	msgext_table_close(run->outbox);
	msgext_sequence_close(&run->ids);
	CurrentResourceOwner = before;
	MemoryContextDelete(run->context);
	run->outbox = NULL;
}

/* Makes the call, as a statement of its own where it is one. */
#define HOLD_DURING(call)                                                                \
	do                                                                                   \
	{                                                                                    \
		Run run;                                                                         \
                                                                                         \
		if (!begin(&run))                                                                \
		{                                                                                \
			call;                                                                        \
			break;                                                                       \
		}                                                                                \
		PG_TRY();                                                                        \
		{                                                                                \
			call;                                                                        \
			let_go(&run);                                                                \
		}                                                                                \
		PG_FINALLY();                                                                    \
		{                                                                                \
			current = run.outer;                                                         \
		}                                                                                \
		PG_END_TRY();                                                                    \
	} while (0)

static void
run_query(MSG_EXECUTOR_RUN_PARAMETERS)
{
	ExecutorRun_hook_type next =
		previous_run != NULL ? previous_run : standard_ExecutorRun;

	HOLD_DURING(next(MSG_EXECUTOR_RUN_ARGUMENTS));
}

/* Triggers AFTER a change are called here. */
static void
finish_query(QueryDesc *query)
{
	ExecutorFinish_hook_type next =
		previous_finish != NULL ? previous_finish : standard_ExecutorFinish;

	HOLD_DURING(next(query));
}

/*
 * COPY calls triggers without the executor. Any of these statements may want to change the
 * table, which nobody may while it is open in the session.
 */
static void
run_utility(PlannedStmt *statement, const char *query, bool read_only,
			ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *env,
			DestReceiver *dest, QueryCompletion *completion)
{
	ProcessUtility_hook_type next =
		previous_utility != NULL ? previous_utility : standard_ProcessUtility;
	Run *outer;

	for (outer = current; outer != NULL; outer = outer->outer)
		let_go(outer);
	if (IsA(statement->utilityStmt, CopyStmt))
		HOLD_DURING(
			next(statement, query, read_only, context, params, env, dest, completion));
	else
		next(statement, query, read_only, context, params, env, dest, completion);
}

void
msgext_outbox_begin_to_hold(void)
{
	previous_run = ExecutorRun_hook;
	ExecutorRun_hook = run_query;
	previous_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = finish_query;
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = run_utility;
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

	/* To hold it would not pay for one message alone, which most statements have. */
	if (!current->again)
	{
		current->again = true;
		return msgext_outbox_open(true);
	}
	if (current->outbox == NULL)
	{
		current->context = AllocSetContextCreate(current->parent, "msgext held outbox",
												 ALLOCSET_SMALL_SIZES);
		before = MemoryContextSwitchTo(current->context);
		current->outbox = msgext_outbox_open(true);
		msgext_table_expect_many(current->outbox);
		msgext_sequence_open(&current->ids, MSG_OUTBOX_IDS);
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

int64
msgext_outbox_next_id(void)
{
	if (current == NULL || current->owner != CurrentResourceOwner ||
		current->outbox == NULL)
		return msgext_sequence_take(MSG_OUTBOX_IDS);
	return msgext_sequence_next(&current->ids);
}
