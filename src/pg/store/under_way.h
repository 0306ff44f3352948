/*
 * under_way.h
 *		Messages under way, and their rows: claimed, and not recorded yet. Reads only.
 *
 * As the active snapshot sees them. Lives in the memory context it is begun in.
 */
#ifndef MSGEXT_UNDER_WAY_H
#define MSGEXT_UNDER_WAY_H

#include "pg/store/table.h"

typedef struct MsgUnderWay MsgUnderWay;

extern MsgUnderWay *msgext_under_way_begin(void);

/* The next one's row of outbox, in a slot that is valid until the next call, or NULL. */
extern TupleTableSlot *msgext_under_way_next(MsgUnderWay *under_way);

/* How many messages of claims have been looked up: recorded ones are among them. */
extern int64 msgext_under_way_lookups(const MsgUnderWay *under_way);

extern void msgext_under_way_end(MsgUnderWay *under_way);

#endif /* MSGEXT_UNDER_WAY_H */
