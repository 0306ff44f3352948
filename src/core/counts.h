/*
 * counts.h
 *		What is counted of a server: counters that only grow, and how long things took.
 *
 * Plain numbers: the caller keeps, adds and writes them. Times are microseconds.
 */
#ifndef MSGEXT_COUNTS_H
#define MSGEXT_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/lifecycle.h"

/* In the order of the columns of msgext.statistic. */
typedef enum MsgCounter
{
	MSG_COUNT_QUEUED,	/* taken up from the queue */
	MSG_COUNT_ACCEPTED, /* and the states, by messages that got there */
	MSG_COUNT_SENT,
	MSG_COUNT_DELIVERED,
	MSG_COUNT_READ,
	MSG_COUNT_UNDELIVERED,
	MSG_COUNT_REJECTED,
	MSG_COUNT_FAILED,
	MSG_COUNT_EXPIRED,
	MSG_COUNT_UNKNOWN,
	MSG_COUNT_CANCELLED,
	MSG_COUNT_RETRIED,	/* by people */
	MSG_COUNT_REQUESTS, /* of any kind */
	MSG_COUNT_REQUEST_ERRORS,
	MSG_COUNT_POLLS, /* of the requests */
	MSG_COUNT_LOGINS,
	MSG_COUNT_BYTES_SENT,
	MSG_COUNT_BYTES_RECEIVED,
	MSG_COUNT_CALLBACKS,
	MSG_COUNT_CALLBACKS_UNMATCHED,
	MSG_COUNT_WAITS_RATE,
	MSG_COUNT_WAITS_RECIPIENT,
	MSG_COUNT_BREAKS
} MsgCounter;

#define MSG_COUNTERS (MSG_COUNT_BREAKS + 1)

typedef enum MsgTime
{
	MSG_TIME_REQUEST, /* of a request, to the end of its answer */
	MSG_TIME_WAIT,	  /* of a message, from being queued to its first request */
	MSG_TIME_DELIVERY /* of a message, from being queued to its delivery */
} MsgTime;

#define MSG_TIMES (MSG_TIME_DELIVERY + 1)

/* Upper bounds, each included, and one bucket more for what is above them all. */
#define MSG_BOUNDS 16
#define MSG_BUCKETS (MSG_BOUNDS + 1)

typedef struct MsgHistogram
{
	int64_t buckets[MSG_BUCKETS]; /* not cumulative */
	int64_t sum_us;
} MsgHistogram;

typedef struct MsgCounts
{
	bool any; /* something may not be 0 */
	int64_t n[MSG_COUNTERS];
	MsgHistogram times[MSG_TIMES];
} MsgCounts;

/* Fixed for ever: they are in rows, and in people's queries. */
extern const int64_t msgext_time_bounds_us[MSG_TIMES][MSG_BOUNDS];

/* For monitoring systems. */
typedef struct MsgMetric
{
	const char *name; /* without prefix and suffix */
	const char *help;
} MsgMetric;

/* By MsgCounter, and by MsgTime. */
extern const MsgMetric msgext_counter_metrics[MSG_COUNTERS];
extern const MsgMetric msgext_time_metrics[MSG_TIMES];

static inline void
msgext_counts_add(MsgCounts *counts, MsgCounter counter, int64_t n)
{
	counts->n[counter] += n;
	counts->any = true;
}

/* A duration below 0, of a clock that was set back, counts as 0. */
extern void msgext_counts_time(MsgCounts *counts, MsgTime time, int64_t us);

/* Adds all of from; sets all to 0. */
extern void msgext_counts_merge(MsgCounts *into, const MsgCounts *from);
extern void msgext_counts_clear(MsgCounts *counts);

/*
 * A message has gone from one state to another. What a report skips counts too: who has
 * read a message has got it, and its provider had taken it. waited_us is since it was
 * queued.
 */
extern void msgext_counts_reach(MsgCounts *counts, MsgState before, MsgState after,
								int64_t waited_us);

#endif /* MSGEXT_COUNTS_H */
