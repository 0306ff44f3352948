/*
 * ledger.c
 *		The ledger, a line each time, and its clock: see writer.h.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "writer.h"

static int ledger_fd;

long long
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

bool
open_ledger(const char *path)
{
	ledger_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return ledger_fd >= 0;
}

void
enter(const char *format, ...)
{
	char line[512];
	int length = snprintf(line, sizeof(line), "%lld ", now_ms());
	va_list args;

	va_start(args, format);
	length += vsnprintf(line + length, sizeof(line) - 1 - length, format, args);
	va_end(args);
	if (length > (int) sizeof(line) - 2)
		length = sizeof(line) - 2;
	line[length++] = '\n';
	if (write(ledger_fd, line, length) != length)
	{
		perror("ledger");
		exit(1);
	}
}
