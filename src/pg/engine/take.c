/*
 * take.c
 *		Finding what may leave now, and claiming it.
 *
 * Runs inside a turn, behind the fence (claim.h). Reads reminders that are due and the
 * lanes' new messages, keeps the limits, and makes flights of what may go. What may not
 * go yet is set aside with its reason; nothing is skipped without a trace.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/multixact.h"
#include "access/transam.h"
#include "access/xact.h"
#include "storage/procarray.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "pg/base/clock.h"
#include "pg/base/guc.h"
#include "pg/engine/engine.h"
#include "pg/engine/session.h"
#include "pg/store/origin.h"

/* Another transaction holds the row: look again after this. */
#define HELD_RETRY_US (200 * 1000)

/* Reminders read at a time. */
#define DUE_BATCH 256

typedef enum Take
{
	TAKE_CLAIMED, /* it leaves with this turn */
	TAKE_PASSED,  /* it is none, or has been set aside */
	TAKE_STOP	  /* it stays where it is, and so does what is behind it */
} Take;

/*
 * Is another transaction changing this row version, or has it done so since our
 * snapshot? It may be cancelling the message: see claim.h.
 */
static bool
is_held(HeapTuple tuple)
{
	HeapTupleHeader header = tuple->t_data;
	TransactionId xmax = HeapTupleHeaderGetRawXmax(header);

	if ((header->t_infomask & HEAP_XMAX_INVALID) != 0 || !TransactionIdIsValid(xmax))
		return false;
	if ((header->t_infomask & HEAP_XMAX_IS_MULTI) != 0)
		return MultiXactIdIsRunning(xmax, false) ||
			   !HEAP_XMAX_IS_LOCKED_ONLY(header->t_infomask);
	if (TransactionIdIsCurrentTransactionId(xmax))
		return true;
	if (TransactionIdIsInProgress(xmax))
		return true;
	return !HEAP_XMAX_IS_LOCKED_ONLY(header->t_infomask) && TransactionIdDidCommit(xmax);
}

/* Sets a queued message aside until then. */
static void
defer(MsgDispatcher *dispatcher, MsgUpstream *upstream, const MsgRow *row,
	  TimestampTz until, const char *why, const char *error)
{
	MsgChange change;

	/* It must not sleep through its own end. */
	if (row->expires_at != 0)
		until = Min(until, row->expires_at);
	msgext_change_init(&change);
	msgext_change_time(&change, Anum_outbox_next_attempt_at, until);
	msgext_change_text(&change, Anum_outbox_waiting, msgext_clean_text(why, 256));
	if (error != NULL)
		msgext_change_text(&change, Anum_outbox_error, msgext_clean_text(error, 2048));
	if (msgext_outbox_update(outbox_of(dispatcher), row, &change, false) != TM_Ok)
		until = dispatcher->now + HELD_RETRY_US;
	msgext_upstream_remind(dispatcher, upstream, MSG_REMINDER_SEND, until, row->id);
}

/* Ends a queued message that will not be sent. */
static void
finish(MsgDispatcher *dispatcher, MsgUpstream *upstream, const MsgRow *row,
	   MsgState state, const char *kind, const char *error)
{
	MsgEventRow event = {0};
	MsgChange change;

	msgext_change_init(&change);
	msgext_change_state(&change, state);
	if (state != MSG_UNKNOWN)
		msgext_change_time(&change, Anum_outbox_finished_at, dispatcher->now);
	msgext_change_null(&change, Anum_outbox_next_attempt_at);
	msgext_change_null(&change, Anum_outbox_waiting);
	msgext_change_text(&change, Anum_outbox_error, error);
	if (msgext_outbox_update(outbox_of(dispatcher), row, &change, false) != TM_Ok)
	{
		msgext_upstream_remind(dispatcher, upstream, MSG_REMINDER_SEND,
							   dispatcher->now + HELD_RETRY_US, row->id);
		return;
	}
	if (state == MSG_UNKNOWN)
		msgext_upstream_remind(dispatcher, upstream, MSG_REMINDER_UNKNOWN,
							   row->created_at, row->id);
	event.message_id = row->id;
	event.kind = kind;
	event.state = state;
	event.error = error;
	msgext_event_append(events_of(dispatcher), &event);
}

