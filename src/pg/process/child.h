/*
 * child.h
 *		A process that the launcher keeps for a database: when it is started, and started
 *		again after its end.
 *
 * Owns its handle and the delays. Whether it is wanted at all is the launcher's to say.
 */
#ifndef MSGEXT_CHILD_H
#define MSGEXT_CHILD_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "postmaster/bgworker.h"

typedef struct MsgChild
{
	Oid database;
	uint32 launch;					/* the launcher's start that it belongs to */
	const char *type;				/* as pg_stat_activity shows it */
	const char *function;			/* its main function, in this library */
	BackgroundWorkerHandle *handle; /* NULL = not running */
	TimestampTz started_at;
	TimestampTz start_after; /* 0 = not to be started */
	int early_ends;			 /* in a row */
	bool requested; /* since it was started: that one was about to end, or wanted to */
} MsgChild;

extern bool msgext_child_has_ended(const MsgChild *child);

/*
 * It has ended: sets start_after, unless nobody wants it. One that ran for ran_well_us or
 * less ended early, and is started again the later the more often it does.
 */
extern void msgext_child_note_end(MsgChild *child, int64 ran_well_us);

/*
 * Starts it if it is time; tries again later where there is no slot for another process.
 * *next becomes the time when there is more to do, if that is earlier.
 */
extern void msgext_child_start_if_due(MsgChild *child, TimestampTz now,
									  TimestampTz *next);

/*
 * Starts it now where start_after is later than any delay is long: it was set before the
 * clock was set back.
 */
extern void msgext_child_mind_clock(MsgChild *child, TimestampTz now);

#endif /* MSGEXT_CHILD_H */
