/*
 * lifecycle.c
 *		States, legal transitions, backoff and the outcome table: see lifecycle.h.
 */
#include "core/lifecycle.h"

#include <string.h>

static const char *const state_names[MSG_STATE_COUNT] = {
	[MSG_QUEUED] = "queued",		   [MSG_SENDING] = "sending",
	[MSG_ACCEPTED] = "accepted",	   [MSG_SENT] = "sent",
	[MSG_DELIVERED] = "delivered",	   [MSG_READ] = "read",
	[MSG_UNDELIVERED] = "undelivered", [MSG_FAILED] = "failed",
	[MSG_REJECTED] = "rejected",	   [MSG_EXPIRED] = "expired",
	[MSG_CANCELLED] = "cancelled",	   [MSG_UNKNOWN] = "unknown",
};

const char *
msgext_state_name(MsgState state)
{
	return state_names[state];
}

bool
msgext_state_parse(const char *text, MsgState *state)
{
	int i;

	for (i = 0; i < MSG_STATE_COUNT; i++)
	{
		if (strcmp(state_names[i], text) == 0)
		{
			*state = (MsgState) i;
			return true;
		}
	}
	return false;
}

const char *
msgext_verdict_name(MsgVerdict verdict)
{
	static const char *const names[] = {
		[MSG_VERDICT_ACCEPTED] = "accepted",
		[MSG_VERDICT_PROGRESS] = "progress",
		[MSG_VERDICT_RETRY] = "retry",
		[MSG_VERDICT_REJECTED] = "rejected",
		[MSG_VERDICT_CONTINUE] = "continue",
		[MSG_VERDICT_SPLIT] = "split",
		[MSG_VERDICT_RELOGIN] = "relogin",
		[MSG_VERDICT_PAUSE] = "pause",
		[MSG_VERDICT_PAUSE_ACCOUNT] = "pause_account",
		[MSG_VERDICT_UNSURE] = "unsure",
	};

	return names[verdict];
}

bool
msgext_state_is_final(MsgState state)
{
	switch (state)
	{
		case MSG_DELIVERED:
		case MSG_READ:
		case MSG_UNDELIVERED:
		case MSG_FAILED:
		case MSG_REJECTED:
		case MSG_EXPIRED:
		case MSG_CANCELLED:
			return true;
		case MSG_QUEUED:
		case MSG_SENDING:
		case MSG_ACCEPTED:
		case MSG_SENT:
		case MSG_UNKNOWN:
			break;
	}
	return false;
}

bool
msgext_state_is_bad_end(MsgState state)
{
	return state == MSG_FAILED || state == MSG_REJECTED || state == MSG_UNDELIVERED ||
		   state == MSG_EXPIRED || state == MSG_UNKNOWN;
}

/* Height in the order of reports; what is not higher does not move a message. */
static int
report_rank(MsgState state)
{
	switch (state)
	{
		case MSG_QUEUED:
		case MSG_SENDING:
		case MSG_UNKNOWN:
			return 0;
		case MSG_ACCEPTED:
			return 1;
		case MSG_SENT:
			return 2;
		case MSG_UNDELIVERED:
		case MSG_FAILED:
		case MSG_REJECTED:
		case MSG_EXPIRED:
		case MSG_CANCELLED:
			return 3;
		case MSG_DELIVERED:
			return 4;
		case MSG_READ:
			return 5;
	}
	return 0;
}

bool
msgext_state_may_follow(MsgState current, MsgState reported)
{
	return report_rank(reported) > report_rank(current);
}

