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
#define _GNU_SOURCE

#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_BATCH 24
#define WINDOW 4096 /* messages that the observer looks at */

typedef enum Result
{
	DONE,
	FAILED, /* an SQL error */
	LOST	/* the connection */
} Result;

static PGconn *db;
static const char *conninfo;
static int ledger_fd;
static int number;
static uint64_t random_state;
static long count;	 /* of tags */
static char *answer; /* first field of the last result, or NULL */
static char last_id[32] = "1";
static char *recent[16];
static volatile sig_atomic_t stopping;

/* The messages of the transaction under way. */
static char tags[MAX_BATCH][48];
static int tag_count;
static long long begun; /* when it was begun */

static void
stop(int signal_number)
{
	(void) signal_number;
	stopping = 1;
}

static unsigned
random_below(unsigned n)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (unsigned) ((random_state * UINT64_C(2685821657736338717)) >> 33) % n;
}

static void
pause_ms(unsigned ms)
{
	struct timespec t = {ms / 1000, (long) (ms % 1000) * 1000000};

	nanosleep(&t, NULL);
}

static long long
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void __attribute__((format(printf, 1, 2))) enter(const char *format, ...)
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

static void
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

static Result __attribute__((format(printf, 1, 2))) run(const char *format, ...)
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

/* ---- transactions ---- */

static void
tell_all(char what)
{
	int i;

	for (i = 0; i < tag_count; i++)
		enter("%c %s", what, tags[i]);
	tag_count = 0;
}

static Result
begin(void)
{
	tag_count = 0;
	begun = now_ms();
	return run("BEGIN");
}

/* Whatever the result was, the ledger has the end of the transaction's messages. */
static Result
end_transaction(bool commit)
{
	Result result = run(commit ? "COMMIT" : "ROLLBACK");

	if (!commit)
		tell_all('R');
	else if (result == LOST)
		tell_all('U');
	else
		tell_all(result == DONE && strcmp(answer, "COMMIT") == 0 ? 'C' : 'R');
	return result;
}

static void
give_up(void)
{
	tell_all('R');
	(void) run("ROLLBACK");
}

/* more: further arguments, as SQL; or "" */
static Result
post(const char *more)
{
	unsigned n = random_below(10);
	const char *server = n < 4 ? "vk" : n < 6 ? "vkp" : "edna";
	char *tag = tags[tag_count];
	Result result;

	snprintf(tag, sizeof(tags[0]), "t%d.%ld", number, ++count);
	tag_count++;
	enter("I %s %s", server, tag);
	if (strcmp(server, "edna") == 0)
		result = run("SELECT msgext.post_message('edna', '{\"address\": \"79990000001\", "
					 "\"content\": \"%s\"}', priority => %u%s)",
					 tag, 1 + random_below(5), more);
	else
		result = run(
			"SELECT msgext.send_vk('%s', '{\"subject\": \"AO\", \"priority\": \"high\", "
			"\"routes\": [\"vk\"], \"validityPeriod\": 180, \"phone\": \"79990000001\", "
			"\"templateId\": 1, \"templateData\": {\"tag\": \"%s\"}}', "
			"priority => %u%s)",
			server, tag, 1 + random_below(5), more);
	if (result == DONE)
	{
		snprintf(last_id, sizeof(last_id), "%s", answer);
		n = random_below(16);
		free(recent[n]);
		recent[n] = strdup(last_id);
	}
	return result;
}

static Result
post_many(unsigned most)
{
	unsigned n = 1 + random_below(most);
	Result result = DONE;

	while (n-- > 0 && result == DONE && tag_count < MAX_BATCH)
		result = post("");
	return result;
}

/* ---- what a session does ---- */

/* One statement, its own transaction; true if it was committed. */
static bool
do_single(const char *more)
{
	Result result;

	tag_count = 0;
	result = post(more);
	tell_all(result == DONE ? 'C' : result == LOST ? 'U' : 'R');
	return result == DONE;
}

