/*
 * registry.h
 *		The shared memory: per database an entry that says whether it has a worker, and
 *		what its worker has to look at.
 *
 * Nothing in it points into a process. Without preloading there is no shared memory: no
 * database has a worker then, and nobody is woken. Knows nothing of transactions: when
 * news may be told, notify.c decides.
 */
#ifndef MSGEXT_REGISTRY_H
#define MSGEXT_REGISTRY_H

#include "pg/ipc/registry_state.h"

/* ---- Any session, about its own database ---- */

/* Without it there is no background process, in any database. */
extern bool msgext_registry_is_preloaded(void);

/* True when this database has a worker now. */
extern bool msgext_registry_has_worker(void);

/* There is news, committed: wakes the worker, or asks the launcher for one. */
extern void msgext_registry_wake(uint64 news);
/* News is about to be committed: wakes the worker if it sleeps with nothing to do. */
extern void msgext_registry_wake_early(uint64 news);

/* ---- The launcher ---- */

/* Returns the number of this start of a launcher. */
extern uint32 msgext_registry_launcher_start(void);
/* Databases that asked for a worker since the last call; returns how many. */
extern int msgext_registry_requests(Oid *databases, int max);
/* A worker is being started in this database: whether it is wanted, it will say. */
extern void msgext_registry_expect(Oid database);
extern MsgEntryState msgext_registry_state(Oid database);
/* The port its database has set for it: 0 = none, -1 = nothing of its own. */
extern int msgext_registry_port(Oid database, MsgHttpKind kind);
/* Is a feeder wanted in this database? */
extern bool msgext_registry_feeds(Oid database);
/* Did the process that has ended want to begin anew? Once for each time. */
extern bool msgext_registry_take_relisten(Oid database, MsgHttpKind kind);
/* The database has gone. */
extern void msgext_registry_forget(Oid database);

/* ---- The worker, and what runs in its process ---- */

/* From here to the end of the process, this database's news wake it. */
extern void msgext_registry_worker_start(void);
/*
 * What news there has been since the last call, in the worker of this database; anywhere
 * else, all there can be: every bit is set.
 */
extern uint64 msgext_registry_news(void);
/*
 * It goes to sleep with nothing to do: then it is woken a little before a commit with
 * news, and at that commit again.
 */
extern void msgext_registry_idle(void);
/* It has slept so: was it woken for a commit that is under way? */
extern bool msgext_registry_was_woken_early(void);
/* The number of the last start of a launcher: it keeps workers of its own. */
extern uint32 msgext_registry_launch(void);
/* Tells the launcher the port that this database itself has set; -1 = none. */
extern void msgext_registry_set_port(MsgHttpKind kind, int port);
/* Tells the launcher whether there is something for a feeder to do. */
extern void msgext_registry_set_feeds(bool feeds);
/* The listener or console ends to begin anew, with settings that have changed. */
extern void msgext_registry_relisten(MsgHttpKind kind);
/* The extension is not in this database (any more): no worker is wanted. */
extern void msgext_registry_absent(void);
/* This worker ends, and another one is wanted at once: the extension was made anew. */
extern void msgext_registry_replace(void);

#endif /* MSGEXT_REGISTRY_H */
