/*
 * home.h
 *		Which database this is, and whether its data came from another one.
 *
 * A dump restored elsewhere must not write to the original's recipients: its servers
 * stay paused until resume_server.
 */
#ifndef MSGEXT_HOME_H
#define MSGEXT_HOME_H

#include "postgres.h"

/* A digest of the cluster's system identifier and the database's oid. */
extern int64 msgext_home(void);

/* Writes this database down in msgext.home. */
extern void msgext_home_record(void);

/* True when msgext.home names another database. */
extern bool msgext_home_is_copy(void);

#endif /* MSGEXT_HOME_H */
