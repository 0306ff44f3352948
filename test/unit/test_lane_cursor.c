/*
 * test_lane_cursor.c
 *		The lane's arithmetic against a model that knows everything: random transactions
 *		that begin, write, commit, abort and run for ever, a reader that stops half way,
 *		and crashes that take it back to what it had saved.
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "core/lane_cursor.h"

#define XIDS 400
#define ROWS 1500
#define STEPS 1200
#define SEEDS 150

typedef enum State
{
	RUNNING,
	COMMITTED,
	ABORTED
} State;

typedef struct Row
{
	uint64_t xid;
	int64_t id;
	int found; /* how often the reader took it, as far as it remembers */
} Row;

/* What a crash takes the reader back to. */
typedef struct Reader
{
	MsgLaneCursor cursor;
	int found[ROWS];
} Reader;

typedef struct World
{
	uint32_t random;
	uint64_t next_xid;
	State states[XIDS];
	Row rows[ROWS]; /* in the order of ids */
	int nrows;
	MsgLaneCursor cursor;
	Reader saved;
} World;

static uint32_t
draw(World *world, uint32_t below)
{
	return test_random(&world->random) % below;
}

static MsgSnapshot
copy_snapshot(const MsgSnapshot *from)
{
	MsgSnapshot copy = *from;

	copy.xip = msgext_alloc(test_arena, sizeof(uint64_t) * (size_t) (from->nxip + 1));
	if (from->nxip > 0)
		memcpy(copy.xip, from->xip, sizeof(uint64_t) * (size_t) from->nxip);
	return copy;
}

static MsgSnapshot
take_snapshot(const World *world)
{
	MsgSnapshot now = {1, world->next_xid, 0, NULL};
	uint64_t running[XIDS];
	uint64_t xid;

	now.xip = running;
	for (xid = 1; xid < world->next_xid; xid++)
		if (world->states[xid] == RUNNING)
			running[now.nxip++] = xid;
	return copy_snapshot(&now);
}

static int
compare_rows(const void *a, const void *b)
{
	const Row *left = *(Row *const *) a;
	const Row *right = *(Row *const *) b;

	if (left->xid != right->xid)
		return left->xid < right->xid ? -1 : 1;
	return (left->id > right->id) - (left->id < right->id);
}

/*
 * What the index has for the range: rows of ended and visible transactions, in its order.
 */
static int
read_range(World *world, const MsgLaneRange *range, Row **out)
{
	int n = 0;
	int i;

	for (i = 0; i < world->nrows; i++)
	{
		Row *row = &world->rows[i];

		if (world->states[row->xid] != COMMITTED)
			continue;
		if (range->one ? row->xid == range->from && row->id > range->after
					   : row->xid >= range->from && row->xid < range->before)
			out[n++] = row;
	}
	qsort(out, (size_t) n, sizeof(*out), compare_rows);
	return n;
}

/* One turn: takes up to limit rows. False when there was nothing more. */
static bool
read_some(World *world, int limit)
{
	MsgLaneCursor *cursor = &world->cursor;
	bool fresh = false;
	Row *rows[ROWS];

	for (;;)
	{
		MsgLaneRange range;
		int n;
		int i;

		if (!cursor->scanning)
		{
			MsgSnapshot now = take_snapshot(world);

			if (fresh || !msgext_lane_cursor_start(cursor, &now))
				return false;
			fresh = true;
		}
		if (!msgext_lane_cursor_range(cursor, &range))
		{
			msgext_lane_cursor_finish(cursor);
			continue;
		}
		n = read_range(world, &range, rows);
		for (i = 0; i < n; i++)
		{
			if (!msgext_lane_cursor_wants(cursor, rows[i]->xid))
				continue;
			if (limit-- == 0)
				return true;
			CHECK(!msgext_lane_cursor_has_passed(cursor, rows[i]->xid, rows[i]->id));
			msgext_lane_cursor_pass(cursor, rows[i]->xid, rows[i]->id);
			CHECK(msgext_lane_cursor_has_passed(cursor, rows[i]->xid, rows[i]->id));
			rows[i]->found++;
		}
		msgext_lane_cursor_pass_range(cursor, &range);
	}
}