static void
do_batch(void)
{
	if (begin() != DONE || post_many(20) != DONE)
		give_up();
	else
		end_transaction(random_below(5) > 0);
}

static void
do_savepoints(void)
{
	int kept;

	if (begin() != DONE || post_many(3) != DONE || run("SAVEPOINT a") != DONE)
	{
		give_up();
		return;
	}
	kept = tag_count;
	if (post_many(3) != DONE || run("SAVEPOINT b") != DONE || post_many(2) != DONE ||
		run("RELEASE b") != DONE || run("ROLLBACK TO a") != DONE)
	{
		give_up();
		return;
	}
	while (tag_count > kept)
		enter("R %s", tags[--tag_count]);
	if (run("SAVEPOINT c") != DONE || post_many(3) != DONE || run("RELEASE c") != DONE)
		give_up();
	else
		end_transaction(random_below(8) > 0);
}

/* Is the prepared transaction there? Asks until there is an answer. */
static bool
is_prepared(const char *gid)
{
	for (;;)
	{
		connect_again();
		if (run("SELECT count(*) FROM pg_prepared_xacts WHERE gid = '%s'", gid) == DONE)
			return answer[0] != '0';
		pause_ms(20);
	}
}

static void
do_prepared(void)
{
	char gid[64];
	bool commit = random_below(4) > 0;

	snprintf(gid, sizeof(gid), "chaos %d %ld", number, count);
	if (begin() != DONE || post_many(4) != DONE)
	{
		give_up();
		return;
	}
	switch (run("PREPARE TRANSACTION '%s'", gid))
	{
		case DONE:
			if (strcmp(answer, "PREPARE TRANSACTION") == 0)
				break;
			give_up();
			return;
		case FAILED:
			give_up();
			return;
		case LOST:
			if (is_prepared(gid))
				break;
			tell_all('R');
			return;
	}
	pause_ms(random_below(300));
	while (run("%s PREPARED '%s'", commit ? "COMMIT" : "ROLLBACK", gid) != DONE)
	{
		if (!is_prepared(gid))
			break;
	}
	tell_all(commit ? 'P' : 'R');
}

/* Its number of milliseconds as an interval, for an argument. */
static char *
soon(const char *argument, unsigned least, unsigned more)
{
	static char text[96];

	snprintf(text, sizeof(text), ", %s => clock_timestamp() + '%u ms'::interval",
			 argument, least + random_below(more));
	return text;
}

/* Across its reminder, half of them; taken back, a third of them. */
static void
do_cancel(void)
{
	char tag[48];
	bool true_said;

	if (!do_single(random_below(2) ? soon("send_after", 50, 400) : ""))
		return;
	snprintf(tag, sizeof(tag), "t%d.%ld", number, count);
	if (begin() != DONE || run("SELECT msgext.cancel_message(%s)", last_id) != DONE)
	{
		give_up();
		return;
	}
	true_said = strcmp(answer, "t") == 0;
	if (random_below(2))
		pause_ms(random_below(600));
	if (random_below(3) == 0)
		end_transaction(false);
	else if (run("COMMIT") == DONE && strcmp(answer, "COMMIT") == 0 && true_said)
		enter("X %s %lld", tag, begun);
}

static void
do_cancel_unborn(void)
{
	if (begin() != DONE || post("") != DONE ||
		run("SELECT msgext.cancel_message(%s)", last_id) != DONE)
	{
		give_up();
		return;
	}
	if (strcmp(answer, "t") != 0)
		enter("E a message of the same transaction was not cancelled: %s", tags[0]);
	if (end_transaction(true) == DONE)
		enter("X t%d.%ld %lld", number, count, begun);
}

static void
do_lock(void)
{
	const char *id = recent[random_below(16)];

	if (begin() == DONE && run("SELECT state FROM msgext.outbox WHERE id = %s FOR UPDATE",
							   id ? id : "1") == DONE)
		pause_ms(random_below(500));
	(void) run("ROLLBACK");
}

