/*
 * http.h
 *		What the console has to look at in a request's head, and the fields of its answers:
 *		that no other page and no other name leads to it.
 */
#ifndef MSGEXT_CONSOLE_HTTP_H
#define MSGEXT_CONSOLE_HTTP_H

#include "postgres.h"

#include "net/http_listener.h"
#include "pg/console/session.h"

/* The value of a field, in the current memory context, or NULL. */
extern char *msgext_console_header(const MsgPush *request, const char *name);

/* The value of the session's cookie, in the current memory context, or NULL. */
extern char *msgext_console_cookie(const MsgPush *request);

/*
 * Was it asked for by a name that is ours? A number, "localhost" or msgext.console_url:
 * whoever has a name that leads to this machine for a moment (DNS rebinding) does not have
 * such a one.
 */
extern bool msgext_console_host_fits(const MsgPush *request);

/* Was it sent by our own page, as far as the browser says? */
extern bool msgext_console_origin_fits(const MsgPush *request);

/* What every answer has; and "more", lines of its own, or "". */
extern const char *msgext_console_fields(const char *more);

/* Lines that set the cookie, or take it away: then secret is NULL. */
extern const char *msgext_console_set_cookie(const char *secret, int64 seconds);

#endif /* MSGEXT_CONSOLE_HTTP_H */
