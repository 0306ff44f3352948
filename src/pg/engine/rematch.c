/*
 * rematch.c
 *		Reports that came before their message was named: see rematch.h.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "pg/engine/rematch.h"
#include "pg/inbound/callback.h"

/* A report may take so long to commit and still find its message in the next turn. */
#define EXPECTED_US (60 * USECS_PER_SEC)

/* All rows are looked at so often: when reports have come, and in any case. */
#define LOOK_NEWS_US USECS_PER_SEC
#define LOOK_US (60 * USECS_PER_SEC)

/* Ids looked up in one turn. */
#define LOOK_MAX 200

typedef struct Expected
{
	MsgUpstream *upstream;
	char *provider_id;
	int64 message;
	TimestampTz until;

	/* By this turn, which has not committed: */
	bool added;
	bool done;
} Expected;

void
msgext_rematches_init(MsgRematches *rematches, MemoryContext context)
{
	memset(rematches, 0, sizeof(*rematches));
	rematches->context = context;
	rematches->upstream = -1;
}

void
msgext_rematch_news(MsgRematches *rematches)
{
	rematches->reports_came = true;
}

void
msgext_rematch_expect(MsgRematches *rematches, const MsgTurn *turn, MsgUpstream *upstream,
					  const char *provider_id, int64 message)
{
	MemoryContext before = MemoryContextSwitchTo(rematches->context);
	Expected *expected = palloc0(sizeof(Expected));

	expected->upstream = upstream;
	expected->provider_id = pstrdup(provider_id);
	expected->message = message;
	expected->until = turn->now + EXPECTED_US;
	expected->added = true;
	rematches->expected = lappend(rematches->expected, expected);
	MemoryContextSwitchTo(before);
}

/* True when nothing that came for it is open any more. */
static bool
is_matched(const MsgTurn *turn, const Expected *expected)
{
	return msgext_callback_match(expected->upstream->server, expected->provider_id,
								 expected->message, false) ||
		   expected->until < turn->now;
}

static void
match_expected(MsgRematches *rematches, const MsgTurn *turn)
{
	const MsgUpstream *looked_at = NULL;
	bool any = false;
	ListCell *cell;

	foreach (cell, rematches->expected)
	{
		Expected *expected = lfirst(cell);

		/* As a rule no report waits at all: one look for the messages of a turn. */
		if (expected->upstream != looked_at)
		{
			looked_at = expected->upstream;
			any = looked_at->server != NULL &&
				  msgext_callback_any_unmatched(looked_at->server);
		}
		expected->done = !any || is_matched(turn, expected);
	}
}

static void
forget_expected(MsgRematches *rematches, bool committed)
{
	ListCell *cell;

	foreach (cell, rematches->expected)
	{
		Expected *expected = lfirst(cell);

		if (committed ? expected->done : expected->added)
		{
			rematches->expected = foreach_delete_current(rematches->expected, cell);
			pfree(expected->provider_id);
			pfree(expected);
			continue;
		}
		expected->added = false;
		expected->done = false;
	}
}

void
msgext_rematch_commit(MsgRematches *rematches)
{
	forget_expected(rematches, true);
}

void
msgext_rematch_abort(MsgRematches *rematches)
{
	/*
	 * A message whose answer is not recorded has no id yet: its reports are not its own.
	 */
	forget_expected(rematches, false);

	/* What a look at all rows had found is open again: from the beginning. */
	if (rematches->upstream >= 0)
		rematches->looked_at = 0;
	rematches->upstream = -1;
	if (rematches->position != NULL)
		pfree(rematches->position);
	rematches->position = NULL;
}

/* Goes on with the look at all rows without a message; false at its end. */
static bool
look_further(MsgRematches *rematches, const MsgUpstreams *upstreams)
{
	const MsgUpstream *upstream;
	char *position;

	if (rematches->upstream >= list_length(upstreams->list))
		return false;
	upstream = list_nth(upstreams->list, rematches->upstream);
	position = NULL;
	if (upstream->server != NULL &&
		(upstream->server->provider->caps & MSG_CAN_CALLBACK) != 0)
		position =
			msgext_callback_match_range(upstream->server, rematches->position, LOOK_MAX);
	if (rematches->position != NULL)
		pfree(rematches->position);
	rematches->position =
		position != NULL ? MemoryContextStrdup(rematches->context, position) : NULL;
	if (position == NULL)
		rematches->upstream++;
	return true;
}

void
msgext_rematch_run(MsgRematches *rematches, MsgTurn *turn, const MsgUpstreams *upstreams)
{
	bool due = turn->now >=
			   rematches->looked_at + (rematches->reports_came ? LOOK_NEWS_US : LOOK_US);

	if (rematches->expected == NIL && rematches->upstream < 0 && !due)
		return;

	/* The rows of this turn's results must be seen. */
	msgext_turn_see_own_writes();
	match_expected(rematches, turn);
	if (rematches->upstream < 0 && due)
	{
		rematches->upstream = 0;
		rematches->looked_at = turn->now;
		rematches->reports_came = false;
	}
	if (rematches->upstream >= 0 && !look_further(rematches, upstreams))
		rematches->upstream = -1;
}
