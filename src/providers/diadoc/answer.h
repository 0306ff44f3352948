/*
 * answer.h
 *		What all answers have in common: headers worth keeping, and error texts that are
 *		written for people.
 */
#ifndef MSGEXT_DIADOC_ANSWER_H
#define MSGEXT_DIADOC_ANSWER_H

#include "core/provider.h"

/* Fills in an outcome with what the headers say; text may be NULL. */
extern void msgext_diadoc_outcome(MsgArena *arena, MsgOutcome *outcome,
								  const MsgReply *reply, MsgVerdict verdict,
								  const char *text);

/* X-Diadoc-ErrorCode, or NULL: pages of proxies have none. */
extern const char *msgext_diadoc_error_code(MsgArena *arena, const MsgReply *reply);

/* The body as far as it is fit to be kept, of a web page its title; NULL if empty. */
extern const char *msgext_diadoc_error_text(MsgArena *arena, const MsgReply *reply);

/* 401: a new session may help, unless the token was given as it is. */
extern MsgVerdict msgext_diadoc_unauthorized(const MsgConn *conn);

#endif /* MSGEXT_DIADOC_ANSWER_H */
