/*
 * tally.h
 *		What sessions and the listener count of a server, on its way to the dispatcher,
 *		which alone writes it down.
 *
 * Counts belong to the transaction they are made in, and to its subtransactions: with
 * COMMIT they are laid into shared memory, with ROLLBACK they are gone. A prepared
 * transaction's count when it is prepared. What lies in shared memory is written within
 * about a second; a crash of the server loses it. Without preloading there is none: a
 * session then keeps its counts for its own CALL dispatch().
 */
#ifndef MSGEXT_TALLY_H
#define MSGEXT_TALLY_H

#include "postgres.h"

#include "core/counts.h"

/* Called once, while the library is being preloaded. */
extern void msgext_tally_preload(void);

/*
 * The counts of this transaction for a server of this database, to be added to. Valid
 * until the current subtransaction ends or begins another one.
 */
extern MsgCounts *msgext_tally(Oid server);

/* Outside of a transaction's fate: they have happened. */
extern void msgext_tally_put(Oid server, const MsgCounts *counts);

/*
 * Takes what lies there for one server of this database after the other: false when that
 * was all. To begin, *place is 0. What is taken is free for others.
 */
extern bool msgext_tally_take(int *place, Oid *server, MsgCounts *counts);

/* The database, or the extension in it, has gone: nobody will take what lies there. */
extern void msgext_tally_forget(Oid database);

#endif /* MSGEXT_TALLY_H */
