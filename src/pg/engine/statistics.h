/*
 * statistics.h
 *		What the dispatcher counts of its servers, from the event to the table.
 *
 * Counting is adding to numbers in memory. What belongs to a turn counts when the turn has
 * committed, and is forgotten with it when it fails; what has happened outside of any, as
 * requests do, counts at once. About once a second a turn writes both down.
 */
#ifndef MSGEXT_STATISTICS_H
#define MSGEXT_STATISTICS_H

#include "pg/engine/upstream.h"

/* Counts that a failed turn takes back, and counts that stay whatever becomes of it. */
static inline MsgCounts *
msgext_turn_counts(MsgUpstream *upstream)
{
	return &upstream->counted.turn;
}

static inline MsgCounts *
msgext_lasting_counts(MsgUpstream *upstream)
{
	return &upstream->counted.unsaved;
}

/* The last that a turn writes. */
extern void msgext_statistics_save(const MsgUpstreams *upstreams);

/* The turn has committed; or has failed. */
extern void msgext_statistics_commit(const MsgUpstreams *upstreams);
extern void msgext_statistics_abort(const MsgUpstreams *upstreams);

/* The dispatcher ends: what has not been written is left to the next one. */
extern void msgext_statistics_leave(const MsgUpstreams *upstreams);

#endif /* MSGEXT_STATISTICS_H */
