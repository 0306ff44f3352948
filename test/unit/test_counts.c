/*
 * test_counts.c
 *		Counters and histograms of a server.
 */
#include "test.h"

#include <string.h>

#include "core/counts.h"

static void
test_times(void)
{
	MsgCounts counts = {0};
	MsgCounts sum = {0};
	int time;
	int i;

	for (time = 0; time < MSG_TIMES; time++)
	{
		const int64_t *bounds = msgext_time_bounds_us[time];

		test_begin("counts: histogram %s", msgext_time_metrics[time].name);
		memset(&counts, 0, sizeof(counts));
		CHECK(bounds[0] > 0);
		for (i = 1; i < MSG_BOUNDS; i++)
			CHECK(bounds[i] > bounds[i - 1]);
		for (i = 0; i < MSG_BOUNDS; i++)
		{
			msgext_counts_time(&counts, (MsgTime) time, bounds[i]);
			CHECK_INT(counts.times[time].buckets[i], 1);
			msgext_counts_time(&counts, (MsgTime) time, bounds[i] + 1);
			CHECK_INT(counts.times[time].buckets[i + 1], 1);
			memset(&counts, 0, sizeof(counts));
		}
		msgext_counts_time(&counts, (MsgTime) time, -5);
		CHECK_INT(counts.times[time].buckets[0], 1);
		CHECK_INT(counts.times[time].sum_us, 0);
		msgext_counts_time(&counts, (MsgTime) time, bounds[3]);
		msgext_counts_merge(&sum, &counts);
		msgext_counts_merge(&sum, &counts);
		CHECK_INT(sum.times[time].buckets[3], 2);
		CHECK_INT(sum.times[time].sum_us, 2 * bounds[3]);
		test_end();
	}
}

static void
test_states(void)
{
	MsgCounts counts = {0};
	MsgCounts empty = {0};
	int i;

	test_begin("counts: a message on its way");
	msgext_counts_reach(&counts, MSG_QUEUED, MSG_ACCEPTED, 10);
	msgext_counts_reach(&counts, MSG_ACCEPTED, MSG_SENT, 20);
	msgext_counts_reach(&counts, MSG_SENT, MSG_DELIVERED, 30);
	msgext_counts_reach(&counts, MSG_DELIVERED, MSG_READ, 40);
	CHECK_INT(counts.n[MSG_COUNT_ACCEPTED], 1);
	CHECK_INT(counts.n[MSG_COUNT_SENT], 1);
	CHECK_INT(counts.n[MSG_COUNT_DELIVERED], 1);
	CHECK_INT(counts.n[MSG_COUNT_READ], 1);
	CHECK_INT(counts.times[MSG_TIME_DELIVERY].sum_us, 30);
	test_end();

	test_begin("counts: what a report skips counts");
	msgext_counts_clear(&counts);
	CHECK(memcmp(&counts, &empty, sizeof(counts)) == 0);
	msgext_counts_reach(&counts, MSG_UNKNOWN, MSG_READ, 5);
	CHECK_INT(counts.n[MSG_COUNT_ACCEPTED], 1);
	CHECK_INT(counts.n[MSG_COUNT_SENT], 0);
	CHECK_INT(counts.n[MSG_COUNT_DELIVERED], 1);
	CHECK_INT(counts.n[MSG_COUNT_READ], 1);
	test_end();

	test_begin("counts: a state that stays, or that is none of an end, counts nothing");
	msgext_counts_clear(&counts);
	for (i = 0; i < MSG_STATE_COUNT; i++)
		msgext_counts_reach(&counts, (MsgState) i, (MsgState) i, 1);
	msgext_counts_reach(&counts, MSG_UNKNOWN, MSG_QUEUED, 1);
	CHECK(!counts.any);
	msgext_counts_reach(&counts, MSG_QUEUED, MSG_REJECTED, 1);
	CHECK_INT(counts.n[MSG_COUNT_REJECTED], 1);
	CHECK_INT(counts.n[MSG_COUNT_ACCEPTED], 0);
	test_end();

	test_begin("counts: every counter has a name of its own");
	for (i = 0; i < MSG_COUNTERS; i++)
	{
		int k;

		CHECK(msgext_counter_metrics[i].name != NULL);
		CHECK(msgext_counter_metrics[i].help != NULL);
		for (k = 0; k < i; k++)
			CHECK(strcmp(msgext_counter_metrics[i].name,
						 msgext_counter_metrics[k].name) != 0);
	}
	test_end();
}

void
test_counts(void)
{
	test_times();
	test_states();
}
