/*
 * breaker.c
 *		A circuit breaker: see breaker.h.
 */
#include "core/breaker.h"

/* The pause behind the n-th probe; behind the 0th, the opening itself. */
static int64_t
interval_us(int64_t break_us, int probes)
{
	int64_t us = MSG_BREAKER_MIN_US;

	if (break_us > 0 && break_us < us)
		us = break_us;
	while (probes-- > 0 && us < MSG_BREAKER_MAX_US)
		us *= 2;
	return us < MSG_BREAKER_MAX_US ? us : MSG_BREAKER_MAX_US;
}

static void
put_off(MsgBreaker *breaker, int64_t until_us)
{
	if (breaker->probe_us < until_us)
		breaker->probe_us = until_us;
}

bool
msgext_breaker_failed(MsgBreaker *breaker, int64_t break_us, int64_t wait_us,
					  int64_t now_us)
{
	if (breaker->state != MSG_BREAKER_CLOSED)
	{
		put_off(breaker, now_us + wait_us);
		return false;
	}
	if (breaker->failing_us == 0 || now_us < breaker->failing_us)
		breaker->failing_us = now_us;
	if (breaker->failures < MSG_BREAKER_RUN)
		breaker->failures++;
	if (break_us <= 0 || breaker->failures < MSG_BREAKER_RUN ||
		now_us - breaker->failing_us < break_us)
		return false;
	breaker->state = MSG_BREAKER_OPEN;
	breaker->opened_us = now_us;
	breaker->probes = 0;
	breaker->probe_us = now_us + interval_us(break_us, 0);
	put_off(breaker, now_us + wait_us);
	return true;
}

bool
msgext_breaker_worked(MsgBreaker *breaker)
{
	bool closes = breaker->state != MSG_BREAKER_CLOSED;

	msgext_breaker_reset(breaker);
	return closes;
}

int64_t
msgext_breaker_next_us(const MsgBreaker *breaker)
{
	switch (breaker->state)
	{
		case MSG_BREAKER_CLOSED:
			break;
		case MSG_BREAKER_OPEN:
			return breaker->probe_us;
		case MSG_BREAKER_PROBING:
			return breaker->probe_us + MSG_BREAKER_MAX_US;
	}
	return INT64_MIN;
}

bool
msgext_breaker_admits(const MsgBreaker *breaker, int64_t now_us)
{
	return now_us >= msgext_breaker_next_us(breaker);
}

bool
msgext_breaker_claimed(MsgBreaker *breaker, int64_t break_us, int64_t now_us)
{
	if (breaker->state == MSG_BREAKER_CLOSED || (breaker->state == MSG_BREAKER_PROBING &&
												 !msgext_breaker_admits(breaker, now_us)))
		return false;
	breaker->state = MSG_BREAKER_PROBING;
	breaker->probe_us = now_us + interval_us(break_us, ++breaker->probes);
	return true;
}

void
msgext_breaker_probe_ended(MsgBreaker *breaker)
{
	if (breaker->state == MSG_BREAKER_PROBING)
		breaker->state = MSG_BREAKER_OPEN;
}

void
msgext_breaker_reset(MsgBreaker *breaker)
{
	breaker->state = MSG_BREAKER_CLOSED;
	breaker->failing_us = 0;
	breaker->failures = 0;
	breaker->opened_us = 0;
	breaker->probe_us = 0;
	breaker->probes = 0;
}
