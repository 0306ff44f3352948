/*
 * turn_tables.c
 *		The transaction of a turn: see turn_tables.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "pg/base/clock.h"
#include "pg/engine/turn_tables.h"
#include "pg/store/blocked_recipient.h"
#include "pg/store/claim.h"
#include "pg/store/event.h"
#include "pg/store/recipient_use.h"
#include "pg/store/reference.h"
#include "pg/store/reminder.h"

void
msgext_turn_init(MsgTurn *turn, MemoryContext parent, const MsgXactOps *xact)
{
	turn->xact = xact;
	turn->context = AllocSetContextCreate(parent, "msgext turn", ALLOCSET_DEFAULT_SIZES);
	turn->message =
		AllocSetContextCreate(parent, "msgext message", ALLOCSET_DEFAULT_SIZES);
}

static void
add_error_context(void *arg)
{
	const MsgTurn *turn = arg;

	if (turn->reading != 0 && turn->server != NULL)
		errcontext("message " INT64_FORMAT " of server \"%s\"", turn->reading,
				   turn->server);
	else if (turn->reading != 0)
		errcontext("message " INT64_FORMAT, turn->reading);
	else if (turn->server != NULL)
		errcontext("messages of server \"%s\"", turn->server);
}

void
msgext_turn_begin(MsgTurn *turn)
{
	Assert(!turn->active);
	turn->xact->begin();
	MemoryContextSwitchTo(turn->context);
	PushActiveSnapshot(GetTransactionSnapshot());
	turn->now = msgext_clock();
	turn->active = true;

	/* An error takes it off the stack again, with the PG_TRY block around. */
	turn->context_callback.callback = add_error_context;
	turn->context_callback.arg = turn;
	turn->context_callback.previous = error_context_stack;
	error_context_stack = &turn->context_callback;
}

static void
close_tables(MsgTurn *turn)
{
	int i;

	for (i = 0; i < MSG_TABLE_COUNT; i++)
		if (turn->tables[i] != NULL)
			msgext_table_close(turn->tables[i]);
	memset(turn->tables, 0, sizeof(turn->tables));
}

void
msgext_turn_commit(MsgTurn *turn)
{
	Assert(turn->active);
	msgext_turn_reading(turn, 0, NULL);
	close_tables(turn);
	PopActiveSnapshot();
	ForceSyncCommit();
	turn->xact->commit();
	error_context_stack = turn->context_callback.previous;
	turn->active = false;
	MemoryContextReset(turn->message);
	MemoryContextReset(turn->context);
}

void
msgext_turn_abandon(MsgTurn *turn)
{
	turn->active = false;
	memset(turn->tables, 0, sizeof(turn->tables));
	msgext_turn_reading(turn, 0, NULL);
	MemoryContextReset(turn->message);
	MemoryContextReset(turn->context);
}

MsgTable *
msgext_turn_table(MsgTurn *turn, MsgTableKind kind)
{
	MsgTable **table = &turn->tables[kind];
	int64 reading = turn->reading;
	MemoryContext before;

	Assert(turn->active);
	if (*table != NULL)
		return *table;
	before = MemoryContextSwitchTo(turn->context);

	/* A table that cannot be opened is the fault of no message. */
	turn->reading = 0;
	switch (kind)
	{
		case MSG_TABLE_OUTBOX:
			*table = msgext_outbox_open(true);
			break;
		case MSG_TABLE_EVENTS:
			*table = msgext_event_open();
			break;
		case MSG_TABLE_REMINDERS:
			*table = msgext_reminder_open(true);
			break;
		case MSG_TABLE_CLAIMS:
			*table = msgext_claim_open(true);
			break;
		case MSG_TABLE_REFERENCES:
			*table = msgext_reference_open(true);
			break;
		case MSG_TABLE_USES:
			*table = msgext_recipient_open();
			break;
		case MSG_TABLE_BLOCKED:
			*table = msgext_blocked_open(false);
			break;
	}
	turn->reading = reading;
	MemoryContextSwitchTo(before);
	return *table;
}

void
msgext_turn_flush(MsgTurn *turn)
{
	if (turn->tables[MSG_TABLE_EVENTS] != NULL)
		msgext_table_flush(turn->tables[MSG_TABLE_EVENTS]);
	if (turn->tables[MSG_TABLE_REFERENCES] != NULL)
		msgext_table_flush(turn->tables[MSG_TABLE_REFERENCES]);
}

void
msgext_turn_see_own_writes(void)
{
	CommandCounterIncrement();
	UpdateActiveSnapshotCommandId();
}
