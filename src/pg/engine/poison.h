/*
 * poison.h
 *		Messages that raised an error when they were looked at: passed over for a while,
 *		so that one bad row does not stop those behind it.
 *
 * In memory only: another dispatcher finds out anew. The error itself, with the message
 * in its context, is in the server log.
 */
#ifndef MSGEXT_POISON_H
#define MSGEXT_POISON_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* So many are remembered; beyond it the one that is due first is forgotten. */
#define MSG_POISON_MAX 64

typedef struct MsgPoisoned
{
	int64 message;
	TimestampTz until;
	int times; /* it raised an error */
} MsgPoisoned;

typedef struct MsgPoison
{
	int64 suspect; /* being looked at at the last error, or 0 */
	int times;	   /* errors in a row at which it was */
	int n;
	MsgPoisoned messages[MSG_POISON_MAX];
} MsgPoison;

/* It raised an error: passed over from now on, the longer the more often it did. */
extern void msgext_poison_add(MsgPoison *poison, int64 message, TimestampTz now);

/* An error was raised while it was looked at: at how many in a row is that? */
extern int msgext_poison_suspect(MsgPoison *poison, int64 message);

/* Until when it is to be passed over; 0 = it is not. */
extern TimestampTz msgext_poison_until(const MsgPoison *poison, int64 message,
									   TimestampTz now);

#endif /* MSGEXT_POISON_H */
