/*
 * http_service.h
 *		What the listener and the console have in common: a process of one database with a
 *		port, its one wait, the settings it began with, and how it ends when they change.
 */
#ifndef MSGEXT_HTTP_SERVICE_H
#define MSGEXT_HTTP_SERVICE_H

#include "net/http_listener.h"
#include "pg/ipc/registry.h"

typedef struct MsgHttpService
{
	MsgHttpKind kind;
	const char *what;		/* is at the port, for messages */
	const char *waiting;	/* what the process says of itself when it does nothing */
	const char *wait_event; /* name of its wait */
	const char *const
		*prefixes; /* of the database's settings that it depends on; NULL ends */

	/* Values of its own settings, as one text. */
	char *(*settings)(void);

	/* What the HTTP side has to know, before it goes on. */
	void (*prepare)(MsgHttpListener *http);
	/* Answers what has come in, or some of it. Outside a transaction, as are the others. */
	void (*serve)(MsgHttpListener *http);
	/* About once a second. */
	void (*look)(void);
} MsgHttpService;

/*
 * In the place of a main function, after msgext_bgworker_start() and what else the service
 * needs. Ends the process.
 */
extern void msgext_http_service_run(const MsgHttpService *service, const char *address,
									int port) __attribute__((noreturn));

#endif /* MSGEXT_HTTP_SERVICE_H */
