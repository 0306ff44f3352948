/*
 * settle.h
 *		What came of the claims of a dispatcher that has ended: nobody can tell.
 *
 * Each message is settled as soon as its row is free. Nothing else waits for that: who
 * holds a row holds up nobody. A claim's row stays until the last of its messages is
 * settled, so that a dispatcher that ends meanwhile leaves the rest to the next one.
 */
#ifndef MSGEXT_SETTLE_H
#define MSGEXT_SETTLE_H

#include "pg/engine/engine.h"

/*
 * Settles what can be, a claim in a transaction. To be called when it is to be looked at
 * again, while there are inherited claims.
 */
extern void msgext_settle(MsgEngine *engine);

#endif /* MSGEXT_SETTLE_H */
