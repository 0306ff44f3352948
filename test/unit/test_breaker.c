/*
 * test_breaker.c
 *		The circuit breaker: its steps one by one, and what holds in any order of events.
 */
#include "test.h"

#include "core/breaker.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define START (INT64_C(1000) * MINUTE)
#define BREAK_US (15 * MINUTE)

static uint32_t state;

static int64_t
random_below(int64_t n)
{
	return ((int64_t) test_random(&state) << 24 | test_random(&state)) % n;
}

static bool
fail_at(MsgBreaker *breaker, int64_t now_us)
{
	return msgext_breaker_failed(breaker, BREAK_US, 0, now_us);
}

static void
test_opens(void)
{
	MsgBreaker breaker = {0};
	int i;

	test_begin("breaker: opens after nothing but failures for that long");
	for (i = 0; i < 15; i++)
		CHECK(!fail_at(&breaker, START + i * MINUTE));
	CHECK(msgext_breaker_admits(&breaker, START));
	CHECK(fail_at(&breaker, START + 15 * MINUTE));
	CHECK(!msgext_breaker_admits(&breaker, START + 15 * MINUTE + MSG_BREAKER_MIN_US - 1));
	CHECK(msgext_breaker_admits(&breaker, START + 15 * MINUTE + MSG_BREAKER_MIN_US));
	test_end();

	test_begin("breaker: one success begins the time anew");
	msgext_breaker_reset(&breaker);
	for (i = 0; i < 15; i++)
		fail_at(&breaker, START + i * MINUTE);
	CHECK(!msgext_breaker_worked(&breaker));
	for (i = 0; i < 15; i++)
		CHECK(!fail_at(&breaker, START + (16 + i) * MINUTE));
	CHECK(fail_at(&breaker, START + 31 * MINUTE));
	test_end();

	test_begin("breaker: few failures are no outage, however long apart");
	msgext_breaker_reset(&breaker);
	for (i = 1; i < MSG_BREAKER_RUN; i++)
		CHECK(!fail_at(&breaker, START + i * 600 * MINUTE));
	CHECK(fail_at(&breaker, START + i * 600 * MINUTE));
	test_end();

	test_begin("breaker: off, it counts and does not open");
	msgext_breaker_reset(&breaker);
	for (i = 0; i < 100; i++)
		CHECK(!msgext_breaker_failed(&breaker, 0, 0, START + i * MINUTE));
	CHECK(fail_at(&breaker, START + 100 * MINUTE)); /* switched on */
	test_end();
}

static void
open_it(MsgBreaker *breaker)
{
	int i;

	msgext_breaker_reset(breaker);
	for (i = 0; i < MSG_BREAKER_RUN - 1; i++)
		fail_at(breaker, START - BREAK_US);
	CHECK(fail_at(breaker, START));
}

