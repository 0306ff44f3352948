/*
 * test_rate.c
 *		Rates over a sliding window, against a model that remembers everything.
 */
#include "test.h"

#include <string.h>

#include "core/lengthof.h"
#include "core/rate.h"

#define SECOND INT64_C(1000000)
#define START (INT64_C(1000) * SECOND)

/* xorshift: the same numbers each time. */
static uint64_t state;

static int64_t
random_below(int64_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (int64_t) (state % (uint64_t) n);
}

static MsgRateWindow
start(int64_t count, int64_t per_ms, int64_t last_us)
{
	MsgRate rate = {count, per_ms};
	MsgRateWindow window;

	msgext_rate_start(
		&window, &rate,
		msgext_alloc(test_arena, (size_t) msgext_rate_entries(&rate) * sizeof(int64_t)),
		last_us);
	return window;
}

/* How many of n times, which ascend, are less than a period before now. */
static int
count_within(const int64_t *times, int n, int64_t now_us, int64_t period_us)
{
	int within = 0;

	while (within < n && times[n - 1 - within] > now_us - period_us)
		within++;
	return within;
}

/* It says what the model says, at every moment. */
static void
test_exact(void)
{
	static const MsgRate rates[] = {{1, 1000},		{2, 1000},	   {7, 1000},
									{50, 1000},		{3, 60000},	   {60, 60000},
									{100, 3600000}, {1, 86400000}, {1000, 1000}};
	size_t i;

	for (i = 0; i < lengthof(rates); i++)
	{
		MsgRateWindow window;
		int64_t period_us = rates[i].per_ms * 1000;
		int64_t now_us = START;
		int64_t *gone;
		int n = 0;
		int step;

		test_begin("rate: %d in %d ms, as the model says", (int) rates[i].count,
				   (int) rates[i].per_ms);
		gone = msgext_alloc(test_arena, 5000 * sizeof(int64_t));
		state = 88172645463325252u + i;
		window = start(rates[i].count, rates[i].per_ms, 0);
		for (step = 0; step < 5000; step++)
		{
			bool may = count_within(gone, n, now_us, period_us) < rates[i].count;
			int64_t until_us = 0;
			bool took = msgext_rate_take(&window, now_us, &until_us);

			CHECK(took == may);
			if (took != may)
				break;
			if (took)
				gone[n++] = now_us;
			else
			{
				CHECK(until_us > now_us);
				CHECK(count_within(gone, n, until_us, period_us) < rates[i].count);
				CHECK_INT(count_within(gone, n, until_us - 1, period_us), rates[i].count);
			}

			/*
			 * At once, after a little, just before and at the moment it names, and late.
			 */
			switch (random_below(6))
			{
				case 0:
					now_us += random_below(2 * period_us / rates[i].count + 2);
					break;
				case 1:
					if (until_us > now_us)
						now_us = until_us - 1;
					break;
				case 2:
					if (until_us > now_us)
						now_us = until_us;
					break;
				case 3:
					if (random_below(50) == 0)
						now_us += random_below(2 * period_us);
					break;
			}
		}
		CHECK(n > rates[i].count);
		test_end();
	}
}

/* Beyond that it may let less go, and never more in any period. */
static void
test_coarse(void)
{
	static const MsgRate rates[] = {{10001, 1000},	{30000, 1000},	  {70001, 1000},
									{25000, 60000}, {99999, 3600000}, {1000000, 1000}};
	size_t i;

	for (i = 0; i < lengthof(rates); i++)
	{
		MsgRateWindow window;
		int64_t period_us = rates[i].per_ms * 1000;
		int total = (int) rates[i].count * 3;
		int64_t *gone;
		int64_t now_us = START;
		int64_t until_us;
		int n = 0;

		test_begin("rate: %d in %d ms, never looser", (int) rates[i].count,
				   (int) rates[i].per_ms);
		gone = msgext_alloc(test_arena, (size_t) total * sizeof(int64_t));
		window = start(rates[i].count, rates[i].per_ms, 0);
		CHECK(window.count <= 10000 && window.count >= 5000);

		/* As fast as it lets. */
		while (n < total)
		{
			if (!msgext_rate_take(&window, now_us, &until_us))
				now_us = until_us;
			else
			{
				if (n >= rates[i].count && gone[n - rates[i].count] > now_us - period_us)
					break;
				gone[n++] = now_us;
			}
		}
		CHECK_INT(n, total);

		/* And hardly slower. */
		CHECK(now_us - START <= 3 * period_us);
		test_end();
	}
}

