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

/*
 * Its lock, and that of its owner: sessions of one role make consumers in turns, or they
 * would make more together than it may have.
 */
extern void msgext_consumer_lock(const char *name, Oid owner);

/*
 * With these locks; false when the owner has one of that name. ERROR 54000 when he has as
 * many as a role may have.
 */
extern bool msgext_consumer_add(MsgTable *feeds, const MsgFeed *feed);

#endif /* MSGEXT_CONSUMER_H */