static void
test_probes(void)
{
	MsgBreaker breaker = {0};
	int64_t now_us = START;
	int64_t pause_us = 0;
	int i;

	test_begin("breaker: one probe at a time, at growing intervals");
	open_it(&breaker);
	for (i = 0; i < 20; i++)
	{
		int64_t next_us = breaker.probe_us - now_us;

		CHECK(next_us >= pause_us);
		CHECK(next_us <= MSG_BREAKER_MAX_US);
		pause_us = next_us;
		now_us = breaker.probe_us;
		CHECK(msgext_breaker_claimed(&breaker, BREAK_US, now_us));
		CHECK(
			!msgext_breaker_admits(&breaker, breaker.probe_us + MSG_BREAKER_MAX_US - 1));
		CHECK(!fail_at(&breaker, now_us));
		msgext_breaker_probe_ended(&breaker);
	}
	CHECK_INT(pause_us, MSG_BREAKER_MAX_US);
	CHECK_INT(breaker.probes, 20);
	test_end();

	test_begin("breaker: where nothing is told of a probe, another one may try");
	now_us = breaker.probe_us;
	CHECK(msgext_breaker_claimed(&breaker, BREAK_US, now_us));
	CHECK(!msgext_breaker_claimed(&breaker, BREAK_US, now_us));
	now_us = msgext_breaker_next_us(&breaker);
	CHECK_INT(now_us, breaker.probe_us + MSG_BREAKER_MAX_US);
	CHECK(msgext_breaker_claimed(&breaker, BREAK_US, now_us));
	CHECK(!msgext_breaker_admits(&breaker, now_us));
	test_end();

	test_begin("breaker: a success closes it");
	CHECK(msgext_breaker_worked(&breaker));
	CHECK(msgext_breaker_admits(&breaker, now_us));
	CHECK(!msgext_breaker_claimed(&breaker, BREAK_US, now_us));
	CHECK(!fail_at(&breaker, now_us));
	test_end();

	test_begin("breaker: a provider that names a time is left alone for it");
	open_it(&breaker);
	msgext_breaker_failed(&breaker, BREAK_US, 600 * MINUTE, START + 1);
	CHECK_INT(breaker.probe_us, START + 1 + 600 * MINUTE);
	test_end();

	test_begin("breaker: with a short break_after the first pause is as short");
	msgext_breaker_reset(&breaker);
	for (i = 0; i < MSG_BREAKER_RUN; i++)
		msgext_breaker_failed(&breaker, SECOND, 0, START + i * SECOND);
	CHECK_INT(breaker.probe_us, START + MSG_BREAKER_RUN * SECOND);
	test_end();
}

/* Any order of events, with what is remembered of all of them. */
static void
test_any_order(void)
{
	MsgBreaker breaker = {0};
	int64_t now_us = START;
	int64_t first_failure_us = 0; /* since the last success or release */
	int failures = 0;
	int opened = 0;
	int step;
	bool probing = false;

	test_begin("breaker: what holds in any order of events");
	state = 1;
	for (step = 0; step < 200000; step++)
	{
		MsgBreaker before = breaker;
		bool open = breaker.state != MSG_BREAKER_CLOSED;

		now_us += random_below(3 * MINUTE);
		switch (random_below(16))
		{
			case 0:
				if (random_below(20) == 0)
				{
					CHECK(msgext_breaker_worked(&breaker) == open);
					CHECK_INT(breaker.state, MSG_BREAKER_CLOSED);
					failures = 0;
					probing = false;
				}
				break;
			case 1:
				if (random_below(50) == 0)
				{
					msgext_breaker_reset(&breaker);
					failures = 0;
					probing = false;
				}
				break;
			case 2:
			case 3:
				if (msgext_breaker_admits(&breaker, now_us))
				{
					CHECK(!probing || now_us >= breaker.probe_us + MSG_BREAKER_MAX_US);
					CHECK(msgext_breaker_claimed(&breaker, BREAK_US, now_us) == open);
					probing = open;
				}
				break;
			case 4:
				msgext_breaker_probe_ended(&breaker);
				probing = false;
				break;
			default:
				if (failures++ == 0)
					first_failure_us = now_us;
				if (fail_at(&breaker, now_us))
				{
					opened++;
					CHECK(!open);
					CHECK(now_us - first_failure_us >= BREAK_US);
					CHECK(failures >= MSG_BREAKER_RUN);
				}
				else if (!open)
					CHECK(now_us - first_failure_us < BREAK_US ||
						  failures < MSG_BREAKER_RUN);
				break;
		}
		CHECK(probing == (breaker.state == MSG_BREAKER_PROBING));
		if (breaker.state == MSG_BREAKER_OPEN && before.state != MSG_BREAKER_PROBING)
			CHECK(!msgext_breaker_admits(&breaker, breaker.probe_us - 1));
	}
	CHECK(opened > 50);
	test_end();
}

void
test_breaker(void)
{
	test_opens();
	test_probes();
	test_any_order();
}
