/*
 * statistics.c
 *		What the dispatcher counts of its servers: see statistics.h.
 */
#include "postgres.h"

#include "pg/engine/statistics.h"
#include "pg/ipc/tally.h"
#include "pg/store/statistic.h"

void
msgext_statistics_save(const MsgUpstreams *upstreams)
{
	ListCell *cell;

	foreach (cell, upstreams->list)
	{
		MsgUpstream *upstream = lfirst(cell);
		MsgCounted *counted = &upstream->counted;
		MsgCounts sum;

		/* From here on it is ours to keep, if this turn fails too. */
		msgext_tally_take(upstream->oid, &counted->unsaved);
		if (!counted->unsaved.any && !counted->turn.any)
			continue;
		sum = counted->unsaved;
		msgext_counts_merge(&sum, &counted->turn);
		counted->written = msgext_statistic_add(upstream->oid, &sum);
	}
}

void
msgext_statistics_commit(const MsgUpstreams *upstreams)
{
	ListCell *cell;

	foreach (cell, upstreams->list)
	{
		MsgCounted *counted = &((MsgUpstream *) lfirst(cell))->counted;

		if (counted->written)
			msgext_counts_clear(&counted->unsaved);
		else
			msgext_counts_merge(&counted->unsaved, &counted->turn);
		msgext_counts_clear(&counted->turn);
		counted->written = false;
	}
}

void
msgext_statistics_abort(const MsgUpstreams *upstreams)
{
	ListCell *cell;

	foreach (cell, upstreams->list)
	{
		MsgCounted *counted = &((MsgUpstream *) lfirst(cell))->counted;

		msgext_counts_clear(&counted->turn);
		counted->written = false;
	}
}

void
msgext_statistics_leave(const MsgUpstreams *upstreams)
{
	ListCell *cell;

	foreach (cell, upstreams->list)
	{
		MsgUpstream *upstream = lfirst(cell);

		msgext_tally_put(upstream->oid, &upstream->counted.unsaved);
	}
}
