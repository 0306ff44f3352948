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
#include "pg/sql/operation.h"

#define MSG_PRIORITY_USUAL 3
#define MSG_OPERATION_ID_MAX 255 /* bytes */

/* What to do with a payload that the provider would refuse. */
typedef enum MsgOnInvalid
{
	MSG_INVALID_AS_SERVER, /* as its option on_invalid says */
	MSG_INVALID_ERROR,
	MSG_INVALID_RECORD /* keep it as a message that is rejected */
} MsgOnInvalid;

/* Zeroed, then filled in from server on. The sender is the current user. */
typedef struct MsgPost
{
	MsgServer *server; /* by msgext_access_server() */
	MsgArena *arena;
	MsgPayload payload;		  /* message and parts; id and time are given here */
	const char *operation_id; /* or NULL */
	int priority;			  /* 1 to 5 */
	TimestampTz send_after;	  /* 0 = at once */
	TimestampTz expires_at;	  /* 0 = as expires_after says; DT_NOEND = never */
	Interval *expires_after;  /* from send_after on, or now; NULL = as the server says */
	Jsonb *ref;				  /* an object, or NULL */
	bool hides_operation_id;  /* no error shows it */
	MsgOnConflict on_conflict;
	MsgOnInvalid on_invalid;
	const char *template; /* that has made it, or NULL */
	int32 template_version;

	/*
	 * Of DEBOUNCE: gives it the times it has as one that stands for others since
	 * waits_since, which msgext_post() fills in.
	 */
	void (*set_times)(struct MsgPost *post, void *arg);
	void *set_times_arg;
	TimestampTz waits_since;

	/* why it is invalid, in UTF-8; filled in beforehand where that is known */
	MsgError error;
	MsgPosted posted; /* filled in by msgext_post() */
} MsgPost;

/*
 * The message's id; post->posted says whose it is. ERROR where the current user may not
 * send, an argument is not valid, nor the payload where that is not recorded, or the
 * operation id has been used and on_conflict does not say what then.
 */
extern int64 msgext_post(MsgPost *post);

/*
 * What it would queue: the message as it would be sent and its times, in *post. False
 * where the payload is not valid; see post->error. Asks for no rights.
 */
extern bool msgext_post_preview(MsgPost *post);

/* Reads "error", "return", "replace"; and "error", "record". ERROR 22023. */
extern MsgOnConflict msgext_post_on_conflict(const char *text);
extern MsgOnInvalid msgext_post_on_invalid(const char *text);

/* Binary parts of a payload, as an argument of SQL has them; *n becomes how many. */
extern MsgPart *msgext_post_parts(MsgArena *arena, ArrayType *array, int *n);

#endif /* MSGEXT_POST_H */
