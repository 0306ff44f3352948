/*
 * ledger.c
 *		The ledger, a line each time: see peer.h.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "peer.h"

static int ledger_fd;

void
open_ledger(const char *path)
{
	ledger_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (ledger_fd < 0)
		die(path);
}

void
enter(const char *format, ...)
{
	char line[1024];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (length > (int) sizeof(line) - 2)
		length = sizeof(line) - 2;
	line[length++] = '\n';
	if (write(ledger_fd, line, length) != length)
		die("ledger");
}
