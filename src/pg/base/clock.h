/*
 * clock.h
 *		The time of messages: what is written into rows, and what decides what is due.
 *
 * In a test it may stand still (test_case.h). What a process waits for itself, and what it
 * may keep in memory, is measured by GetCurrentTimestamp(). Also between the server's time,
 * microseconds since 2000, and the codecs', since 1970.
 */
#ifndef MSGEXT_CLOCK_H
#define MSGEXT_CLOCK_H

#include "postgres.h"

#include "access/xact.h"
#include "common/int.h"
#include "utils/timestamp.h"

#include "pg/base/test_case.h"

#define MSG_EPOCH_US                                                                     \
	((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY * USECS_PER_SEC)

static inline TimestampTz
msgext_clock(void)
{
	return msgext_test_clock_stands ? msgext_test_clock() : GetCurrentTimestamp();
}

/* What is later than now by more than this was written by a clock that was ahead. */
#define MSG_CLOCK_SLACK_US (10 * USECS_PER_SEC)

static inline bool
msgext_clock_was_ahead(TimestampTz then, TimestampTz now)
{
	return then > now + MSG_CLOCK_SLACK_US;
}

/* Has no more than this passed since then? Nobody knows, where the clock was set back. */
static inline bool
msgext_clock_within(TimestampTz then, int64 us, TimestampTz now)
{
	return now >= then && now < then + us;
}

/*
 * A time that a caller has given, who can only reckon from now(): where the clock of
 * messages stands still, six hours from now() are six hours from there.
 */
static inline TimestampTz
msgext_clock_given(TimestampTz at)
{
	TimestampTz clock = msgext_test_clock_stands ? msgext_clock() : 0;

	if (at == 0 || clock == 0)
		return at;
	return at + (clock - GetCurrentTransactionStartTimestamp());
}

/* The reverse: as a caller would give a time by the clock of messages. */
static inline TimestampTz
msgext_clock_to_give(TimestampTz at)
{
	TimestampTz clock = msgext_test_clock_stands ? msgext_clock() : 0;

	if (at == 0 || clock == 0)
		return at;
	return at - (clock - GetCurrentTransactionStartTimestamp());
}

/* 0 means "no time" on both sides. The last of the server's years are beyond 64 bits here. */
static inline int64
msgext_unix_us(TimestampTz at)
{
	int64 us;

	if (at == 0)
		return 0;
	return pg_add_s64_overflow(at, MSG_EPOCH_US, &us) ? PG_INT64_MAX : us;
}

static inline TimestampTz
msgext_from_unix_us(int64 us)
{
	return us == 0 ? 0 : us - MSG_EPOCH_US;
}

#endif /* MSGEXT_CLOCK_H */
