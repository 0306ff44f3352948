/*
 * clock.c
 *		Its two clocks: see peer.h.
 */
#include <time.h>

#include "peer.h"

int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
format_time(char *text, size_t size)
{
	time_t t = time(NULL) + 3 * 3600;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, size, "%Y-%m-%d %H:%M:%S", &tm);
}
