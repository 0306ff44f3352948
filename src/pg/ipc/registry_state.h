/*
 * registry_state.h
 *		What a database is to the registry, and what is run for it: see registry.h.
 */
#ifndef MSGEXT_REGISTRY_STATE_H
#define MSGEXT_REGISTRY_STATE_H

#include "postgres.h"

/* Databases of one cluster that can have a dispatcher at a time. */
#define MSG_MAX_DATABASES 64

/*
 * What is known of a database. "Requested" and "running" are what sessions act on; a
 * database that is not here is absent.
 *
 *	 state		what may be trusted				who moves it on
 *	 ABSENT		no worker, none wanted; any		wake() -> REQUESTED
 *				database may take the entry		expect() -> STARTING
 *	 REQUESTED	a session has news, and the		requests() or expect(), the launcher
 *				launcher has not looked yet		-> STARTING
 *	 STARTING	the launcher starts a worker,	worker_start() -> RUNNING
 *				as often as it takes			absent(), the worker -> ABSENT
 *	 RUNNING	"worker" is the worker; news	worker_ends() -> ENDED, or REQUESTED
 *				wakes it						after replace(); absent() -> ABSENT
 *	 ENDED		the extension is there, its		worker_start() -> RUNNING
 *				worker will be started again,	absent() -> ABSENT
 *				after the launcher's delay
 *
 * A running worker is idle, too, from idle() until somebody wakes it. The launcher alone
 * takes a database to ABSENT from anywhere: forget(), and launcher_start(), after which
 * it tries every database.
 *
 * In STARTING and ENDED nobody asks for a worker: the launcher has it in hand, and what
 * sessions want does not shorten its delays.
 */
typedef enum MsgEntryState
{
	MSG_ENTRY_ABSENT,
	MSG_ENTRY_REQUESTED,
	MSG_ENTRY_STARTING,
	MSG_ENTRY_RUNNING,
	MSG_ENTRY_ENDED
} MsgEntryState;

/* What a database answers over HTTP: each a process with a port of its own. */
typedef enum MsgHttpKind
{
	MSG_HTTP_LISTENER,
	MSG_HTTP_CONSOLE
} MsgHttpKind;

#define MSG_HTTP_KINDS 2

#endif /* MSGEXT_REGISTRY_STATE_H */
