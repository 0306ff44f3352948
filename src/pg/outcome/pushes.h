/*
 * pushes.h
 *		The pushes that a handler is to be run for: of its servers, in the order in which
 *		they came, those that nobody is done with, or works on.
 *
 * Each row says itself whether it is done: there is no place to be kept.
 */
#ifndef MSGEXT_PUSHES_H
#define MSGEXT_PUSHES_H

#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "pg/store/feed.h"

typedef struct MsgPushes MsgPushes;

/*
 * With the latest snapshot. Servers whose pushes the feed's owner may not have give none.
 * To count them, not to take them, those that somebody works on belong to it.
 */
extern MsgPushes *msgext_pushes_open(const MsgFeed *feed, bool to_take);
extern void msgext_pushes_close(MsgPushes *pushes);

/* False when there is none. Nobody is waited for, nor kept from taking it. */
extern bool msgext_pushes_next(MsgPushes *pushes, int64 *id);

/* Takes the one that next has found: false when it is somebody else's by now. */
extern bool msgext_pushes_take(MsgPushes *pushes);

extern Jsonb *msgext_pushes_describe(const MsgPushes *pushes);
extern TimestampTz msgext_pushes_received_at(const MsgPushes *pushes);

/* ERROR 42704 or 42501 unless there are such servers, and the owner may have theirs. */
extern void msgext_pushes_check(const MsgFeed *feed);

#endif /* MSGEXT_PUSHES_H */
