/*
 * audit.h
 *		Writes down who changes servers by DDL.
 */
#ifndef MSGEXT_AUDIT_H
#define MSGEXT_AUDIT_H

/* Once a process, when the library is loaded. */
extern void msgext_audit_start(void);

#endif /* MSGEXT_AUDIT_H */
