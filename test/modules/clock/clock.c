/*
 * clock.c
 *		A clock that tests set: preloaded, it adds to the time of day the microseconds that
 *		are in the file CLOCK_OFFSET names. Time that only passes is left alone.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t
offset_us(void)
{
	static volatile int64_t *offset = NULL;
	const char *file = getenv("CLOCK_OFFSET");

	if (offset == NULL && file != NULL)
	{
		int fd = open(file, O_RDONLY | O_CLOEXEC);
		void *map = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);

		if (map == MAP_FAILED)
			abort();
		close(fd);
		offset = map;
	}
	return offset != NULL ? *offset : 0;
}

int
clock_gettime(clockid_t clock, struct timespec *time)
{
	int failed = (int) syscall(SYS_clock_gettime, clock, time);
	int64_t us;

	if (failed || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
		return failed;
	us = (int64_t) time->tv_sec * 1000000 + time->tv_nsec / 1000 + offset_us();
	time->tv_sec = us / 1000000;
	time->tv_nsec = us % 1000000 * 1000 + time->tv_nsec % 1000;
	return 0;
}

int
gettimeofday(struct timeval *restrict time, void *restrict zone)
{
	struct timespec now;

	(void) zone;
	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return -1;
	time->tv_sec = now.tv_sec;
	time->tv_usec = now.tv_nsec / 1000;
	return 0;
}
