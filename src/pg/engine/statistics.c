/*
 * statistics.c
 *		What the dispatcher counts of its servers: see statistics.h.
 */
#include "postgres.h"

#include "foreign/foreign.h"

#include "pg/engine/statistics.h"
#include "pg/ipc/tally.h"
#include "pg/store/statistic.h"

/*
 * What sessions have counted is ours to keep from here on, if this turn fails too. Of a
 * server that was dropped nobody wants to know; one that is too new for this turn waits.
 */
static void
take_tally(const MsgUpstreams *upstreams)
{
	List *early = NIL;
	List *servers = NIL;
	MsgCounts counts;
	int place = 0;
	Oid server;
	ListCell *cell;
	ListCell *count;

	while (msgext_tally_take(&place, &server, &counts))
	{
		MsgUpstream *upstream = msgext_upstream_find(upstreams, server);

		if (upstream != NULL)
			msgext_counts_merge(&upstream->counted.unsaved, &counts);
		else if (GetForeignServerExtended(server, FSV_MISSING_OK) != NULL)
		{
			servers = lappend_oid(servers, server);
			early =
				lappend(early, memcpy(palloc(sizeof(counts)), &counts, sizeof(counts)));
		}
	}
	forboth(cell, servers, count, early)
		msgext_tally_put(lfirst_oid(cell), lfirst(count));
}

void
msgext_statistics_save(const MsgUpstreams *upstreams)
{
	ListCell *cell;

	take_tally(upstreams);
	foreach (cell, upstreams->list)
	{
		MsgUpstream *upstream = lfirst(cell);
		MsgCounted *counted = &upstream->counted;
		MsgCounts sum;

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
