/*
 * admit.h
 *		May this message leave now? Claims it if so; sets it aside, with its reason, if not.
 */
#ifndef MSGEXT_ADMIT_H
#define MSGEXT_ADMIT_H

#include "pg/engine/engine.h"

typedef enum MsgAdmission
{
	MSG_ADMIT_CLAIMED, /* it leaves with this turn */
	MSG_ADMIT_PASSED,  /* there is nothing to send, or it has been set aside */
	MSG_ADMIT_STOP	   /* it stays where it is, and so does what is behind it */
} MsgAdmission;

/*
 * Runs behind the fence (store/claim.h). lane is NULL when a reminder led here. The row
 * may be of any state.
 */
extern MsgAdmission msgext_admit(MsgEngine *engine, MsgUpstream *upstream, MsgLane *lane,
								 const MsgRow *row);

#endif /* MSGEXT_ADMIT_H */
