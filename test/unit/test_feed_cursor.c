/*
 * test_feed_cursor.c
 *		The feed's arithmetic against a model that knows everything: random transactions
 *		that begin, write events of shared messages, commit, abort and run for long; a
 *		consumer that stops half way and forgets what it has not written down.
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "core/feed_cursor.h"

#define XIDS 400
#define ROWS 1500
#define STEPS 1500
#define SEEDS 150
#define MESSAGES 12

typedef enum State
{
	RUNNING,
	COMMITTED,
	ABORTED
} State;

typedef struct Row
{
	uint64_t xid;
	int message;
	int found;
} Row;

typedef struct World
{
	uint32_t random;
	uint64_t next_xid;
	State states[XIDS];
	uint64_t holder[MESSAGES]; /* transaction that holds the message's row, or 0 */
	Row rows[ROWS];			   /* ids are places, from 1 on */
	int nrows;
	int last_of[MESSAGES]; /* the event of a message that was given out last */
	MsgFeedCursor cursor;
	int looked_at;
} World;

static uint32_t
draw(World *world, uint32_t below)
{
	return test_random(&world->random) % below;
}

static MsgSnapshot
take_snapshot(const World *world)
{
	MsgSnapshot taken = {0};
	uint64_t xid;

	/* As PostgreSQL does: up to the last that has ended. */
	taken.xmax = 1;
	for (xid = 1; xid < world->next_xid; xid++)
		if (world->states[xid] != RUNNING)
			taken.xmax = xid + 1;
	taken.xip = calloc(XIDS, sizeof(uint64_t));
	for (xid = 1; xid < taken.xmax; xid++)
		if (world->states[xid] == RUNNING)
			taken.xip[taken.nxip++] = xid;
	taken.xmin = taken.nxip > 0 ? taken.xip[0] : taken.xmax;
	return taken;
}

static void
step(World *world)
{
	uint32_t what = draw(world, 10);
	uint64_t xid = 1 + draw(world, (uint32_t) world->next_xid);
	int message = (int) draw(world, MESSAGES);
	int i;

	if (what < 3 && world->next_xid < XIDS)
		world->next_xid++;
	if (xid >= world->next_xid || world->states[xid] != RUNNING)
		return;
	if (what < 7)
	{
		/* A message's row is held by one transaction at a time. */
		if (world->nrows < ROWS &&
			(world->holder[message] == 0 || world->holder[message] == xid))
		{
			world->holder[message] = xid;
			world->rows[world->nrows++] = (Row){.xid = xid, .message = message};
		}
		return;
	}
	if (xid % 23 == 0 && draw(world, 40) != 0)
		return; /* a long one */
	world->states[xid] = draw(world, 8) == 0 ? ABORTED : COMMITTED;
	for (i = 0; i < MESSAGES; i++)
		if (world->holder[i] == xid)
			world->holder[i] = 0;
}

/* Reads up to max events; false when there was nothing at all. */
static bool
consume(World *world, int max)
{
	MsgFeedCursor *cursor = &world->cursor;
	int n = 0;

	while (n == 0)
	{
		bool stopped = false;
		MsgSnapshot old;
		int64_t id;

		if (!cursor->scanning)
		{
			MsgFeedMark mark = {world->next_xid, world->nrows};
			MsgSnapshot now = take_snapshot(world);

			if (!msgext_feed_cursor_start(cursor, &now, &mark))
			{
				free(now.xip);
				return false;
			}
		}
		for (id = msgext_feed_cursor_from(cursor) + 1; id <= world->nrows; id++)
		{
			Row *row = &world->rows[id - 1];

			world->looked_at++;
			if (world->states[row->xid] != COMMITTED ||
				!msgext_feed_cursor_wants(cursor, row->xid))
				continue;
			if (n == max)
			{
				stopped = true;
				break;
			}
			row->found++;
			CHECK_INT(row->found, 1);
			CHECK(world->last_of[row->message] < id);
			world->last_of[row->message] = (int) id;
			cursor->id = id;
			n++;
		}
		if (stopped)
			break;
		old = msgext_feed_cursor_finish(cursor);
		free(old.xip);
	}
	return true;
}

static void
run(uint32_t seed)
{
	World *world = calloc(1, sizeof(World));
	uint64_t xid;
	int i;

	world->random = seed;
	world->next_xid = 1;
	msgext_feed_cursor_init(&world->cursor, 0);
	for (i = 0; i < STEPS; i++)
	{
		step(world);
		if (draw(world, 5) == 0)
			consume(world, 1 + (int) draw(world, 6));
	}

	/* All end, and all that was committed has been found, once. */
	for (xid = 1; xid < world->next_xid; xid++)
		if (world->states[xid] == RUNNING)
			world->states[xid] = xid % 2 == 0 ? COMMITTED : ABORTED;
	while (consume(world, 3))
		;
	for (i = 0; i < world->nrows; i++)
		CHECK_INT(world->rows[i].found, world->states[world->rows[i].xid] == COMMITTED);
	free(world->cursor.done.xip);
	free(world->cursor.scan.xip);
	free(world);
}

/* What a long transaction keeps open does not make every batch walk all of history. */
static void
check_marks(void)
{
	MsgFeedCursor cursor;
	uint64_t running[] = {10};
	int64_t n;

	msgext_feed_cursor_init(&cursor, 0);
	for (n = 1; n <= 1000; n++)
	{
		MsgSnapshot now = {10, 100 + (uint64_t) n, 1, running};
		MsgFeedMark mark = {100 + (uint64_t) n, n * 50};

		CHECK(msgext_feed_cursor_start(&cursor, &now, &mark));
		CHECK(msgext_feed_cursor_from(&cursor) >= (n - 2) * 50);
		msgext_feed_cursor_finish(&cursor);
		CHECK(cursor.nmarks <= MSG_FEED_MARKS);
	}

	/* And when it ends, what it may have written is looked for from its beginning. */
	{
		MsgSnapshot now = {2000, 2000, 0, NULL};
		MsgFeedMark mark = {2000, 99999};

		CHECK(msgext_feed_cursor_start(&cursor, &now, &mark));
		CHECK(msgext_feed_cursor_wants(&cursor, 10));
		CHECK_INT(msgext_feed_cursor_from(&cursor), 0);
		msgext_feed_cursor_finish(&cursor);
		CHECK_INT(cursor.nmarks, 1);
		CHECK_INT(cursor.marks[0].id, 99999);
	}
}

void
test_feed_cursor(void)
{
	uint32_t seed;

	for (seed = 1; seed <= SEEDS; seed++)
	{
		if (seed % 50 == 1)
			test_begin(
				"feed cursor: each event once, a message's in order, seeds from %u",
				seed);
		run(seed * 2654435761u);
		if (seed % 50 == 0)
			test_end();
	}
	test_begin("feed cursor: how far a batch looks back");
	check_marks();
	test_end();
}
