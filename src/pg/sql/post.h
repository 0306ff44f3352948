/*
 * post.h
 *		A message becomes a row of the caller's transaction: the one entry for every
 *		function that queues one.
 *
 * Checks rights and arguments, has the provider's codec check and encode the payload,
 * writes the row. Sends nothing and waits for nothing.
 */
#ifndef MSGEXT_POST_H
#define MSGEXT_POST_H

#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "core/arena.h"
#include "core/provider.h"
#include "pg/catalog/server.h"

#define MSG_PRIORITY_USUAL 3

/* Zeroed, then filled in from server on. The sender is the current user. */
typedef struct MsgPost
{
	MsgServer *server; /* by msgext_access_server() */
	MsgArena *arena;
	MsgPayload payload;		  /* message and parts; id and time are given here */
	const char *operation_id; /* or NULL */
	int priority;			  /* 1 to 5 */
	TimestampTz send_after;	  /* 0 = at once */
	TimestampTz expires_at;	  /* 0 = never */
	Jsonb *ref;				  /* an object, or NULL */
} MsgPost;

/*
 * The message's id. ERROR where the current user may not send, an argument or the payload
 * is not valid, or the operation id was used with another payload.
 */
extern int64 msgext_post(MsgPost *post);

/* Binary parts of a payload, as an argument of SQL has them; *n becomes how many. */
extern MsgPart *msgext_post_parts(MsgArena *arena, ArrayType *array, int *n);

#endif /* MSGEXT_POST_H */
