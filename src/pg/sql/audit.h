/*
 * audit.h
 *		Writes down who does what to servers.
 */
#ifndef MSGEXT_AUDIT_H
#define MSGEXT_AUDIT_H

#include "postgres.h"

#include "utils/jsonb.h"

/* Once a process, when the library is loaded. */
extern void msgext_audit_start(void);

/* A row of msgext.server_event of who asks. reason and detail may be NULL. */
extern void msgext_audit_append(Oid server, const char *name, const char *kind,
								const char *reason, Jsonb *detail);

#endif /* MSGEXT_AUDIT_H */
