/*
 * answer.h
 *		What the answers to a send and to a status request, and the callbacks, have in
 *		common: their outer object, codes, ids, times and words for a status.
 *
 * The document writes the same thing in several ways; this file knows all of them, so
 * that no other has to.
 */
#ifndef MSGEXT_DEVINO_ANSWER_H
#define MSGEXT_DEVINO_ANSWER_H

#include "core/provider.h"

/*
 * Reads the body of an answer or a callback. Commas before a closing brace are forgiven:
 * the document's own example of an accepted message has one.
 */
extern MsgJson *msgext_devino_read(MsgArena *arena, const char *body, size_t len,
								   MsgError *error);

/* The verdict that a code has by itself; false when the code is not known. */
extern bool msgext_devino_code(const MsgJson *code, MsgVerdict *verdict);

/* A value that is missing or wrong, of whatever member: it was so at every attempt. */
extern bool msgext_devino_is_malformed(const MsgJson *code);

/* Is node a string that spells word, in whatever case? */
extern bool msgext_devino_is(const MsgJson *node, const char *word);

/* Null, absent and "" alike say nothing: then NULL. */
extern const char *msgext_devino_text(const MsgJson *node);

/* The member "result", or the one element of it if it is a list; NULL when neither. */
extern const MsgJson *msgext_devino_result(const MsgJson *answer);

/*
 * For an answer that is not the documented object, answer being NULL if it is not even
 * JSON: decides on it by its HTTP status. False, with *error filled in unless the reader
 * did, when that says nothing either.
 */
extern bool msgext_devino_foreign(const MsgJson *answer, const MsgReply *reply,
								  MsgOutcome *outcome, MsgError *error);

/* The first of the names, ended by NULL, that node has with a value other than null. */
extern const MsgJson *msgext_devino_any(const MsgJson *node, const char *const *names);

/* An id as decimal digits, from a number or a string of them; NULL when it is none. */
extern const char *msgext_devino_id(MsgArena *arena, const MsgJson *node);

/* The word for a state, as a VK status says it; NULL when it has none. */
extern const char *msgext_devino_word(MsgState state);

/*
 * An event out of an object that has a status under one of its names; NULL when it has
 * none. channel NULL: the status says which.
 */
extern MsgEvent *msgext_devino_event(MsgArena *arena, const MsgConn *conn,
									 const MsgJson *node, const char *channel);

extern const char *const msgext_devino_id_names[];

#endif /* MSGEXT_DEVINO_ANSWER_H */