/* A rate limit of this server holds its messages back. */
static Take
throttle(MsgDispatcher *dispatcher, MsgUpstream *upstream, MsgLane *lane,
		 const MsgRow *row, const char *key, TimestampTz free_at)
{
	char why[96];
	TimestampTz turn;
	bool in_line;

	snprintf(why, sizeof(why), "rate_limit%s%s", key != NULL ? " of " : "",
			 key != NULL ? key : "");
	if (upstream->throttled_until == 0 || free_at < upstream->throttled_until)
		upstream->throttled_until = free_at;
	in_line =
		msgext_limiter_reserve(dispatcher->limiter, upstream->name, key,
							   &upstream->server->rate_limit, dispatcher->now, &turn);
	if (!in_line && lane != NULL)
	{
		/* Enough wait in line: the lane stands still, and does not fill the table. */
		strlcpy(lane->waiting, why, sizeof(lane->waiting));
		lane->until = turn;
		lane->moved = true;
		return TAKE_STOP;
	}
	upstream->line_until = Max(upstream->line_until, turn);
	defer(dispatcher, upstream, row, turn, why, NULL);
	return TAKE_PASSED;
}

/* Its provider wants a login first, which is under way or has failed for now. */
static Take
wait_for_login(MsgDispatcher *dispatcher, MsgUpstream *upstream, MsgLane *lane,
			   const MsgRow *row, TimestampTz until)
{
	if (upstream->throttled_until == 0 || until < upstream->throttled_until)
		upstream->throttled_until = until;
	if (lane == NULL)
	{
		defer(dispatcher, upstream, row, until, "login", NULL);
		return TAKE_PASSED;
	}
	strlcpy(lane->waiting, "login", sizeof(lane->waiting));
	lane->until = until;
	return TAKE_STOP;
}

static Take
claim(MsgDispatcher *dispatcher, MsgUpstream *upstream, MsgAccount *account,
	  const MsgRow *row)
{
	MsgFlight *flight;

	if (dispatcher->batch == NULL)
	{
		dispatcher->batch =
			MemoryContextAllocZero(dispatcher->context, sizeof(MsgOpenClaim));
		dispatcher->last_batch = Max(dispatcher->last_batch + 1, (int64) dispatcher->now);
		dispatcher->batch->id = dispatcher->last_batch;
	}
	flight = msgext_batch_join(dispatcher, upstream, account, row, false);
	dispatcher->batch->left++;
	flight->batch = dispatcher->batch;
	upstream->health.last_claim_at = dispatcher->now;
	upstream->health.changed = true;
	return TAKE_CLAIMED;
}

static bool
is_poison(const MsgDispatcher *dispatcher, int64 id)
{
	int i;

	for (i = 0; i < dispatcher->npoison; i++)
		if (dispatcher->poison[i] == id)
			return true;
	return false;
}

