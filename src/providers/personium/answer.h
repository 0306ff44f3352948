/*
 * answer.h
 *		What all answers have in common: the error with its code, and the message as the
 *		sending cell has stored it.
 */
#ifndef MSGEXT_PERSONIUM_ANSWER_H
#define MSGEXT_PERSONIUM_ANSWER_H

#include "core/provider.h"

typedef struct PersoniumAnswer
{
	const char *code;	   /* "PR400-OD-0006", or NULL */
	const char *text;	   /* or NULL */
	const MsgJson *stored; /* d.results, or its first element, or NULL */
} PersoniumAnswer;

/* False when the body is no JSON; *answer is empty then. */
extern bool msgext_personium_answer(MsgArena *arena, const MsgReply *reply,
									PersoniumAnswer *answer, MsgError *error);

/* What an answer means that is not the message. */
extern MsgVerdict msgext_personium_failure(const MsgConn *conn, const MsgReply *reply,
										   const PersoniumAnswer *answer);

/*
 * Is this code, of an answer or of a target, about the message as such? A target that
 * refuses the sender (401, 403) may have taken the message a moment ago.
 */
extern bool msgext_personium_is_inherent(const char *code);

/* "__published: /Date(milliseconds)/", in microseconds since the epoch; 0 = none. */
extern int64_t msgext_personium_published(const MsgJson *stored);

/* A string or a number in one line of at most max bytes; NULL when it says nothing. */
extern const char *msgext_personium_text(MsgArena *arena, const MsgJson *node,
										 size_t max);

#endif /* MSGEXT_PERSONIUM_ANSWER_H */
