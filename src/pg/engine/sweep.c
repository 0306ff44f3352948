/*
 * sweep.c
 *		Finds queued messages that nothing leads to: see sweep.h.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "utils/snapmgr.h"

#include "pg/engine/admit.h"
#include "pg/engine/sweep.h"
#include "pg/store/origin.h"
#include "pg/store/reminder.h"

/* Rows looked at in one turn, some hundred microseconds of work; and from then on. */
#define ROWS 500
#define RUN_US USECS_PER_SEC

/* From the end of a pass to the next one. */
#define PASS_US (600 * USECS_PER_SEC)

/* What was queued or changed just now is left alone: it may be on its way somewhere. */
#define YOUNG_US (10 * USECS_PER_SEC)

/* Does anything lead to this message? */
static bool
is_led_to(MsgEngine *engine, const MsgUpstream *upstream, const MsgRow *row)
{
	MsgTurn *turn = &engine->turn;

	if (msgext_flights_find(&engine->flights, row->id) != NULL ||
		msgext_inherited_has(&engine->inherited, row->id) ||
		msgext_poison_until(&engine->poison, row->id, turn->now) != 0)
		return true;
	if (row->next_attempt_at == 0 &&
		!msgext_lane_has_passed(upstream->lanes[row->priority - 1], row))
		return true;
	if (row->next_attempt_at != 0 &&
		msgext_reminder_exists(reminders_of(turn), upstream->oid, MSG_REMINDER_SEND,
							   row->next_attempt_at, row->next_attempt_at, row->id))
		return true;

	/* Its row was held when its turn came: it is looked at again and again. */
	return msgext_reminder_exists(reminders_of(turn), upstream->oid, MSG_REMINDER_SEND,
								  PG_INT64_MIN, turn->now + MSG_HELD_RETRY_MAX_US,
								  row->id);
}

/*
 * A message of another database, whose oids and transaction ids are not ours: no lane
 * comes by. Its server is found by name, as resume_server finds it.
 */
static void
refuse_copy(MsgEngine *engine, const char *server)
{
	ListCell *cell;

	foreach (cell, engine->upstreams.list)
	{
		MsgUpstream *upstream = lfirst(cell);

		if (upstream->server != NULL && strcmp(upstream->name, server) == 0 &&
			!msgext_upstream_is_paused(upstream))
			msgext_upstream_refuse_copy(upstream);
	}
}

static void
look_at(MsgEngine *engine, const MsgRow *row)
{
	MsgTurn *turn = &engine->turn;
	MsgUpstream *upstream;

	if (row->state != MSG_QUEUED || turn->now - row->queued_at < YOUNG_US)
		return;
	if (row->origin != msgext_origin())
	{
		refuse_copy(engine, msgext_row_text(row, Anum_outbox_server));
		return;
	}
	upstream = msgext_upstream_find(&engine->upstreams, row->server_oid);

	/* Without its server it waits for that, and message_status() says so. */
	if (upstream == NULL || upstream->server == NULL)
		return;
	if (is_led_to(engine, upstream, row))
		return;
	upstream->health.stranded++;
	upstream->health.changed = true;
	ereport(WARNING,
			(errmsg("message " INT64_FORMAT " of server \"%s\" was waiting for nothing",
					row->id, upstream->name),
			 errdetail("It is looked at again.")));
	msgext_upstream_remind(turn, upstream, MSG_REMINDER_SEND, turn->now, row->id);
}

void
msgext_sweep_run(MsgSweep *sweep, MsgEngine *engine)
{
	MsgTurn *turn = &engine->turn;
	ScanKeyData key;
	TupleTableSlot *slot = NULL;
	MsgScan *scan;
	int n = 0;

	if (turn->now < sweep->next_run)
		return;

	/* What this turn has set aside has its reminder. */
	msgext_turn_see_own_writes();
	msgext_key_int64(&key, 1, BTGreaterStrategyNumber, sweep->position);
	scan =
		msgext_table_scan(outbox_of(turn), "outbox_pkey", GetActiveSnapshot(), &key, 1);
	while (n++ < ROWS && (slot = msgext_scan_next(scan)) != NULL)
	{
		MemoryContext before = MemoryContextSwitchTo(turn->message);
		MsgRow row;

		msgext_outbox_read(outbox_of(turn), slot, &row);
		msgext_turn_reading(turn, row.id, NULL);
		sweep->position = row.id;
		look_at(engine, &row);
		MemoryContextSwitchTo(before);
		MemoryContextReset(turn->message);
	}
	msgext_turn_reading(turn, 0, NULL);
	msgext_scan_end(scan);
	sweep->next_run = turn->now + (slot == NULL ? PASS_US : RUN_US);
	if (slot == NULL)
		sweep->position = 0;
}