static void
do_retry(void)
{
	bool commit = random_below(4) > 0;

	if (begin() == DONE &&
		run("SELECT count(*) FROM (SELECT msgext.retry_message(id) FROM (SELECT id FROM "
			"msgext.outbox WHERE state = 'unknown' ORDER BY random() LIMIT 5) AS u "
			"OFFSET 0) AS r") == DONE)
	{
		pause_ms(random_below(100));
		(void) run(commit ? "COMMIT" : "ROLLBACK");
		return;
	}
	(void) run("ROLLBACK");
}

static void
do_long(void)
{
	if (begin() != DONE || post_many(3) != DONE)
	{
		give_up();
		return;
	}
	pause_ms(300 + random_below(2500));
	if (post_many(2) != DONE)
		give_up();
	else
		end_transaction(random_below(6) > 0);
}

/* Repeated until it has worked: the operation id keeps it from being queued twice. */
static void
do_operation(void)
{
	char more[96];
	char *tag = tags[0];
	Result result;
	const char *server = random_below(2) ? "vk" : "edna";

	snprintf(tag, sizeof(tags[0]), "t%d.%ld", number, ++count);
	snprintf(more, sizeof(more), ", operation_id => 'op %s'", tag);
	enter("I %s %s", server, tag);
	for (;;)
	{
		if (strcmp(server, "edna") == 0)
			result =
				run("SELECT msgext.post_message('edna', '{\"address\": \"79990000001\", "
					"\"content\": \"%s\"}'%s)",
					tag, more);
		else
			result = run("SELECT msgext.send_vk('vk', '{\"subject\": \"AO\", "
						 "\"priority\": \"high\", "
						 "\"routes\": [\"vk\"], \"validityPeriod\": 180, \"phone\": "
						 "\"79990000001\", "
						 "\"templateId\": 1, \"templateData\": {\"tag\": \"%s\"}}'%s)",
						 tag, more);
		if (result == DONE && random_below(3) > 0)
			break;
		if (result == LOST)
			connect_again();
	}
	enter("C %s", tag);
}

static void
do_pause(void)
{
	const char *server = random_below(2) ? "vk" : "edna";

	(void) run("SELECT msgext.pause_server('%s', 'chaos')", server);
	pause_ms(random_below(400));
	for (;;)
	{
		if (PQstatus(db) != CONNECTION_OK)
			connect_again();

		/* A crash may not take it back: nobody would do it again. */
		if (run("SET LOCAL synchronous_commit = on; SELECT msgext.resume_server('%s')",
				server) == DONE)
			return;
		pause_ms(10);
	}
}

static void
do_something(void)
{
	unsigned n = random_below(100);

	if (n < 30)
		do_batch();
	else if (n < 46)
		do_single("");
	else if (n < 54)
		do_savepoints();
	else if (n < 62)
		do_prepared();
	else if (n < 68)
		do_cancel();
	else if (n < 70)
		do_cancel_unborn();
	else if (n < 74)
		do_lock();
	else if (n < 78)
		do_retry();
	else if (n < 80)
		do_long();
	else if (n < 87)
		do_operation();
	else if (n < 91)
		do_single(soon("send_after", 1, 800));
	else if (n < 95)
		do_single(soon("expires_at", 1, 1500));
	else if (n < 96)
		do_pause();
	else if (n < 97)
		(void) run("CALL msgext.dispatch('500 ms')");
	else
		do_single(", send_after => now(), expires_at => now() + '1 hour'::interval");
}

/* ---- the observer ---- */

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

static void
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
	ledger_fd = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (ledger_fd < 0)
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
	random_state = strtoull(argv[4], NULL, 10) * 2 + 1;
	while (!stopping)
	{
		do_something();
		if (PQstatus(db) != CONNECTION_OK)
			connect_again();
		pause_ms(random_below(8));
	}
	return 0;
}
