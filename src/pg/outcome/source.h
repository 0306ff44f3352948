/*
 * source.h
 *		What a handler is run for, one after the other: events of messages, or pushes.
 */
#ifndef MSGEXT_SOURCE_H
#define MSGEXT_SOURCE_H

#include "utils/jsonb.h"

#include "pg/store/feed.h"

typedef struct MsgSource MsgSource;

/* As msgext_reader_open(): moves the feed's cursor in memory. */
extern MsgSource *msgext_source_open(MsgFeed *feed);
extern void msgext_source_close(MsgSource *source);

/* The next one, which may still be somebody else's; false when there is none. */
extern bool msgext_source_next(MsgSource *source, int64 *id);

/* It is ours now, in this transaction; false when it has become somebody else's. */
extern bool msgext_source_take(MsgSource *source);

/* As the function is given it; what is null is absent. */
extern Jsonb *msgext_source_describe(MsgSource *source);

/* The function has done with it. */
extern void msgext_source_pass(MsgSource *source);

/* See msgext_reader_is_worth_a_write(). */
extern bool msgext_source_is_worth_a_write(const MsgSource *source);

/* Passes the one that the handler failed at; false when it was none of its, or is over. */
extern bool msgext_source_skip(MsgFeed *feed, int64 id);

#endif /* MSGEXT_SOURCE_H */
