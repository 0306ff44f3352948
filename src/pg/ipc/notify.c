/*
 * notify.c
 *		What is done at commit: see notify.h.
 *
 * A latch and no NOTIFY, which takes a lock of the whole cluster at commit.
 */
#include "postgres.h"

#include "access/xact.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"

#include "pg/ipc/notify.h"
#include "pg/ipc/registry.h"

/* Bits of lanes; the two above them are MSG_NEWS_CALLBACK and MSG_NEWS_SERVER. */
#define LANE_BITS 62

static uint64 pending = 0; /* news of the current transaction */

static ProcessUtility_hook_type previous_utility = NULL;

static void
on_transaction_event(XactEvent event, void *arg)
{
	if (pending == 0)
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			msgext_registry_wake_early(pending);
			break;
		case XACT_EVENT_COMMIT:
			msgext_registry_wake(pending);
			pending = 0;
			break;
		case XACT_EVENT_ABORT:

			/* Of a prepared transaction, COMMIT PREPARED tells: see below. */
		case XACT_EVENT_PREPARE:
			pending = 0;
			break;
		default:
			break;
	}
}

uint64
msgext_notify_news_of_lane(int32 number)
{
	return UINT64CONST(1) << ((uint32) number % LANE_BITS);
}

void
msgext_notify_at_commit(uint64 news)
{
	static bool registered = false;

	Assert(IsTransactionState());
	if (!registered)
	{
		RegisterXactCallback(on_transaction_event, NULL);
		registered = true;
	}
	pending |= news;
}

/*
 * The transaction that COMMIT PREPARED ends belonged to another session, so that no
 * callback of ours knows what was in it.
 */
static void
process_utility(PlannedStmt *statement, const char *query, bool read_only,
				ProcessUtilityContext context, ParamListInfo params,
				QueryEnvironment *env, DestReceiver *dest, QueryCompletion *completion)
{
	bool prepared =
		IsA(statement->utilityStmt, TransactionStmt) &&
		((TransactionStmt *) statement->utilityStmt)->kind == TRANS_STMT_COMMIT_PREPARED;

	if (previous_utility != NULL)
		previous_utility(statement, query, read_only, context, params, env, dest,
						 completion);
	else
		standard_ProcessUtility(statement, query, read_only, context, params, env, dest,
								completion);
	if (prepared)
		msgext_registry_wake(MSG_NEWS_ALL);
}

void
msgext_notify_preload(void)
{
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
}
