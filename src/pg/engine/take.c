/*
 * take.c
 *		Finding what may leave now: see take.h.
 *
 * Reads reminders that are due, and the lanes' new messages; admit.c says of each what
 * becomes of it. Nothing is skipped without a trace.
 */
#include "postgres.h"

#include "utils/snapmgr.h"

#include "pg/base/guc.h"
#include "pg/base/mode.h"
#include "pg/engine/admit.h"
#include "pg/engine/outage.h"
#include "pg/engine/poll.h"
#include "pg/engine/take.h"
#include "pg/store/claim.h"

#define REMINDERS_AT_A_TIME 256

/*
 * Messages whose time has come again. A half of the looks is left to the lanes: of rows
 * that are held, and come again and again, there may be any number. Returns how many were
 * claimed, and max when there is no room for more.
 */
static int
take_reminded(MsgEngine *engine, MsgUpstream *upstream, int max)
{
	MsgReminder *found = palloc(sizeof(MsgReminder) * REMINDERS_AT_A_TIME);
	int leave = msgext_upstream_may_have_rows(upstream)
					? msgext_turn_looks_left(&engine->turn) / 2
					: 0;
	int claimed = 0;
	int n = REMINDERS_AT_A_TIME;
	int i;

	while (claimed < max && n == REMINDERS_AT_A_TIME &&
		   msgext_turn_looks_left(&engine->turn) > leave)
	{
		int wanted =
			Min(Min(max - claimed, msgext_turn_looks_left(&engine->turn) - leave),
				REMINDERS_AT_A_TIME);

		n = msgext_reminder_read(reminders_of(&engine->turn), upstream->oid,
								 MSG_REMINDER_SEND, upstream->send_from, 0,
								 engine->turn.now, found, wanted);
		for (i = 0; i < n; i++)
		{
			MsgAdmission result = MSG_ADMIT_PASSED;
			MsgRow row;

			msgext_turn_reading(&engine->turn, found[i].id, upstream->name);
			upstream->send_from = found[i].at;
			if (msgext_outbox_find(outbox_of(&engine->turn), found[i].id,
								   GetActiveSnapshot(), &row))
				result = msgext_admit(engine, upstream, NULL, &row);

			/* Its request would be one too many: the reminder stays. */
			if (result == MSG_ADMIT_STOP)
			{
				msgext_turn_reading(&engine->turn, 0, upstream->name);
				return max;
			}
			msgext_reminder_remove(reminders_of(&engine->turn), &found[i]);
			engine->turn.looked++;
			claimed += result == MSG_ADMIT_CLAIMED;
		}
		if (n == wanted)
		{
			engine->turn.work_left = true;

			/* What this turn has removed must not be read again. */
			msgext_turn_see_own_writes();
			n = REMINDERS_AT_A_TIME;
		}
	}
	msgext_turn_reading(&engine->turn, 0, upstream->name);
	return claimed;
}

/*
 * Messages that were set aside for their account or for their recipient's limit, in front
 * of their time: those that may be sent now leave, as far as there is room; the others
 * stay as they are. Returns how many were claimed.
 */
static int
recheck_deferred(MsgEngine *engine, MsgUpstream *upstream, int max)
{
	MsgRecheck *recheck = &upstream->recheck;
	MsgReminder *found;
	int claimed = 0;
	int wanted;
	int n;
	int i;

	if (!recheck->running && recheck->wanted)
	{
		recheck->running = true;
		recheck->wanted = recheck->possible = false;
		recheck->at = engine->turn.now;
		recheck->id = 0;
		recheck->until =
			recheck->limits ? DT_NOEND : engine->turn.now + MSG_ACCOUNT_RETRY_MAX_US;
	}
	wanted = msgext_turn_looks_left(&engine->turn);
	if (!recheck->running || max <= 0 || wanted <= 0)
		return 0;
	found = palloc(sizeof(MsgReminder) * wanted);
	n = msgext_reminder_read(reminders_of(&engine->turn), upstream->oid,
							 MSG_REMINDER_SEND, recheck->at, recheck->id, recheck->until,
							 found, wanted);
	for (i = 0; i < n && claimed < max; i++)
	{
		MsgAdmission result = MSG_ADMIT_WAITS;
		MsgRow row;

		msgext_turn_reading(&engine->turn, found[i].id, upstream->name);
		if (msgext_outbox_find(outbox_of(&engine->turn), found[i].id, GetActiveSnapshot(),
							   &row))
		{
			result = msgext_admit_early(engine, upstream, &row);
			heap_freetuple(row.tuple);
		}
		if (result == MSG_ADMIT_STOP)
			break;
		if (result != MSG_ADMIT_WAITS)
			msgext_reminder_remove(reminders_of(&engine->turn), &found[i]);
		recheck->at = found[i].at;
		recheck->id = found[i].id;
		engine->turn.looked++;
		claimed += result == MSG_ADMIT_CLAIMED;
	}
	msgext_turn_reading(&engine->turn, 0, upstream->name);
	recheck->running = i < n || n == wanted;

	/* Not before: a turn that fails begins the look anew, and as far. */
	if (!recheck->running && !recheck->wanted)
		recheck->limits = recheck->set_back = false;
	return claimed;
}

