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
} MsgTracking;

/*
 * Applies reports to a message, in the order given, and appends them to its timeline
 * as events of that kind: all of them, or only those that tell something new.
 * next_attempt_at is set to next (0 = none) unless the message is final. Returns
 * TM_Ok, or without writing anything what msgext_table_update() returned.
 */
extern TM_Result msgext_track(MsgTable *outbox, MsgTable *events, const MsgRow *row,
							  const MsgEvent *reports, const char *kind, bool keep_all,
							  TimestampTz next, bool wait, MsgTracking *tracking);

/* When the message was over, or 0. */
extern TimestampTz msgext_track_ended_at(const MsgRow *row);

#endif /* MSGEXT_TRACKING_H */