static MsgLaneCursor
copy_cursor(const MsgLaneCursor *from)
{
	MsgLaneCursor copy = *from;

	copy.done = copy_snapshot(&from->done);
	copy.scan = copy_snapshot(&from->scan);
	return copy;
}

static void
save(World *world)
{
	int i;

	world->saved.cursor = copy_cursor(&world->cursor);
	for (i = 0; i < world->nrows; i++)
		world->saved.found[i] = world->rows[i].found;
}

/* The reader goes back; of the server, what was running is no more. */
static void
crash(World *world, bool server)
{
	uint64_t xid;
	int i;

	world->cursor = copy_cursor(&world->saved.cursor);
	for (i = 0; i < world->nrows; i++)
		world->rows[i].found = world->saved.found[i];
	for (xid = 1; server && xid < world->next_xid; xid++)
		if (world->states[xid] == RUNNING)
			world->states[xid] = ABORTED;
}

/* A transaction that is running, or 0. */
static uint64_t
some_running(World *world)
{
	uint64_t first = 1 + draw(world, (uint32_t) world->next_xid);
	uint64_t i;

	for (i = 0; i < world->next_xid; i++)
	{
		uint64_t xid = 1 + (first + i) % world->next_xid;

		if (xid < world->next_xid && world->states[xid] == RUNNING)
			return xid;
	}
	return 0;
}

static void
step(World *world)
{
	uint64_t xid;

	switch (draw(world, 12))
	{
		case 0:
		case 1:
			if (world->next_xid < XIDS)
				world->states[world->next_xid++] = RUNNING;
			break;
		case 2:
		case 3:
		case 4:
		case 5:
			if (world->nrows < ROWS && (xid = some_running(world)) != 0)
			{
				world->rows[world->nrows].xid = xid;
				world->rows[world->nrows].id = world->nrows + 1;
				world->rows[world->nrows++].found = 0;
			}
			break;
		case 6:
		case 7:
			if ((xid = some_running(world)) != 0)
				world->states[xid] = draw(world, 5) == 0 ? ABORTED : COMMITTED;
			break;
		case 8:
		case 9:
			(void) read_some(world, (int) draw(world, 6));
			break;
		case 10:
			save(world);
			break;
		default:
			if (draw(world, 20) == 0)
				crash(world, draw(world, 2) == 0);
			break;
	}
}

static void
check_all(World *world)
{
	int i;

	while (read_some(world, 7))
		;
	for (i = 0; i < world->nrows; i++)
	{
		const Row *row = &world->rows[i];

		CHECK_INT(row->found, world->states[row->xid] == COMMITTED);
	}
}

static void
run(uint32_t seed)
{
	World *world = calloc(1, sizeof(World));
	uint64_t xid;
	int i;

	world->random = seed;
	world->next_xid = 1;
	save(world);
	for (i = 0; i < STEPS; i++)
		step(world);
	check_all(world);

	/* Those that ran all the time end, too. */
	for (xid = 1; xid < world->next_xid; xid++)
		if (world->states[xid] == RUNNING)
			world->states[xid] = COMMITTED;
	check_all(world);
	free(world);
}

void
test_lane_cursor(void)
{
	MsgSnapshot snapshot = {3, 9, 2, (uint64_t[]){3, 7}};
	uint32_t seed;

	test_begin("lane cursor: what a snapshot sees");
	CHECK(msgext_snapshot_sees(&snapshot, 2));
	CHECK(!msgext_snapshot_sees(&snapshot, 3));
	CHECK(msgext_snapshot_sees(&snapshot, 4));
	CHECK(!msgext_snapshot_sees(&snapshot, 7));
	CHECK(!msgext_snapshot_sees(&snapshot, 9));
	test_end();

	for (seed = 1; seed <= SEEDS; seed++)
	{
		if (seed % 50 == 1)
			test_begin("lane cursor: each row once, whatever commits when, seeds from %u",
					   seed);
		run(seed * 2654435761u);
		if (seed % 50 == 0)
			test_end();
	}
}
