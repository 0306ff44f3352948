/*
 * interval.h
 *		How long an interval is, where it is a mere length of time: a day has 24 hours, a
 *		month 30 days.
 */
#ifndef MSGEXT_INTERVAL_H
#define MSGEXT_INTERVAL_H

#include "postgres.h"

#include "common/int.h"
#include "datatype/timestamp.h"

/* In microseconds. False where they do not fit; of 17 on, where it is infinite, too. */
static inline bool
msgext_interval_us(const Interval *interval, int64 *us)
{
	int64 days = (int64) interval->month * DAYS_PER_MONTH + interval->day;

	return !pg_mul_s64_overflow(days, USECS_PER_DAY, us) &&
		   !pg_add_s64_overflow(*us, interval->time, us);
}

#endif /* MSGEXT_INTERVAL_H */
