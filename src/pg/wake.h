/*
 * wake.h
 *		Waking the dispatcher of a database when a transaction with news commits.
 *
 * Owns the shared memory: per database the worker's place in the array of processes and
 * a few flags. Nothing in it points into a process. Without preloading there is no
 * shared memory, and every function here does nothing.
 */
#ifndef MSGEXT_WAKE_H
#define MSGEXT_WAKE_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* Databases of one cluster that can have a dispatcher at a time. */
#define MSGEXT_MAX_DATABASES 64

/* Called once, while the library is being preloaded. */
extern void msgext_wake_preload(void);

/* True when this database has a worker now. */
extern bool msgext_wake_has_worker(void);

/* Wakes this database's dispatcher when the current transaction commits. */
extern void msgext_wake_at_commit(void);

/* The launcher's side. Returns the number of this start of a launcher. */
extern uint32 msgext_wake_launcher_start(void);
/* Databases somebody asked a dispatcher for since the last call; returns how many. */
extern int msgext_wake_requests(Oid *databases, int max);

/* Did the worker of this database, now ended, find the extension there? */
extern bool msgext_wake_is_present(Oid database);
/* The database has gone. */
extern void msgext_wake_forget(Oid database);

/* The worker's side: from start to end, this database's news wake this process. */
extern void msgext_wake_worker_start(void);
/* The number of the last start of a launcher: it keeps workers of its own. */
extern uint32 msgext_wake_launch(void);
/* The extension is not in this database (any more): no worker is wanted. */
extern void msgext_wake_absent(void);

#endif /* MSGEXT_WAKE_H */
