/*
 * recover.h
 *		What follows a failed turn.
 */
#ifndef MSGEXT_RECOVER_H
#define MSGEXT_RECOVER_H

#include "pg/engine/engine.h"

/*
 * After an ERROR with this SQLSTATE and the abort of its transaction: loses no request
 * and no result, and raises nothing. True when results wait, one of which may have raised
 * it. The lanes in memory are ahead of the tables until msgext_recover_lanes().
 */
extern bool msgext_recover_turn(MsgEngine *engine, int sqlstate);

/* Reads from the tables how far the lanes have been read, in a transaction of its own. */
extern void msgext_recover_lanes(MsgEngine *engine);

#endif /* MSGEXT_RECOVER_H */
