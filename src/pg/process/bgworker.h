/*
 * bgworker.h
 *		What the background processes of a database have in common: how they come into
 *		it, and when they leave.
 */
#ifndef MSGEXT_BGWORKER_H
#define MSGEXT_BGWORKER_H

#include "postgres.h"

/* Transactions of a process that no client drives. */
extern void msgext_bgworker_begin(void);
extern void msgext_bgworker_commit(void);

/*
 * Connects a background worker that the launcher has started to its database; ends the
 * process when the extension is not there.
 */
extern void msgext_bgworker_start(Oid database);

/* Looked at about once a second, outside a transaction. False = leave soon. */
extern bool msgext_bgworker_may_stay(void);

/* After an ERROR, outside a transaction: DROP EXTENSION under our feet looks like any. */
extern void msgext_bgworker_leave_if_absent(void);

/*
 * The database's own settings whose names begin so, as the catalog has them now: those
 * of this process are as old as the process. "name=value", one a line; "" when there is
 * none. Within a transaction.
 */
extern char *msgext_bgworker_settings(const char *prefix);

#endif /* MSGEXT_BGWORKER_H */
