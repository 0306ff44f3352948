/*
 * session.c
 *		The connection, whose server is killed under it: see writer.h.
 */
#define _GNU_SOURCE

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "writer.h"

PGconn *db;
const char *conninfo;
char *answer;

void
pause_ms(unsigned ms)
{
	struct timespec t = {ms / 1000, (long) (ms % 1000) * 1000000};

	nanosleep(&t, NULL);
}

void
connect_again(void)
{
	time_t end = 0;

	for (;;)
	{
		PQfinish(db);
		db = PQconnectdb(conninfo);
		if (PQstatus(db) == CONNECTION_OK)
			return;
		if (stopping && end == 0)
			end = time(NULL) + 60;
		if (stopping && time(NULL) > end)
		{
			enter("E could not connect: %.200s", PQerrorMessage(db));
			exit(1);
		}
		pause_ms(20);
	}
}

/* A session that was stopped, or did not get a processor, asks for a time that has passed. */
static const char too_soon[] = "expires_at must be in the future";

/* What a broken disk, a kill or another session's lock explains; all else is told. */
static bool
is_explained(const char *state)
{
	static const char *const classes[] = {"53", "57", "58", "08", "40", "55", "XX001"};
	unsigned i;

	for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strncmp(state, classes[i], strlen(classes[i])) == 0)
			return true;
	return false;
}

Result
run(const char *format, ...)
{
	char *sql;
	va_list args;
	PGresult *result;
	ExecStatusType status;
	Result end = DONE;

	va_start(args, format);
	if (vasprintf(&sql, format, args) < 0)
		exit(1);
	va_end(args);
	result = PQexec(db, sql);
	status = PQresultStatus(result);
	free(answer);
	answer = NULL;
	if (PQstatus(db) != CONNECTION_OK)
		end = LOST;
	else if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
	{
		const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
		const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

		if (state != NULL && !is_explained(state) && strcmp(state, "25P02") != 0 &&
			strcmp(message, too_soon) != 0)
			enter("E %s: %.150s: %.200s", state, sql, message);
		end = FAILED;
	}
	else if (PQntuples(result) > 0)
		answer = strdup(PQgetvalue(result, 0, 0));
	else
		answer = strdup(PQcmdStatus(result));
	PQclear(result);
	free(sql);
	return end;
}
