/*
 * counts.c
 *		Counters and histograms of a server: see counts.h.
 */
#include "core/counts.h"

#include <string.h>

#define MS(n) (INT64_C(1000) * (n))
#define S(n) (INT64_C(1000000) * (n))
#define MINUTES(n) (S(60) * (n))
#define HOURS(n) (S(3600) * (n))

const int64_t msgext_time_bounds_us[MSG_TIMES][MSG_BOUNDS] = {
	[MSG_TIME_REQUEST] = {MS(1), MS(2), MS(5), MS(10), MS(25), MS(50), MS(100), MS(250),
						  MS(500), S(1), S(2), S(5), S(10), S(30), S(60), S(300)},
	[MSG_TIME_WAIT] = {MS(1), MS(2), MS(5), MS(10), MS(50), MS(100), MS(500), S(1), S(5),
					   S(30), MINUTES(1), MINUTES(5), MINUTES(30), HOURS(2), HOURS(12),
					   HOURS(24)},
	[MSG_TIME_DELIVERY] = {MS(100), MS(500), S(1), S(2), S(5), S(10), S(30), MINUTES(1),
						   MINUTES(2), MINUTES(5), MINUTES(15), HOURS(1), HOURS(3),
						   HOURS(12), HOURS(24), HOURS(120)},
};

const MsgMetric msgext_counter_metrics[MSG_COUNTERS] = {
	[MSG_COUNT_QUEUED] = {"messages_queued", "Messages taken up from the queue."},
	[MSG_COUNT_ACCEPTED] = {"messages_accepted", "Messages that the provider took."},
	[MSG_COUNT_SENT] = {"messages_sent",
						"Messages handed on by the provider towards their recipient."},
	[MSG_COUNT_DELIVERED] = {"messages_delivered",
							 "Messages that reached their recipient."},
	[MSG_COUNT_READ] = {"messages_read", "Messages that were seen by their recipient."},
	[MSG_COUNT_UNDELIVERED] = {"messages_undelivered",
							   "Messages sent on that did not reach their recipient."},
	[MSG_COUNT_REJECTED] = {"messages_rejected",
							"Messages that the provider refused for good."},
	[MSG_COUNT_FAILED] = {"messages_failed",
						  "Messages that failed on the way or ran out of attempts."},
	[MSG_COUNT_EXPIRED] = {"messages_expired", "Messages whose time was over."},
	[MSG_COUNT_UNKNOWN] = {"messages_unknown",
						   "Messages of which nobody can tell whether they arrived."},
	[MSG_COUNT_CANCELLED] = {"messages_cancelled", "Messages that were withdrawn."},
	[MSG_COUNT_RETRIED] = {"messages_retried", "Messages queued again by a person."},
	[MSG_COUNT_REQUESTS] = {"requests", "Requests to the provider, of any kind."},
	[MSG_COUNT_REQUEST_ERRORS] =
		{"request_errors", "Requests without an answer, or answered with 429 or 5xx."},
	[MSG_COUNT_POLLS] = {"polls", "Requests that asked for a status."},
	[MSG_COUNT_LOGINS] = {"logins", "Requests that logged in."},
	[MSG_COUNT_BYTES_SENT] = {"sent_bytes", "Bytes of the bodies of requests."},
	[MSG_COUNT_BYTES_RECEIVED] = {"received_bytes", "Bytes of the bodies of answers."},
	[MSG_COUNT_CALLBACKS] = {"callbacks", "Reports that the provider pushed."},
	[MSG_COUNT_CALLBACKS_UNMATCHED] =
		{"callbacks_unmatched",
		 "Reports that no message was known for, or that could not be read."},
	[MSG_COUNT_WAITS_RATE] = {"waits_rate", "Messages set aside for the rate limit."},
	[MSG_COUNT_WAITS_RECIPIENT] = {"waits_recipient",
								   "Messages set aside for their recipient's limit."},
	[MSG_COUNT_BREAKS] = {"breaks", "How often the circuit breaker opened."},
};

const MsgMetric msgext_time_metrics[MSG_TIMES] = {
	[MSG_TIME_REQUEST] = {"request_seconds", "Time from a request to its answer."},
	[MSG_TIME_WAIT] = {"wait_seconds",
					   "Time from a message's being queued to its first request."},
	[MSG_TIME_DELIVERY] = {"delivery_seconds",
						   "Time from a message's being queued to its delivery."},
};

void
msgext_counts_time(MsgCounts *counts, MsgTime time, int64_t us)
{
	const int64_t *bounds = msgext_time_bounds_us[time];
	int i = 0;

	if (us < 0)
		us = 0;
	while (i < MSG_BOUNDS && us > bounds[i])
		i++;
	counts->times[time].buckets[i]++;
	counts->times[time].sum_us += us;
	counts->any = true;
}

void
msgext_counts_merge(MsgCounts *into, const MsgCounts *from)
{
	int i;
	int k;

	if (!from->any)
		return;
	for (i = 0; i < MSG_COUNTERS; i++)
		into->n[i] += from->n[i];
	for (i = 0; i < MSG_TIMES; i++)
	{
		for (k = 0; k < MSG_BUCKETS; k++)
			into->times[i].buckets[k] += from->times[i].buckets[k];
		into->times[i].sum_us += from->times[i].sum_us;
	}
	into->any = true;
}

void
msgext_counts_clear(MsgCounts *counts)
{
	if (counts->any)
		memset(counts, 0, sizeof(*counts));
}

/* Has the provider had the message, if it is in this state? */
static bool
is_taken(MsgState state)
{
	return state == MSG_ACCEPTED || state == MSG_SENT || state == MSG_DELIVERED ||
		   state == MSG_READ || state == MSG_UNDELIVERED;
}

static bool
is_waiting(MsgState state)
{
	return state == MSG_QUEUED || state == MSG_SENDING || state == MSG_UNKNOWN;
}

static bool
is_delivered(MsgState state)
{
	return state == MSG_DELIVERED || state == MSG_READ;
}

void
msgext_counts_reach(MsgCounts *counts, MsgState before, MsgState after, int64_t waited_us)
{
	static const int counters[MSG_STATE_COUNT] = {
		[MSG_QUEUED] = -1,
		[MSG_SENDING] = -1,
		[MSG_ACCEPTED] = -1,
		[MSG_SENT] = MSG_COUNT_SENT,
		[MSG_DELIVERED] = -1,
		[MSG_READ] = MSG_COUNT_READ,
		[MSG_UNDELIVERED] = MSG_COUNT_UNDELIVERED,
		[MSG_FAILED] = MSG_COUNT_FAILED,
		[MSG_REJECTED] = MSG_COUNT_REJECTED,
		[MSG_EXPIRED] = MSG_COUNT_EXPIRED,
		[MSG_CANCELLED] = MSG_COUNT_CANCELLED,
		[MSG_UNKNOWN] = MSG_COUNT_UNKNOWN,
	};

	if (before == after)
		return;
	if (is_taken(after) && is_waiting(before))
		msgext_counts_add(counts, MSG_COUNT_ACCEPTED, 1);
	if (is_delivered(after) && !is_delivered(before))
	{
		msgext_counts_add(counts, MSG_COUNT_DELIVERED, 1);
		msgext_counts_time(counts, MSG_TIME_DELIVERY, waited_us);
	}
	if (counters[after] >= 0)
		msgext_counts_add(counts, (MsgCounter) counters[after], 1);
}
