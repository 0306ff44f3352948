/*
 * act.c
 *		What a session does, by chance: see writer.h.
 */
#include <stdio.h>
#include <string.h>

#include "writer.h"

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
	char tag[TAG_SIZE];
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

void
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
