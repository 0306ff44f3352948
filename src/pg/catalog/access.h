/*
 * access.h
 *		Who may do what: checks of the current user's rights, with their errors.
 */
#ifndef MSGEXT_ACCESS_H
#define MSGEXT_ACCESS_H

#include "pg/catalog/server.h"

/* ERROR 42704 or 42809 when there is no such server, or it is not one of ours. */
extern MsgServer *msgext_access_server(const char *name);

/* ERROR 42501 unless the current user has USAGE on the server. */
extern void msgext_access_use(const MsgServer *server);
/* ERROR 42501 unless the current user owns the server. */
extern void msgext_access_own(const MsgServer *server);

/* ERROR 42501 unless the current user may call receive_callback(). */
extern void msgext_access_receive(void);

/* Is the current user this sender, or a member of that role? */
extern bool msgext_access_may_see(const char *sender);

#endif /* MSGEXT_ACCESS_H */
