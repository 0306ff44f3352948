/*
 * access.h
 *		Who may do what: checks of the current user's rights, with their errors.
 *
 * Rights that PostgreSQL has no privilege for are EXECUTE on a function of that name:
 * receive_callback() and open_console() themselves, and can_read(), can_read_payload() and
 * can_operate(), which do nothing else. Membership counts as PostgreSQL counts it, so not
 * without INHERIT.
 */
#ifndef MSGEXT_ACCESS_H
#define MSGEXT_ACCESS_H

#include "pg/catalog/server.h"

/*
 * What people do with a message of somebody else's, each with the right that allows it.
 */
typedef enum MsgAccess
{
	MSG_ACCESS_SEE,		/* can_read() */
	MSG_ACCESS_PAYLOAD, /* can_read_payload() */
	MSG_ACCESS_CHANGE	/* can_operate(), and USAGE on the server */
} MsgAccess;

/* ERROR 42704 or 42809 when there is no such server, or it is not one of ours. */
extern MsgServer *msgext_access_server(const char *name);

/* ERROR 42501 unless the current user has USAGE on the server. */
extern void msgext_access_use(const MsgServer *server);

/* ERROR 42501 unless the current user owns the server, or operates it. */
extern void msgext_access_operate(const MsgServer *server);
extern bool msgext_access_may_operate(const MsgServer *server);

/* Is the state of the server, which may be gone, for the current user to see? */
extern bool msgext_access_monitor(Oid server);
/* Of every one? */
extern bool msgext_access_monitor_all(void);

/* May the current user read everybody's payloads: superuser, or can_read_payload()? */
extern bool msgext_access_may_read_payloads(void);
/* ERROR 42501 unless he may. */
extern void msgext_access_read_payloads(void);

/* ERROR 42501 unless the current user may call receive_callback(). */
extern void msgext_access_receive(void);

/* May the role do so, and for this server? */
extern bool msgext_access_may_receive(Oid role, Oid server);

/* May the current user read and finish the pushes to the server, which exists? */
extern bool msgext_access_may_consume(Oid server);
/* The same of another role; and ERROR 42501 where it may not. */
extern bool msgext_access_may_consume_as(Oid role, Oid server);
extern void msgext_access_consume_as(Oid role, const MsgServer *server);

/*
 * May the role open the console, and can somebody log in here as login and be that role?
 * False, too, when one of them is gone.
 */
extern bool msgext_access_console(Oid login, Oid role);

/*
 * Has the current user the privileges of the role that queued a message, or the right to
 * do this with any? A foreign message, of a restored copy, is its sender's by oid and
 * name. server may be InvalidOid, where it does not matter.
 */
extern bool msgext_access_message(MsgAccess access, Oid sender, const char *name,
								  bool foreign, Oid server);
/* The same of another role. */
extern bool msgext_access_message_as(Oid role, MsgAccess access, Oid sender,
									 const char *name, bool foreign, Oid server);

#endif /* MSGEXT_ACCESS_H */
