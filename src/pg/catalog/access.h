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

/*
 * Has the current user the privileges of the role that queued a message? A foreign
 * message, of a restored copy, is its sender's by oid and name.
 */
extern bool msgext_access_may_see(Oid sender, const char *name, bool foreign);

#endif /* MSGEXT_ACCESS_H */
