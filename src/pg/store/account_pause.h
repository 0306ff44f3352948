/*
 * account_pause.h
 *		Accounts that may not be used: rows of msgext.account_pause.
 *
 * An account is a user mapping, one role's or PUBLIC's. A provider's answer about its
 * credentials pauses it alone; the server goes on for others. One that is dropped and made
 * again is another, and starts unpaused.
 */
#ifndef MSGEXT_ACCOUNT_PAUSE_H
#define MSGEXT_ACCOUNT_PAUSE_H

#include "nodes/pg_list.h"

#include "pg/store/server_pause.h"

/* Is the account paused? */
extern void msgext_account_pause_read(Oid server, Oid mapping, MsgPause *pause);

/*
 * Pauses it; the first reason stays. False when another transaction is changing its row,
 * and nothing has been written. Only a dispatcher does this.
 */
extern bool msgext_account_pause_write(Oid server, Oid mapping, const char *reason);

/* Releases all accounts of the server. */
extern void msgext_account_pause_clear(Oid server);

/* The paused accounts of the server: a list of mappings' oids. */
extern List *msgext_account_pause_list(Oid server);

#endif /* MSGEXT_ACCOUNT_PAUSE_H */
