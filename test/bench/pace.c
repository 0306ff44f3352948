/*
 * pace.c
 *		An application with little to send: one message a transaction, at a steady pace.
 *
 *		pace CONNINFO SERVER MS COUNT BODIES
 *
 * The lines of the file BODIES are the vk blocks of the messages. Prints for each its
 * phone, when COMMIT was sent and when its answer was there, in microseconds.
 */
#define _GNU_SOURCE

#include <libpq-fe.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static PGconn *conn;

static int64_t
clock_us(clockid_t which)
{
	struct timespec now;

	clock_gettime(which, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void
check(PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
	{
		fprintf(stderr, "pace: %s", PQerrorMessage(conn));
		exit(1);
	}
	PQclear(result);
}

int
main(int argc, char **argv)
{
	int64_t at = clock_us(CLOCK_MONOTONIC);
	char *line = NULL;
	size_t room = 0;
	FILE *bodies;
	long count;

	if (argc != 6 || (bodies = fopen(argv[5], "r")) == NULL)
	{
		fprintf(stderr, "usage: pace CONNINFO SERVER MS COUNT BODIES\n");
		return 1;
	}
	conn = PQconnectdb(argv[1]);
	if (PQstatus(conn) != CONNECTION_OK)
	{
		fprintf(stderr, "pace: %s", PQerrorMessage(conn));
		return 1;
	}
	check(PQprepare(conn, "send", "SELECT msgext.send_vk($1, $2::jsonb)", 0, NULL));
	for (count = atol(argv[4]); count > 0 && getline(&line, &room, bodies) > 0; count--)
	{
		const char *values[] = {argv[2], line};
		const char *phone = strstr(line, "\"phone\"");
		struct timespec until;
		int64_t sent;
		int64_t returned;

		at += atol(argv[3]) * 1000;
		until.tv_sec = at / 1000000;
		until.tv_nsec = at % 1000000 * 1000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
		check(PQexec(conn, "BEGIN"));
		check(PQexecPrepared(conn, "send", 2, values, NULL, NULL, 0));
		sent = clock_us(CLOCK_REALTIME);
		check(PQexec(conn, "COMMIT"));
		returned = clock_us(CLOCK_REALTIME);
		if (phone != NULL)
			phone += strcspn(phone, "0123456789");
		printf("%.11s %lld %lld\n", phone != NULL ? phone : "-", (long long) sent,
			   (long long) returned);
	}
	PQfinish(conn);
	return 0;
}
