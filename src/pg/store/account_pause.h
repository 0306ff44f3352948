/*
 * account_pause.h
 *		Accounts that may not be used: rows of msgext.account_pause.
 *
 * An account is a user mapping, one role's or PUBLIC's. A provider's answer about its
 * credentials pauses it alone; the server goes on for others. What was refused is the
 * mapping as it was, which the transaction that wrote it stands for: one that has been
 * changed since, or was dropped and made again, is not paused.
 */
#ifndef MSGEXT_ACCOUNT_PAUSE_H
#define MSGEXT_ACCOUNT_PAUSE_H

#include "nodes/pg_list.h"

#include "pg/store/server_pause.h"

typedef struct MsgPausedAccount
{
	Oid mapping;
	TransactionId version;
} MsgPausedAccount;

/* Is the account, in this version of its mapping, paused? */
extern void msgext_account_pause_read(Oid server, Oid mapping, TransactionId version,
									  MsgPause *pause);

/*
 * Pauses it; of one version, the first reason stays. False when another transaction is
 * changing its row, and nothing has been written. Only a dispatcher does this.
 */
extern bool msgext_account_pause_write(Oid server, Oid mapping, TransactionId version,
									   const char *reason);

/* Releases all accounts of the server. */
extern void msgext_account_pause_clear(Oid server);

/* The rows of the server: a list of MsgPausedAccount *. */
extern List *msgext_account_pause_list(Oid server);

#endif /* MSGEXT_ACCOUNT_PAUSE_H */
