/*
 * origin.h
 *		Which database this is, and whether its data came from another one.
 *
 * A dump restored elsewhere must not write to the original's recipients: its servers
 * stay paused until resume_server.
 */
#ifndef MSGEXT_ORIGIN_H
#define MSGEXT_ORIGIN_H

#include "postgres.h"

/*
 * A digest of the cluster's system identifier and the oids of database and extension: a dump
 * that is restored over its original brings oids of servers that are gone, too.
 */
extern int64 msgext_origin(void);

/* No database's digest. */
#define MSG_ORIGIN_NONE 0

/* Writes this database down in msgext.origin. */
extern void msgext_origin_record(void);

/* What msgext.origin names besides this database. */
typedef struct MsgOrigins
{
	bool foreign; /* another one */
	bool test;	  /* itself, when it was a test database, by extension msgext_test */
} MsgOrigins;

extern void msgext_origin_read(MsgOrigins *origins);

/* Has the data come from another database? */
extern bool msgext_origin_is_foreign(void);

#endif /* MSGEXT_ORIGIN_H */
