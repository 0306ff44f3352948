/*
 * tracking.h
 *		Applying reports of a message's fate, from status answers and callbacks alike.
 */
#ifndef MSGEXT_TRACKING_H
#define MSGEXT_TRACKING_H

#include "core/provider.h"
#include "pg/store/outbox.h"

typedef struct MsgTracking
{
	MsgState state; /* of the message after the reports */
	bool changed;	/* something new was learnt */
	bool moved;		/* the message, or one of its channels, is in another state */
	bool kept;		/* they have been applied */
} MsgTracking;

/*
 * Applies reports to a message, in the order given, and appends them to its timeline
 * as events of that kind: those that tell something new; what was pushed, all of it. But of
 * that there is no end: where the timeline has enough of the kind, what does not move
 * the message is not applied, which is TM_Ok too.
 * next_attempt_at is set to next (0 = none) unless the message is final. Returns
 * TM_Ok, or without writing anything what msgext_table_update() returned.
 */
extern TM_Result msgext_track(MsgTable *outbox, MsgTable *events, const MsgRow *row,
							  const MsgEvent *reports, const char *kind, bool pushed,
							  TimestampTz next, bool wait, MsgTracking *tracking);

/* When the message was over, or 0. */
extern TimestampTz msgext_track_ended_at(const MsgRow *row);

#endif /* MSGEXT_TRACKING_H */
