/*
 * query_string.h
 *		What follows ? in the target of a request, read into an object of texts.
 */
#ifndef MSGEXT_QUERY_STRING_H
#define MSGEXT_QUERY_STRING_H

#include "core/json.h"

/* Members of it at most. */
#define MSG_QUERY_STRING_MAX 32

/*
 * "a=b&c=d%20e", as browsers write forms: + is a space too. Of equal names the last wins,
 * and what has no = is an empty text. NULL when it has too many members, an escape that is
 * none, a NUL, or is no UTF-8.
 */
extern MsgJson *msgext_query_string_read(MsgArena *arena, const char *text);

#endif /* MSGEXT_QUERY_STRING_H */
