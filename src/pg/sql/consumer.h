/*
 * consumer.h
 *		Consumers as SQL functions make and find them.
 */
#ifndef MSGEXT_CONSUMER_H
#define MSGEXT_CONSUMER_H

#include "pg/store/feed.h"

/*
 * Locks the consumer and returns its newest version. ERROR 42704 when there is none, or
 * NULL where that is right; 42501 when it is somebody else's.
 */
extern MsgFeed *msgext_consumer_get(MsgTable *feeds, const char *name, bool missing_ok);

/* One that has not been written. after is NULL for what is recorded from now on. */
extern MsgFeed *msgext_consumer_make(const char *name, Oid owner, Jsonb *filter,
									 const int64 *after);

#endif /* MSGEXT_CONSUMER_H */