static Take
judge(MsgDispatcher *dispatcher, MsgUpstream *upstream, MsgLane *lane, const MsgRow *row,
	  TimestampTz at)
{
	MsgServer *server = upstream->server;
	MsgAccount *account;
	TimestampTz until;
	char *recipient;
	char *key;

	if (row->state != MSG_QUEUED ||
		hash_search(dispatcher->under_way, &row->id, HASH_FIND, NULL) != NULL)
		return TAKE_PASSED;

	/* With a next attempt set, exactly one reminder stands for it. */
	if (row->next_attempt_at != 0 && (lane != NULL || row->next_attempt_at != at))
		return TAKE_PASSED;
	if (is_held(row->tuple) || is_poison(dispatcher, row->id))
	{
		msgext_upstream_remind(dispatcher, upstream, MSG_REMINDER_SEND,
							   dispatcher->now + (is_poison(dispatcher, row->id)
													  ? MSG_ACCOUNT_RETRY_US
													  : HELD_RETRY_US),
							   row->id);
		return TAKE_PASSED;
	}
	if (row->origin != msgext_origin())
	{
		upstream->paused = true;
		strlcpy(upstream->pause_wanted, "messages were restored from another database",
				sizeof(upstream->pause_wanted));
		if (lane != NULL)
			return TAKE_STOP;
		msgext_upstream_remind(dispatcher, upstream, MSG_REMINDER_SEND, at, row->id);
		return TAKE_PASSED;
	}
	if (row->expires_at != 0 && row->expires_at <= dispatcher->now)
	{
		finish(dispatcher, upstream, row, row->maybe_sent ? MSG_UNKNOWN : MSG_EXPIRED,
			   "expired", "its time to be sent has ended");
		return TAKE_PASSED;
	}
	if (row->send_after > dispatcher->now)
	{
		defer(dispatcher, upstream, row, row->send_after, "send_after", NULL);
		return TAKE_PASSED;
	}
	if (strcmp(msgext_row_text(row, Anum_outbox_provider), server->provider->name) != 0)
	{
		finish(dispatcher, upstream, row, MSG_FAILED, "answer",
			   "the server belongs to another provider now");
		return TAKE_PASSED;
	}
	account = msgext_server_account(server, msgext_row_text(row, Anum_outbox_sender));
	if (account->error != NULL)
	{
		msgext_upstream_error(dispatcher, upstream, account->error);
		defer(dispatcher, upstream, row, dispatcher->now + MSG_ACCOUNT_RETRY_US,
			  "credentials", account->error);
		return TAKE_PASSED;
	}

	if (msgext_session_need(dispatcher, upstream, account, &until) == MSG_SESSION_WAIT)
		return wait_for_login(dispatcher, upstream, lane, row, until);
	if (!msgext_batch_has_room(dispatcher, upstream, account, row->id, false))
		return TAKE_STOP;

	key = msgext_row_text(row, Anum_outbox_limit_key);
	recipient = msgext_row_text(row, Anum_outbox_recipient);
	if (server->recipient_limit.count > 0 && recipient != NULL &&
		!msgext_recipient_take(uses_of(dispatcher), upstream->name, key, recipient,
							   row->id, &server->recipient_limit, dispatcher->now,
							   &until))
	{
		defer(dispatcher, upstream, row, until, "recipient_limit", NULL);
		return TAKE_PASSED;
	}
	if (server->rate_limit.count > 0 &&
		!msgext_limiter_take(dispatcher->limiter, upstream->name, key,
							 &server->rate_limit, dispatcher->now,
							 upstream->health.last_claim_at, &until))
		return throttle(dispatcher, upstream, lane, row, key, until);
	return claim(dispatcher, upstream, account, row);
}

/* lane is NULL when a reminder, for the time at, led here. */
static Take
consider(MsgDispatcher *dispatcher, MsgUpstream *upstream, MsgLane *lane,
		 const MsgRow *row, TimestampTz at)
{
	MemoryContext before = MemoryContextSwitchTo(dispatcher->message);
	Take result = judge(dispatcher, upstream, lane, row, at);

	MemoryContextSwitchTo(before);
	MemoryContextReset(dispatcher->message);
	return result;
}

/*
 * Messages whose time has come again. Returns how many were claimed, and max when there
 * is no room for more.
 */