/* Nobody knows what went before: not a moment too early, and all of it then. */
static void
test_start_full(void)
{
	MsgRateWindow window;
	int64_t until_us;
	int i;

	test_begin("rate: a short window starts full");
	window = start(10, 60000, START);
	CHECK(!msgext_rate_take(&window, START + 60 * SECOND - 1, &until_us));
	CHECK_INT(until_us, START + 60 * SECOND);
	CHECK(!msgext_rate_rests(&window, START + 60 * SECOND));
	CHECK(msgext_rate_rests(&window, START + 60 * SECOND + 1));
	for (i = 0; i < 10; i++)
		CHECK(msgext_rate_take(&window, START + 60 * SECOND, &until_us));
	CHECK(!msgext_rate_take(&window, START + 60 * SECOND, &until_us));
	CHECK_INT(msgext_rate_newest(&window), START + 60 * SECOND);
	test_end();

	test_begin("rate: a long window starts evenly used");
	window = start(24, 86400000, START);
	CHECK(msgext_rate_take(&window, START, &until_us));
	CHECK(!msgext_rate_take(&window, START, &until_us));
	for (i = 1; i < 24; i++)
	{
		CHECK_INT(until_us, START + i * INT64_C(3600) * SECOND);
		CHECK(msgext_rate_take(&window, until_us, &until_us));
		msgext_rate_take(&window, START + i * INT64_C(3600) * SECOND, &until_us);
	}
	test_end();
}

/* All parts together are never more than the whole, in any period of it. */
static void
test_share(void)
{
	static const MsgRate rates[] = {{50, 1000}, {7, 1000}, {2, 1000}, {1, 60000}};
	size_t i;
	int whole;
	int parts;

	test_begin("rate: shares");
	for (i = 0; i < lengthof(rates); i++)
		for (whole = 1; whole <= 9; whole++)
			for (parts = 1; parts <= whole; parts++)
			{
				MsgShare share = {parts, whole};
				MsgRate mine = msgext_rate_share(&rates[i], &share);

				/* count / per_ms <= rate * parts / whole, without rounding */
				CHECK(mine.count >= 1);
				CHECK(mine.count * rates[i].per_ms * whole <=
					  rates[i].count * mine.per_ms * parts);
				CHECK(mine.per_ms == rates[i].per_ms || mine.count == 1);
			}
	CHECK_INT(msgext_rate_share(&(MsgRate){0, 0}, &(MsgShare){1, 3}).count, 0);
	test_end();
}

/* What was claimed leaves later, and counts from then. */
static void
test_leave(void)
{
	MsgRateWindow window = start(3, 1000, 0);
	int64_t until_us;

	test_begin("rate: it counts from when it leaves");
	CHECK(msgext_rate_take(&window, START, &until_us));
	msgext_rate_leave(&window, START, START + 10);
	CHECK(msgext_rate_take(&window, START + 20, &until_us));
	CHECK(msgext_rate_take(&window, START + 20, &until_us));
	msgext_rate_leave(&window, START + 20, START + SECOND / 2);
	CHECK(!msgext_rate_take(&window, START + SECOND, &until_us));
	CHECK_INT(until_us, START + 10 + SECOND);
	CHECK(msgext_rate_take(&window, until_us, &until_us));
	CHECK(!msgext_rate_take(&window, START + SECOND + 20, &until_us));
	CHECK_INT(until_us, START + SECOND / 2 + SECOND);
	msgext_rate_leave(&window, START + 20, START + 2 * SECOND);
	CHECK(msgext_rate_take(&window, START + SECOND / 2 + SECOND, &until_us));
	test_end();
}

/* Those that wait line up a step apart, behind what has gone, and not for ever. */
static void
test_line(void)
{
	MsgRateWindow window;
	int64_t until_us;
	int64_t at_us;
	int64_t last_us;
	int n = 1;

	test_begin("rate: a line");
	window = start(2, 1000, 0);
	CHECK(msgext_rate_rests(&window, START));
	CHECK(msgext_rate_take(&window, START, &until_us));
	CHECK(msgext_rate_take(&window, START + 1000, &until_us));
	CHECK(!msgext_rate_take(&window, START + 2000, &until_us));
	CHECK_INT(until_us, START + SECOND);
	CHECK(msgext_rate_reserve(&window, START + 2000, &at_us));
	CHECK_INT(at_us, START + SECOND);
	for (last_us = at_us; msgext_rate_reserve(&window, START + 2000, &at_us); n++)
	{
		CHECK_INT(at_us, last_us + SECOND / 2);
		last_us = at_us;
	}
	CHECK_INT(at_us, last_us + SECOND / 2);
	CHECK(n > 1000 && n <= 1002);

	/* Time passes, and with it the line. */
	CHECK(msgext_rate_reserve(&window, START + 2 * SECOND, &at_us));
	CHECK_INT(at_us, last_us + SECOND / 2);
	CHECK(msgext_rate_reserve(&window, START + 5000 * SECOND, &at_us));
	CHECK_INT(at_us, START + 5000 * SECOND);
	test_end();
}

void
test_rate(void)
{
	test_exact();
	test_coarse();
	test_start_full();
	test_share();
	test_leave();
	test_line();
}
