/*
 * turn.h
 *		One turn: a transaction that records, claims and commits, and then sends what it
 *		has claimed.
 */
#ifndef MSGEXT_TURN_H
#define MSGEXT_TURN_H

#include "pg/engine/sweep.h"

/* What a turn is to do. */
typedef struct MsgTurnPlan
{
	bool records;	 /* results that have landed */
	bool claims;	 /* what may leave */
	bool one_by_one; /* the last turn failed: see record.h */
	bool saves;		 /* how far lanes have been read, before its time too */
	uint64 news;	 /* what there is news of (ipc/notify.h) */
	bool looks;		 /* also at servers that there is no news of */
	MsgSweep *sweep; /* to go on with; NULL: nothing is swept, nor saved */
} MsgTurnPlan;

/* An ERROR leaves it to recover.h. Returns whether a session has changed meanwhile. */
extern bool msgext_turn(MsgEngine *engine, const MsgTurnPlan *plan);

#endif /* MSGEXT_TURN_H */
