/*
 * observer.c
 *		States that go backwards: see writer.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "writer.h"

#define WINDOW 4096 /* messages that are looked at */

/* docs/reference.md, "States": who comes after whom. */
static int
rank(const char *state)
{
	static const char *const names[] = {"queued",	   "unknown",	"accepted", "sent",
										"undelivered", "failed",	"rejected", "expired",
										"cancelled",   "delivered", "read"};
	static const int ranks[] = {0, 0, 1, 2, 3, 3, 3, 3, 3, 4, 5};
	unsigned i;

	for (i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++)
		if (strcmp(names[i], state) == 0)
			return ranks[i];
	return -1;
}

void
observe(void)
{
	static char states[WINDOW][16];
	static int attempts[WINDOW];
	static long ids[WINDOW];
	static long long seen[WINDOW];

	while (!stopping)
	{
		long long now = now_ms();
		PGresult *result =
			PQexec(db, "SELECT id, state, attempts FROM msgext.outbox WHERE id > "
					   "(SELECT max(id) FROM msgext.outbox) - 2000");
		int i;

		if (PQstatus(db) != CONNECTION_OK)
			connect_again();
		for (i = 0; PQresultStatus(result) == PGRES_TUPLES_OK && i < PQntuples(result);
			 i++)
		{
			long id = atol(PQgetvalue(result, i, 0));
			const char *state = PQgetvalue(result, i, 1);
			int tried = atoi(PQgetvalue(result, i, 2));
			int at = (int) (id % WINDOW);

			if (ids[at] == id && tried < attempts[at])
				enter("BACK %lld %ld attempts %d %d", seen[at], id, attempts[at], tried);
			if (ids[at] == id && rank(state) < rank(states[at]) &&
				!(strcmp(state, "queued") == 0 && (strcmp(states[at], "failed") == 0 ||
												   strcmp(states[at], "rejected") == 0)))
				enter("BACK %lld %ld %s %s", seen[at], id, states[at], state);
			ids[at] = id;
			seen[at] = now;
			attempts[at] = tried;
			snprintf(states[at], sizeof(states[at]), "%s", state);
		}
		PQclear(result);
		pause_ms(50);
	}
}
