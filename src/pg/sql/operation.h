/*
 * operation.h
 *		Operation ids: whose message has one already, and what follows from that.
 *
 * An operation id is unique per server and sender, among messages that have left or may
 * still leave. One that is over and never left gives it away to the next that asks.
 */
#ifndef MSGEXT_OPERATION_H
#define MSGEXT_OPERATION_H

#include "utils/jsonb.h"

#include "core/provider.h"
#include "pg/catalog/server.h"
#include "pg/store/outbox.h"

/* What to do when the operation id has been used already, for another message. */
typedef enum MsgOnConflict
{
	MSG_CONFLICT_ERROR,
	MSG_CONFLICT_RETURN,  /* the first message stands for this one */
	MSG_CONFLICT_REPLACE, /* the first one is cancelled, if it has not left */
	MSG_CONFLICT_DEBOUNCE /* the same; and if it has, this is another message */
} MsgOnConflict;

/* What became of a call. */
typedef enum MsgPosted
{
	MSG_POSTED_NEW,
	MSG_POSTED_REPEATED, /* the operation id has been used; nothing is queued */
	MSG_POSTED_REPLACED, /* it has, and its message is cancelled for this one */
	MSG_POSTED_INVALID	 /* recorded; see error */
} MsgPosted;

/* What a call has to say of its message. */
typedef struct MsgOperation
{
	const MsgServer *server;
	const char *id;
	int64 message; /* that is to have it */
	const MsgFragment *fragment;
	int priority;
	TimestampTz send_after;
	TimestampTz expires_at;
	Jsonb *ref;
	bool hidden; /* no error shows the id */
	MsgOnConflict on_conflict;
	TimestampTz *waits_since; /* of DEBOUNCE: becomes that of the one it replaces */
} MsgOperation;

/*
 * The message that stands for this one, or 0: then the id is free, and the message is to be
 * inserted, which may meet another that was quicker. *posted is MSG_POSTED_INVALID where the
 * payload is, and becomes what has been done. Waits for transactions that are about to write
 * or change a message of that id.
 */
extern int64 msgext_operation_find(MsgTable *outbox, const MsgOperation *operation,
								   MsgPosted *posted);

#endif /* MSGEXT_OPERATION_H */
