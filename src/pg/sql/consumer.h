/*
 * consumer.h
 *		What create_consumer() and on_event() have in common.
 */
#ifndef MSGEXT_CONSUMER_H
#define MSGEXT_CONSUMER_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "pg/store/feed.h"

/*
 * One that has not been written. after is NULL for what is recorded from now on. ERROR
 * 22023 for a name or a filter that is none.
 */
extern MsgFeed *msgext_consumer_make(const char *name, Oid owner, Jsonb *filter,
									 const int64 *after);

#endif /* MSGEXT_CONSUMER_H */
