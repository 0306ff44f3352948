/*
 * activity.h
 *		What the processes of a database have done: rows of msgext.activity, one of the
 *		dispatcher, wherever it runs, and one of the listener.
 *
 * A row is made and added to by its process alone, about once a second while it does
 * something; people set it back to zero.
 */
#ifndef MSGEXT_ACTIVITY_H
#define MSGEXT_ACTIVITY_H

#include "postgres.h"

#include "datatype/timestamp.h"

#define MSG_ACTIVITY_DISPATCHER "dispatcher"
#define MSG_ACTIVITY_LISTENER "listener"

typedef struct MsgActivity
{
	int64 starts;
	int64 turns;
	int64 commits; /* turns that have written something */
	int64 results; /* answers, or pushes, that they wrote down */
	int64 errors;  /* turns that failed */
	int64 turn_us;
	int64 longest_us;
	int64 in_flight; /* now */
	TimestampTz started_at;
	TimestampTz last_at; /* it did something */
	bool any;			 /* there is something to be written */
} MsgActivity;

typedef struct MsgActivityRow
{
	MsgActivity activity;
	int32 pid;
	TimestampTz reset_at;
} MsgActivityRow;

/* False, with zeroes in *row, when the process has none. */
extern bool msgext_activity_read(const char *process, MsgActivityRow *row);

/* Adds to this process's row; false, with nothing written, as msgext_statistic_add(). */
extern bool msgext_activity_add(const char *process, const MsgActivity *activity);

/* It has been written: counting begins anew. */
extern void msgext_activity_clear(MsgActivity *activity);

/* A turn is over: how long it took, whether it wrote, and how many results. */
extern void msgext_activity_turn(MsgActivity *activity, TimestampTz begun, bool wrote,
								 int64 results);

/* Sets its row back to zero, waiting for whoever is about to write it. */
extern void msgext_activity_reset(const char *process);

#endif /* MSGEXT_ACTIVITY_H */