static int
take_reminded(MsgDispatcher *dispatcher, MsgUpstream *upstream, int max)
{
	MsgReminder *found = palloc(sizeof(MsgReminder) * DUE_BATCH);
	int claimed = 0;
	int n = DUE_BATCH;
	int i;

	while (claimed < max && n == DUE_BATCH)
	{
		int wanted = Min(max - claimed, DUE_BATCH);

		n = msgext_reminder_read(reminders_of(dispatcher), upstream->name,
								 MSG_REMINDER_SEND, upstream->send_from, 0,
								 dispatcher->now, found, wanted);
		for (i = 0; i < n; i++)
		{
			Take result = TAKE_PASSED;
			MsgRow row;

			dispatcher->reading = found[i].id;
			upstream->send_from = found[i].at;
			if (msgext_outbox_find(outbox_of(dispatcher), found[i].id,
								   GetActiveSnapshot(), &row))
				result = consider(dispatcher, upstream, NULL, &row, found[i].at);

			/* Its request would be one too many: the reminder stays. */
			if (result == TAKE_STOP)
			{
				dispatcher->reading = 0;
				return max;
			}
			msgext_reminder_remove(reminders_of(dispatcher), &found[i]);
			claimed += result == TAKE_CLAIMED;
		}
		if (n == wanted)
		{
			dispatcher->more = true;

			/* What this turn has removed must not be read again. */
			CommandCounterIncrement();
			UpdateActiveSnapshotCommandId();
			n = DUE_BATCH;
		}
	}
	dispatcher->reading = 0;
	return claimed;
}

/* New messages of one lane. Returns how many were claimed. */
static int
take_lane(MsgDispatcher *dispatcher, MsgUpstream *upstream, int i, int max)
{
	MsgLane *lane = upstream->lanes[i];
	int claimed = 0;
	MsgRow row;

	lane->waiting[0] = '\0';
	while (claimed < max && !upstream->paused)
	{
		Take result;

		dispatcher->reading = 0;
		if (!msgext_lane_next(lane, outbox_of(dispatcher), &row))
		{
			upstream->hungry[i] = false;
			break;
		}
		dispatcher->reading = row.id;
		result = consider(dispatcher, upstream, lane, &row, 0);
		if (result == TAKE_STOP)
			break;
		msgext_lane_pass(lane, &row);
		claimed += result == TAKE_CLAIMED;
		heap_freetuple(row.tuple);
	}
	dispatcher->reading = 0;
	msgext_lane_rest(lane);
	if (upstream->hungry[i] && lane->waiting[0] == '\0')
		dispatcher->more = true;
	return claimed;
}

/*
 * Each priority has twice the share of the next one; what one leaves, the others take.
 * Now and then the order is turned round, so that a flood of urgent messages slows the
 * others down and never stops them.
 */
static void
take_lanes(MsgDispatcher *dispatcher, MsgUpstream *upstream, int room)
{
	static const int weights[MSG_PRIORITIES] = {16, 8, 4, 2, 1};
	bool reversed = dispatcher->rotation % 8 == 7;
	int total = room;
	int round;
	int k;

	for (round = 0; round < 2; round++)
	{
		for (k = 0; k < MSG_PRIORITIES && room > 0; k++)
		{
			int i = reversed ? MSG_PRIORITIES - 1 - k : k;
			int share = round == 0 ? Max(total * weights[i] / 31, 1) : room;

			if (upstream->hungry[i])
				room -= take_lane(dispatcher, upstream, i, Min(share, room));
		}
	}
	for (k = 0; k < MSG_PRIORITIES; k++)
		if (upstream->hungry[k] && room <= 0)
			dispatcher->more = true;
}

/* Requests that may go out beside those that are out. */
static int
free_requests(const MsgDispatcher *dispatcher, const MsgUpstream *upstream)
{
	return Max(Min(upstream->server->max_in_flight - upstream->in_flight,
				   msgext_max_in_flight - dispatcher->flights),
			   0);
}

/* Status requests leave most of the room to messages; of a single place, one in four. */
static void
take_polls(MsgDispatcher *dispatcher, MsgUpstream *upstream, int requests)
{
	if (upstream->server->poll && requests > 0 &&
		upstream->polls_held_until <= dispatcher->now)
		msgext_take_polls(dispatcher, upstream, requests);
}

