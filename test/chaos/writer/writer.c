/*
 * writer.c
 *		A session of the chaos driver that queues messages in every way there is, while
 *		its server is killed under it, and keeps a ledger of its own of what was
 *		committed.
 *
 *		writer CONNINFO LEDGER NUMBER SEED			until SIGTERM
 *		observer: writer CONNINFO LEDGER observe	reports states that go backwards
 *
 * A message is known by a tag in its content. Lines of the ledger, each behind the time of
 * writing it, in milliseconds:
 *
 *		I server tag		is about to be queued
 *		C tag				its COMMIT was acknowledged
 *		P tag				the same of its COMMIT PREPARED, which is always on disk
 *		R tag				it was certainly rolled back
 *		U tag				nobody told: the connection broke in its COMMIT
 *		X tag since			cancel_message() said true, and that was committed; the
 *							transaction began then
 *		E text				an error that no fault of the driver's explains
 *		BACK since id from to	the observer saw a state that may not follow the one
 *								that it had seen then
 *
 * The file is written with write(2) line by line and not synced: the driver kills
 * servers, never the machine. This program judges nothing but the observer's order of
 * states.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "writer.h"

volatile sig_atomic_t stopping;

static void
stop(int signal_number)
{
	(void) signal_number;
	stopping = 1;
}

int
main(int argc, char **argv)
{
	bool observer = argc == 4 && strcmp(argv[3], "observe") == 0;

	if (argc != 5 && !observer)
	{
		fprintf(stderr, "usage: writer CONNINFO LEDGER NUMBER SEED | observe\n");
		return 2;
	}
	signal(SIGTERM, stop);
	signal(SIGPIPE, SIG_IGN);
	conninfo = argv[1];
	if (!open_ledger(argv[2]))
	{
		perror(argv[2]);
		return 1;
	}
	connect_again();
	if (observer)
	{
		observe();
		return 0;
	}
	number = atoi(argv[3]);
	seed_random(strtoull(argv[4], NULL, 10));
	while (!stopping)
	{
		do_something();
		if (PQstatus(db) != CONNECTION_OK)
			connect_again();
		pause_ms(random_below(8));
	}
	return 0;
}