/* splitmix64: spreads consecutive seeds over the whole range. */
static uint64_t
spread(uint64_t seed)
{
	seed += UINT64_C(0x9E3779B97F4A7C15);
	seed = (seed ^ (seed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	seed = (seed ^ (seed >> 27)) * UINT64_C(0x94D049BB133111EB);
	return seed ^ (seed >> 31);
}

int64_t
msgext_backoff_ms(int64_t min_ms, int64_t max_ms, int failures, uint64_t seed)
{
	int64_t delay = min_ms > 0 ? min_ms : 1;
	int64_t half;

	if (max_ms <= 0)
		max_ms = delay;
	while (failures-- > 1 && delay < max_ms)
		delay = delay <= max_ms / 2 ? delay * 2 : max_ms;
	if (delay > max_ms)
		delay = max_ms;
	half = delay / 2;
	return delay - half + (int64_t) (spread(seed) % (uint64_t) (half + 1));
}

static void
end(MsgDecision *decision, MsgState state, const char *note)
{
	decision->state = state;
	decision->note = note;
}

/* A moment that far away is never; an interval of PostgreSQL's can be longer. */
static int64_t
later(int64_t time_us, int64_t delay_ms)
{
	int64_t delay_us;
	int64_t result;

	if (__builtin_mul_overflow(delay_ms, 1000, &delay_us) ||
		__builtin_add_overflow(time_us, delay_us, &result))
		return INT64_MAX;
	return result;
}

/* Send again after delay_ms, unless the message's own time is over by then. */
static void
wait(const MsgPolicy *policy, const MsgHistory *history, int64_t now_us, int64_t delay_ms,
	 MsgDecision *decision)
{
	int64_t next_us = later(now_us, delay_ms);

	/* What some may have has not expired unsent; the rest can be sent again. */
	if (history->expires_us != 0 && next_us >= history->expires_us)
		end(decision, history->begun ? MSG_FAILED : MSG_EXPIRED,
			"its time to be sent ended before the next attempt");
	else if (policy->give_up_ms != 0 &&
			 next_us >= later(history->first_attempt_us, policy->give_up_ms))
		end(decision, MSG_FAILED, "given up after give_up_after");
	else
	{
		decision->state = MSG_QUEUED;
		decision->next_us = next_us;
	}
}

/* A failed attempt: counted, and repeated until max_attempts. */
static void
repeat(const MsgPolicy *policy, const MsgHistory *history, int64_t now_us,
	   MsgDecision *decision)
{
	int failures = history->failures + 1;

	decision->counted = true;
	if (policy->max_attempts > 0 && failures >= policy->max_attempts)
		end(decision, MSG_FAILED, "given up after max_attempts");
	else
		wait(policy, history, now_us,
			 msgext_backoff_ms(policy->retry_min_ms, policy->retry_max_ms, failures,
							   history->seed),
			 decision);
}

/* Waits as long as the provider said; one that names no time has only failed. */
static void
wait_as_told(const MsgPolicy *policy, const MsgHistory *history, int64_t retry_after_ms,
			 int64_t now_us, MsgDecision *decision)
{
	if (retry_after_ms > 0)
		wait(policy, history, now_us, retry_after_ms, decision);
	else
		repeat(policy, history, now_us, decision);
}

/*
 * A message that may have arrived has not failed, was not refused, and has not expired
 * unsent: where no further attempt follows, nobody can say.
 */
static void
end_as_unknown(MsgDecision *decision)
{
	if (decision->state != MSG_QUEUED)
		decision->state = MSG_UNKNOWN;
	if (decision->state == MSG_UNKNOWN && decision->note == NULL)
		decision->note = "an earlier attempt may have reached the provider";
}

void
msgext_lifecycle_decide(const MsgPolicy *policy, const MsgHistory *history,
						MsgVerdict verdict, bool inherent, int64_t retry_after_ms,
						int64_t now_us, MsgDecision *decision)
{
	memset(decision, 0, sizeof(*decision));
	switch (verdict)
	{
		case MSG_VERDICT_ACCEPTED:
		case MSG_VERDICT_PROGRESS:
			decision->state = MSG_ACCEPTED;
			break;
		case MSG_VERDICT_RETRY:
			wait_as_told(policy, history, retry_after_ms, now_us, decision);
			if (history->maybe_sent)
				end_as_unknown(decision);
			break;
		case MSG_VERDICT_CONTINUE:
		case MSG_VERDICT_SPLIT:
			wait(policy, history, now_us, 0, decision);
			if (history->maybe_sent)
				end_as_unknown(decision);
			break;
		case MSG_VERDICT_REJECTED:
			decision->state = MSG_REJECTED;
			if (history->maybe_sent && !inherent)
				end_as_unknown(decision);
			break;
		case MSG_VERDICT_RELOGIN:
		case MSG_VERDICT_PAUSE:
		case MSG_VERDICT_PAUSE_ACCOUNT:
			decision->state = MSG_QUEUED;
			decision->next_us = now_us;
			if (verdict == MSG_VERDICT_PAUSE)
				decision->hold = MSG_HOLD_SERVER;
			else if (verdict == MSG_VERDICT_PAUSE_ACCOUNT)
				decision->hold = MSG_HOLD_ACCOUNT;
			break;
		case MSG_VERDICT_UNSURE:
			if (!policy->deduplicates && !policy->resend_unknown)
				decision->state = MSG_UNKNOWN;
			else
			{
				wait_as_told(policy, history, retry_after_ms, now_us, decision);
				end_as_unknown(decision);
			}
			break;
	}
}
