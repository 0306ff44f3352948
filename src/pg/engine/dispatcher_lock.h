/*
 * dispatcher_lock.h
 *		There is one dispatcher per database, by a lock that no SQL command can take.
 */
#ifndef MSGEXT_DISPATCHER_LOCK_H
#define MSGEXT_DISPATCHER_LOCK_H

#include "postgres.h"

/*
 * Makes this session the dispatcher of its database, until it ends or lets go. False when
 * another session is it. Inside a transaction; the lock outlives it.
 */
extern bool msgext_dispatcher_lock(void);
extern void msgext_dispatcher_unlock(void);

#endif /* MSGEXT_DISPATCHER_LOCK_H */
