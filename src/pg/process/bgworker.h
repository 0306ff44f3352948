/*
 * bgworker.h
 *		What the background processes have in common: how they begin, what they answer
 *		to signals, under which settings they work, their transactions, and when they
 *		leave.
 */
#ifndef MSGEXT_BGWORKER_H
#define MSGEXT_BGWORKER_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* ---- All of them ---- */

/* Signals and settings; before the process connects. */
extern void msgext_bgworker_init(void);
/* After ConfigReloadPending: reads the files again. */
extern void msgext_bgworker_reload(void);

/*
 * SIGTERM only asks (ShutdownRequestPending): a process leaves when it has recorded what
 * is under way. But it may be waiting for a lock that nobody lets go of. Such a wait is
 * ended, and the process with it: at once when it is not busy, else when it has been
 * asked to leave this long ago.
 */
#define MSG_DRAIN_US (5 * USECS_PER_SEC)
extern void msgext_bgworker_set_busy(bool busy);
/* Its work is a user's now (a handler, a request): given up as soon as it is to leave. */
extern void msgext_bgworker_set_interruptible(bool interruptible);

/* Outside a transaction, where nothing is there to be cancelled: SIGINT is passed over. */
extern void msgext_bgworker_check_interrupts(void);

/* Waits, whatever sets the latch; false, at once, when the process is to end. */
extern bool msgext_bgworker_pause(long ms);

/*
 * In PG_CATCH: ends the transaction, and the error, which is logged if tell. before is
 * the memory context to go on in.
 */
extern void msgext_bgworker_recover(MemoryContext before, bool tell);

/* ---- Those of one database: worker and listener ---- */

/*
 * Connects a process that the launcher has started to its database; ends it when the
 * extension is not there.
 */
extern void msgext_bgworker_start(Oid database);

/*
 * A transaction, in which the extension is the one that was there at the start, and
 * stays: otherwise the process ends here, with whatever it has in memory. That would be
 * about rows which are gone.
 */
extern void msgext_bgworker_begin(void);
extern void msgext_bgworker_commit(void);

/* Looked at about once a second, outside a transaction. False = leave soon. */
extern bool msgext_bgworker_may_stay(void);

/* May nothing leave this database? See base/mode.h. Outside a transaction. */
extern bool msgext_bgworker_in_test_database(void);

/*
 * The database's own settings whose names begin with one of these (NULL ends), as the
 * catalog has them now: those of this process are as old as the process. "name=value", one a line; "" when there is
 * none. Within a transaction.
 */
extern char *msgext_bgworker_settings(const char *const *prefixes);

#endif /* MSGEXT_BGWORKER_H */
