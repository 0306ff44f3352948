/*
 * blocked_recipient.h
 *		Who wants nothing more from a server: rows of msgext.blocked_recipient.
 *
 * Recipients are written as msgext_recipient_normal() makes them. Checks no right.
 */
#ifndef MSGEXT_BLOCKED_RECIPIENT_H
#define MSGEXT_BLOCKED_RECIPIENT_H

#include "pg/store/table.h"

typedef struct MsgBlock
{
	Oid server;
	const char *server_name;
	const char *recipient;
	const char *actor;
	const char *reason; /* or NULL */
} MsgBlock;

extern MsgTable *msgext_blocked_open(bool writable);

/* False: nobody ever was blocked, and no row need be looked for. Reads no page. */
extern bool msgext_blocked_any(MsgTable *blocked);

/* Is anybody blocked on this server; is this recipient? */
extern bool msgext_blocked_on(MsgTable *blocked, Oid server);
extern bool msgext_blocked_has(MsgTable *blocked, Oid server, const char *recipient);

/* False when there is nothing to do: blocked already, or not blocked. */
extern bool msgext_blocked_add(MsgTable *blocked, const MsgBlock *block);
extern bool msgext_blocked_remove(MsgTable *blocked, Oid server, const char *recipient);

/* Rows of a restored copy become those of the server that has the name here. */
extern void msgext_blocked_adopt(Oid server, const char *name);

#endif /* MSGEXT_BLOCKED_RECIPIENT_H */
