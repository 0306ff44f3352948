/*
 * session.h
 *		Who uses the console: a link by which it is opened, once, and the session that this
 *		begins, with the rights of the role that made it.
 *
 * A session is a cookie, which the browser keeps from the page, and a key, which the page
 * keeps from other pages and services of the same host: both are needed. Rights are looked
 * at anew each time: whoever cannot log in any more, or not be the role, has no session.
 */
#ifndef MSGEXT_CONSOLE_SESSION_RIGHTS_H
#define MSGEXT_CONSOLE_SESSION_RIGHTS_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "pg/store/console_session.h"

/* A secret as text: 32 random bytes in hex, and a NUL. */
#define MSG_CONSOLE_SECRET_LEN 64
typedef char MsgConsoleSecret[MSG_CONSOLE_SECRET_LEN + 1];

/* A link for the current user that begins a session until then. ERROR 42501. */
extern void msgext_console_link_create(TimestampTz ends_at, MsgConsoleSecret token);

/* Ends all that the role has opened, or that have its rights; returns how many. */
extern int msgext_console_close(Oid role);

/* ---- The process. Each within a transaction ---- */

/* Exchanges a link's token, once, for a session. False: there is no such link now. */
extern bool msgext_console_session_begin(const char *token, MsgConsoleSession *session,
										 MsgConsoleSecret cookie, MsgConsoleSecret key);

typedef enum MsgConsoleAdmission
{
	MSG_CONSOLE_ADMITTED,
	MSG_CONSOLE_NO_SESSION,
	MSG_CONSOLE_WRONG_KEY
} MsgConsoleAdmission;

/* cookie and key may be NULL: not given. */
extern MsgConsoleAdmission msgext_console_session_admit(const char *cookie,
														const char *key,
														MsgConsoleSession *session);

#endif /* MSGEXT_CONSOLE_SESSION_RIGHTS_H */
