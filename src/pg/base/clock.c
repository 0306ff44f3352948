/*
 * clock.c
 *		The time of messages: see clock.h.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "pg/base/clock.h"

/* 0 = it goes. */
static TimestampTz stands_at = 0;

TimestampTz
msgext_clock(void)
{
	return stands_at != 0 ? stands_at : GetCurrentTimestamp();
}

void
msgext_clock_set(TimestampTz at)
{
	stands_at = at;
}

bool
msgext_clock_stands(void)
{
	return stands_at != 0;
}
