/*
 * admit.h
 *		May this message leave now? Claims it if so; sets it aside, with its reason, if
 *		not.
 */
#ifndef MSGEXT_ADMIT_H
#define MSGEXT_ADMIT_H

#include "pg/engine/engine.h"

/* A message whose row is held is looked at again after this at the latest. */
#define MSG_HELD_RETRY_MAX_US (5 * USECS_PER_SEC)

typedef enum MsgAdmission
{
	MSG_ADMIT_CLAIMED, /* it leaves with this turn */
	MSG_ADMIT_PASSED,  /* there is nothing to send, or it has been set aside */
	MSG_ADMIT_STOP,	   /* it stays where it is, and so does what is behind it */
	MSG_ADMIT_WAITS	   /* it stays as it is: see msgext_admit_early() */
} MsgAdmission;

/*
 * Runs behind the fence (store/claim.h). lane is NULL when a reminder led here. The row
 * may be of any state.
 */
extern MsgAdmission msgext_admit(MsgEngine *engine, MsgUpstream *upstream, MsgLane *lane,
								 const MsgRow *row);

/*
 * The same before its time, for one that was set aside for want of a usable account: it
 * leaves if there is one now, and waits if not. One whose time was set by a clock that has
 * been set back is given another.
 */
extern MsgAdmission msgext_admit_early(MsgEngine *engine, MsgUpstream *upstream,
									   const MsgRow *row);

#endif /* MSGEXT_ADMIT_H */
