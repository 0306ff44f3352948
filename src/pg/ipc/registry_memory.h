/*
 * registry_memory.h
 *		The shared memory itself. What lies in it is for registry.c and registry_service.c
 *		alone.
 */
#ifndef MSGEXT_REGISTRY_MEMORY_H
#define MSGEXT_REGISTRY_MEMORY_H

#include "port/atomics.h"
#include "storage/lwlock.h"

#include "pg/ipc/registry_state.h"

#define MSG_NO_PROCESS (-1)

/*
 * One database. All is read under the lock, and written under it exclusively, but for the
 * two atomics: those need it shared, so that the entry stays whose it is, or to be the
 * worker that the entry names.
 */
typedef struct MsgRegistryEntry
{
	Oid database; /* written by take(), when the entry changes hands */
	MsgEntryState state;
	int worker;	  /* index into ProcGlobal->allProcs; MSG_NO_PROCESS unless RUNNING */
	bool replace; /* its worker ends to be replaced at once; the worker's */
	int ports[MSG_HTTP_KINDS];	   /* as the database has set them; the worker's */
	bool relisten[MSG_HTTP_KINDS]; /* one ends to begin anew with other settings */
	bool feeds;					   /* a feeder is wanted; the worker's */
	pg_atomic_uint64 news;		   /* set by sessions at commit, taken by the worker */
	pg_atomic_uint32 idle;		   /* set by the worker, taken by who wakes it early */
} MsgRegistryEntry;

typedef struct MsgRegistry
{
	int launcher;	 /* like an entry's worker */
	uint32 launches; /* how often a launcher has started */
	MsgRegistryEntry entries[MSG_MAX_DATABASES];
} MsgRegistry;

/* Called once, while the library is being preloaded. */
extern void msgext_registry_preload(void);

/* NULL where nothing was preloaded. */
extern MsgRegistry *msgext_registry;
extern LWLock *msgext_registry_lock;
/* The entry whose worker this process is, or NULL. */
extern MsgRegistryEntry *msgext_registry_mine;

/* As a database that nobody has told anything about. */
extern void msgext_registry_forget_services(MsgRegistryEntry *entry);
/* The database's entry, or NULL. The lock is held. */
extern MsgRegistryEntry *msgext_registry_find(Oid database);
/* Wakes the process, unless it is MSG_NO_PROCESS. */
extern void msgext_registry_set_latch(int process);

#endif /* MSGEXT_REGISTRY_MEMORY_H */