/*
 * New messages of one lane; so many looks are left to the others. Returns how many were
 * claimed.
 */
static int
take_lane(MsgEngine *engine, MsgUpstream *upstream, int i, int max, int leave)
{
	MsgLane *lane = upstream->lanes[i];
	int claimed = 0;
	MsgRow row;

	lane->waiting[0] = '\0';
	while (claimed < max && msgext_turn_looks_left(&engine->turn) > leave &&
		   !upstream->paused)
	{
		MsgAdmission result;

		msgext_turn_reading(&engine->turn, 0, upstream->name);
		if (!msgext_lane_next(lane, outbox_of(&engine->turn), &row))
		{
			upstream->may_have_rows[i] = false;
			break;
		}
		result = msgext_admit(engine, upstream, lane, &row);
		if (result == MSG_ADMIT_STOP)
			break;
		msgext_lane_pass(lane, &row);
		engine->turn.looked++;
		claimed += result == MSG_ADMIT_CLAIMED;
		heap_freetuple(row.tuple);
	}
	msgext_turn_reading(&engine->turn, 0, upstream->name);
	msgext_lane_rest(lane);
	upstream->lanes_moved |= lane->moved;
	if (upstream->may_have_rows[i] && lane->waiting[0] == '\0')
		engine->turn.work_left = true;
	if (upstream->may_have_rows[i] && msgext_turn_looks_left(&engine->turn) <= leave)
		engine->turn.more = true;
	return claimed;
}

/*
 * Each priority has twice the share of the next one; what one leaves, the others take.
 * Now and then the order is turned round, so that a flood of urgent messages slows the
 * others down and never stops them.
 */
static void
take_lanes(MsgEngine *engine, MsgUpstream *upstream, int room)
{
	static const int weights[MSG_PRIORITIES] = {16, 8, 4, 2, 1};
	bool reversed = engine->upstreams.rotation % 8 == 7;
	int total = room;
	int round;
	int k;

	for (round = 0; round < 2; round++)
	{
		for (k = 0;
			 k < MSG_PRIORITIES && room > 0 && msgext_turn_looks_left(&engine->turn) > 0;
			 k++)
		{
			int i = reversed ? MSG_PRIORITIES - 1 - k : k;
			int share = round == 0 ? Max(total * weights[i] / 31, 1) : room;
			int leave = round == 0 ? msgext_turn_looks_left(&engine->turn) / 2 : 0;

			if (upstream->may_have_rows[i])
				room -= take_lane(engine, upstream, i, Min(share, room), leave);
		}
	}
	for (k = 0; k < MSG_PRIORITIES; k++)
		if (upstream->may_have_rows[k] &&
			(room <= 0 || msgext_turn_looks_left(&engine->turn) <= 0))
			engine->turn.work_left = true;
}

/* Requests that may go out beside those that are out. */
static int
free_requests(const MsgEngine *engine, const MsgUpstream *upstream)
{
	return Max(Min(upstream->server->max_in_flight - upstream->in_flight,
				   msgext_max_in_flight - engine->flights.count),
			   0);
}

/* Status requests leave most of the room to messages; of a single place, one in four. */
static void
take_polls(MsgEngine *engine, MsgUpstream *upstream, int requests)
{
	if (upstream->server->poll && requests > 0 &&
		upstream->polls_held_until <= engine->turn.now)
		msgext_poll_take(engine, upstream, requests);
}

