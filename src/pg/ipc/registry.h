/*
 * registry.h
 *		Waking the dispatcher of a database when a transaction with news commits.
 *
 * Owns the shared memory: per database the worker's place in the array of processes and
 * a few flags. Nothing in it points into a process. Without preloading there is no
 * shared memory, and every function here does nothing.
 */
#ifndef MSGEXT_REGISTRY_H
#define MSGEXT_REGISTRY_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* Databases of one cluster that can have a dispatcher at a time. */
#define MSG_MAX_DATABASES 64

/* Called once, while the library is being preloaded. */
extern void msgext_registry_preload(void);

/* True when this database has a worker now. */
extern bool msgext_registry_has_worker(void);

/* What news can be of: a message in one of the lanes that share a bit, or ... */
#define MSG_NEWS_CALLBACK (UINT64CONST(1) << 62) /* ... a report that came in */
#define MSG_NEWS_SERVER (UINT64CONST(1) << 63)	 /* ... a server paused or resumed */
#define MSG_NEWS_ALL (~UINT64CONST(0))

/*
 * The bit of a lane, by its number (lane.h). Lanes may share one: news of it is a hint
 * where to look.
 */
extern uint64 msgext_notify_news_of_lane(int32 number);

/* Tells this database's dispatcher, and wakes it, when the transaction commits. */
extern void msgext_notify_at_commit(uint64 news);

/* The launcher's side. Returns the number of this start of a launcher. */
extern uint32 msgext_registry_launcher_start(void);
/* Databases somebody asked a dispatcher for since the last call; returns how many. */
extern int msgext_registry_requests(Oid *databases, int max);

/* Did the worker of this database, now ended, find the extension there? */
extern bool msgext_registry_is_present(Oid database);
/* The port its database has set for its listener: 0 = none, -1 = nothing of its own. */
extern int msgext_registry_port(Oid database);
/* The database has gone. */
extern void msgext_registry_forget(Oid database);

/*
 * What news there has been since the last call, in the worker of this database; anywhere
 * else, all there can be.
 */
extern uint64 msgext_registry_news(void);

/* The worker's side: from start to end, this database's news wake this process. */
extern void msgext_registry_worker_start(void);
/*
 * It goes to sleep with nothing to do: then it is woken a little before a commit with news,
 * and at that commit again.
 */
extern void msgext_registry_idle(void);
/* It has slept so: was it woken for a commit that is under way? */
extern bool msgext_registry_was_woken_early(void);
/* The number of the last start of a launcher: it keeps workers of its own. */
extern uint32 msgext_registry_launch(void);
/* Tells the launcher the port that this database itself has set; -1 = none. */
extern void msgext_registry_set_port(int port);
/* The extension is not in this database (any more): no worker is wanted. */
extern void msgext_registry_absent(void);

#endif /* MSGEXT_REGISTRY_H */
