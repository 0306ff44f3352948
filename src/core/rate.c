/*
 * rate.c
 *		The arithmetic of rates: see rate.h.
 */
#include "core/rate.h"

#include <string.h>

#define ENTRIES_MAX 10000

/* How many wait in line beyond a window. */
#define QUEUE_MAX 1000

/* Longest window that is taken for full when it starts. */
#define FULL_WINDOW_US (INT64_C(60) * 1000000)

/* Into so many equal parts is a rate divided whose window would be too large. */
static int64_t
parts_of(const MsgRate *rate)
{
	return (rate->count + ENTRIES_MAX - 1) / ENTRIES_MAX;
}

MsgRate
msgext_rate_share(const MsgRate *rate, const MsgShare *share)
{
	MsgRate part = *rate;
	int64_t mine = rate->count * share->parts;

	if (rate->count == 0)
		return part;
	part.count = mine / share->whole;
	if (part.count == 0)
	{
		part.count = 1;
		part.per_ms = (rate->per_ms * share->whole + mine - 1) / mine;
	}
	return part;
}

int
msgext_rate_entries(const MsgRate *rate)
{
	return (int) (rate->count / parts_of(rate));
}

void
msgext_rate_start(MsgRateWindow *window, const MsgRate *rate, int64_t *times,
				  int64_t last_us)
{
	int64_t parts = parts_of(rate);
	int i;

	window->rate = *rate;
	window->count = msgext_rate_entries(rate);

	/* Rounded up: a part that ends early would let one more part into the period. */
	window->period_us = (rate->per_ms * 1000 + parts - 1) / parts;
	window->next = 0;
	window->line_end_us = 0;
	window->times = times;
	for (i = 0; i < window->count; i++)
	{
		times[i] = last_us;
		if (last_us != 0 && window->period_us > FULL_WINDOW_US)
			times[i] -= window->period_us / window->count * (window->count - i);
	}
}

int64_t
msgext_rate_newest(const MsgRateWindow *window)
{
	return window->times[(window->next + window->count - 1) % window->count];
}

bool
msgext_rate_rests(const MsgRateWindow *window, int64_t now_us)
{
	int64_t newest_us = msgext_rate_newest(window);

	return newest_us == 0 || newest_us + window->period_us < now_us;
}

bool
msgext_rate_take(MsgRateWindow *window, int64_t now_us, int64_t *until_us)
{
	int64_t oldest_us = window->times[window->next];

	if (oldest_us != 0 && oldest_us + window->period_us > now_us)
	{
		*until_us = oldest_us + window->period_us;
		return false;
	}
	window->times[window->next] = now_us;
	window->next = (window->next + 1) % window->count;
	return true;
}

void
msgext_rate_leave(MsgRateWindow *window, int64_t claimed_us, int64_t now_us)
{
	int i;

	for (i = 1; i <= window->count; i++)
	{
		int entry = (window->next + window->count - i) % window->count;

		if (window->times[entry] != claimed_us)
			break;
		window->times[entry] = now_us;
	}
}

static int64_t
later_of(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

bool
msgext_rate_reserve(MsgRateWindow *window, int64_t now_us, int64_t *at_us)
{
	int64_t step_us = later_of(window->period_us / window->count, 1);
	int64_t oldest_us = window->times[window->next];
	int64_t next_us = now_us;

	if (oldest_us != 0)
		next_us = later_of(next_us, oldest_us + window->period_us);
	if (window->line_end_us != 0)
		next_us = later_of(next_us, window->line_end_us + step_us);
	*at_us = next_us;
	if (next_us > now_us + QUEUE_MAX * step_us + window->period_us)
		return false;
	window->line_end_us = next_us;
	return true;
}
