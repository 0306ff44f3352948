/*
 * lag.h
 *		How far a consumer is behind: the events that it has not passed; of a handler for
 *		pushes, those that nobody has taken.
 */
#ifndef MSGEXT_LAG_H
#define MSGEXT_LAG_H

#include "pg/store/feed.h"

typedef struct MsgLag
{
	int64 unread;		/* that it wants and its owner may see, of those looked at */
	TimestampTz oldest; /* of them; 0 without any */
} MsgLag;

/* Looks at so many at most, whatever it wants of them. Moves feed's cursor, in memory. */
extern void msgext_lag_read(MsgFeed *feed, int64 looks, MsgLag *lag);

#endif /* MSGEXT_LAG_H */