/* The first reminder there is, when those that are due may not all have been taken. */
static void
find_next_due(MsgEngine *engine, MsgUpstream *upstream)
{
	TimestampTz send = msgext_reminder_first(reminders_of(&engine->turn), upstream->oid,
											 MSG_REMINDER_SEND, upstream->send_from, 0);
	TimestampTz poll = 0;

	/* What is not asked for is never due. */
	if (upstream->server->poll)
		poll = msgext_reminder_first(reminders_of(&engine->turn), upstream->oid,
									 MSG_REMINDER_POLL, upstream->poll_from,
									 upstream->poll_after);
	if (poll != 0 && poll < upstream->polls_held_until)
		poll = upstream->polls_held_until;
	if (send != 0 && (upstream->next_due == 0 || send < upstream->next_due))
		upstream->next_due = send;
	if (poll != 0 && (upstream->next_due == 0 || poll < upstream->next_due))
		upstream->next_due = poll;
}

/*
 * The circuit breaker lets one message try, or one status be asked for. New messages come
 * first: one that fails for its own sake is behind all others the next time.
 */
static void
take_probe(MsgEngine *engine, MsgUpstream *upstream, bool due)
{
	TimestampTz now = engine->turn.now;

	take_lanes(engine, upstream, 1);
	if (!due || !msgext_outage_admits(upstream, now))
		return;
	upstream->next_due = 0;
	take_reminded(engine, upstream, 1);
	if (msgext_outage_admits(upstream, now))
		take_polls(engine, upstream, 1);
	find_next_due(engine, upstream);
}

static void
take_upstream(MsgEngine *engine, MsgUpstream *upstream)
{
	int batch = upstream->server->batch_size;
	int requests = free_requests(engine, upstream);
	bool due = upstream->next_due != 0 && upstream->next_due <= engine->turn.now;
	bool polls_first;

	upstream->throttled_until = 0;
	if (requests == 0)
	{
		engine->turn.work_left = true;
		return;
	}
	if ((!due && !msgext_upstream_may_have_rows(upstream)) ||
		!msgext_outage_admits(upstream, engine->turn.now) ||
		msgext_upstream_is_paused(upstream))
		return;
	if (upstream->breaker.state != MSG_BREAKER_CLOSED)
	{
		take_probe(engine, upstream, due);
		return;
	}
	polls_first = requests >= 4 || upstream->turns_with_room++ % 4 == 3;
	if (due)
	{
		int claimed;

		/* From here on it tells of the reminders of this turn, which no scan sees yet. */
		upstream->next_due = 0;
		if (polls_first)
			take_polls(engine, upstream, Max(requests / 4, 1));
		claimed = take_reminded(engine, upstream, requests * batch);
		claimed += recheck_deferred(engine, upstream, requests * batch - claimed);
		msgext_poll_recheck(engine, upstream);
		take_lanes(engine, upstream, requests * batch - claimed);
		if (!polls_first)
			take_polls(engine, upstream, free_requests(engine, upstream));
		find_next_due(engine, upstream);
		if (upstream->recheck.running || upstream->recheck.wanted ||
			upstream->recheck.polls_set_back)
			msgext_upstream_come_again(&engine->turn, upstream);
	}
	else
		take_lanes(engine, upstream, requests * batch);
}

void
msgext_take(MsgEngine *engine)
{
	MsgUpstreams *upstreams = &engine->upstreams;
	int n = list_length(upstreams->list);
	int i;

	Assert(engine->turn.active && engine->batches.open == NULL);
	engine->may_send = msgext_mode() == MSG_MODE_LIVE;
	if (!engine->may_send)
		return;
	msgext_claim_fence_hold();

	/* A snapshot from behind the fence: what was cancelled before it is seen. */
	PushActiveSnapshot(GetLatestSnapshot());
	engine->turn.work_left = false;
	engine->turn.looked = 0;
	upstreams->rotation++;
	for (i = 0; i < n && msgext_turn_looks_left(&engine->turn) > 0; i++)
	{
		MsgUpstream *upstream = list_nth(upstreams->list, (upstreams->first + i) % n);

		if (upstream->server == NULL || upstream->paused)
			continue;
		msgext_turn_reading(&engine->turn, 0, upstream->name);
		take_upstream(engine, upstream);
	}

	/* Each comes first in turn; or who is behind the one that left nothing to the others. */
	if (msgext_turn_looks_left(&engine->turn) > 0)
		i = 1;
	else
		engine->turn.more = true;
	upstreams->first = (upstreams->first + i) % Max(n, 1);
	msgext_turn_reading(&engine->turn, 0, NULL);
	msgext_batch_write_claim(&engine->batches, &engine->turn, &engine->flights);
	PopActiveSnapshot();
}