/* The first reminder there is, when those that are due may not all have been taken. */
static void
look_ahead(MsgDispatcher *dispatcher, MsgUpstream *upstream)
{
	TimestampTz send = msgext_reminder_first(reminders_of(dispatcher), upstream->name,
											 MSG_REMINDER_SEND, upstream->send_from, 0);
	TimestampTz poll =
		msgext_reminder_first(reminders_of(dispatcher), upstream->name, MSG_REMINDER_POLL,
							  upstream->poll_from, upstream->poll_after);

	if (poll != 0 && poll < upstream->polls_held_until)
		poll = upstream->polls_held_until;
	if (send != 0 && (upstream->next_due == 0 || send < upstream->next_due))
		upstream->next_due = send;
	if (poll != 0 && (upstream->next_due == 0 || poll < upstream->next_due))
		upstream->next_due = poll;
}

static bool
is_hungry(const MsgUpstream *upstream)
{
	int i;

	for (i = 0; i < MSG_PRIORITIES; i++)
		if (upstream->hungry[i])
			return true;
	return false;
}

static void
take_upstream(MsgDispatcher *dispatcher, MsgUpstream *upstream)
{
	int batch = upstream->server->batch_size;
	int requests = free_requests(dispatcher, upstream);
	bool due = upstream->next_due != 0 && upstream->next_due <= dispatcher->now;
	bool polls_first;

	upstream->throttled_until = 0;
	if (requests == 0)
	{
		dispatcher->more = true;
		return;
	}
	if ((!due && !is_hungry(upstream)) || msgext_upstream_is_paused(upstream))
		return;
	polls_first = requests >= 4 || upstream->asked++ % 4 == 3;
	if (due)
	{
		int claimed;

		/* From here on it tells of the reminders of this turn, which no scan sees yet. */
		upstream->next_due = 0;
		if (polls_first)
			take_polls(dispatcher, upstream, Max(requests / 4, 1));
		claimed = take_reminded(dispatcher, upstream, requests * batch);
		take_lanes(dispatcher, upstream, requests * batch - claimed);
		if (!polls_first)
			take_polls(dispatcher, upstream, free_requests(dispatcher, upstream));
		look_ahead(dispatcher, upstream);
	}
	else
		take_lanes(dispatcher, upstream, requests * batch);
}

/* The claim's row: from its commit on, its messages may be on the wire. */
static void
write_claim(MsgDispatcher *dispatcher)
{
	MsgFlight *flight;
	int64 *messages;
	int32 *attempts;
	int n = 0;

	if (dispatcher->batch == NULL)
		return;
	messages = palloc(sizeof(int64) * dispatcher->batch->left);
	attempts = palloc(sizeof(int32) * dispatcher->batch->left);
	for (flight = dispatcher->fresh; flight != NULL; flight = flight->next)
	{
		int i;

		for (i = 0; i < flight->n && flight->batch != NULL; i++)
		{
			messages[n] = flight->jobs[i].id;
			attempts[n] = flight->jobs[i].attempt;
			n++;
		}
	}
	msgext_claim_add(claims_of(dispatcher), dispatcher->batch->id, dispatcher->now, n,
					 messages, attempts);
}

void
msgext_take(MsgDispatcher *dispatcher)
{
	int n = list_length(dispatcher->upstreams);
	int i;

	msgext_claim_fence_hold();

	/* A snapshot from behind the fence: what was cancelled before it is seen. */
	PushActiveSnapshot(GetLatestSnapshot());
	dispatcher->more = false;
	dispatcher->rotation++;
	for (i = 0; i < n; i++)
	{
		MsgUpstream *upstream =
			list_nth(dispatcher->upstreams, (dispatcher->rotation + i) % n);

		if (upstream->server != NULL && !upstream->paused)
			take_upstream(dispatcher, upstream);
	}
	write_claim(dispatcher);
	PopActiveSnapshot();
}
