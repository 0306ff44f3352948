/*
 * take.h
 *		Finding what may leave now, and claiming it.
 */
#ifndef MSGEXT_TAKE_H
#define MSGEXT_TAKE_H

#include "pg/engine/engine.h"

/*
 * Runs inside a turn, and takes the fence (store/claim.h), which is held until the turn
 * ends. Makes fresh flights of what may go, and one claim of all of them. Sets
 * turn.work_left where capacity ended before the work did.
 */
extern void msgext_take(MsgEngine *engine);

#endif /* MSGEXT_TAKE_H */
