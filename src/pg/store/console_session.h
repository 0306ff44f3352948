/*
 * console_session.h
 *		Links to the console that have not been used, and sessions that were begun by one.
 *
 * Of secrets only the SHA-256 is here. Who may open and use one is decided by others.
 */
#ifndef MSGEXT_CONSOLE_SESSION_H
#define MSGEXT_CONSOLE_SESSION_H

#include "postgres.h"

#include "common/sha2.h"
#include "datatype/timestamp.h"

#define MSG_CONSOLE_HASH_LEN PG_SHA256_DIGEST_LENGTH

typedef struct MsgConsoleSession
{
	uint8 hash[MSG_CONSOLE_HASH_LEN]; /* of a link its token, of a session its cookie */
	bool begun;						  /* it is a session; else a link */
	uint8 key_hash[MSG_CONSOLE_HASH_LEN]; /* of a session */
	Oid role;							  /* whose rights it has */
	Oid login;							  /* who opened it: session_user */
	int64 origin;						  /* the database */
	TimestampTz created_at;
	TimestampTz ends_at;
} MsgConsoleSession;

extern void msgext_console_session_insert(const MsgConsoleSession *session);

/* False when there is none. */
extern bool msgext_console_session_find(const uint8 *hash, MsgConsoleSession *session);

/* False when somebody else has removed it, which is waited for. */
extern bool msgext_console_session_delete(const uint8 *hash);

/*
 * Removes those that unwanted() says true of; returns how many. What somebody else is about
 * to remove is waited for, or left to him.
 */
extern int msgext_console_session_sweep(bool (*unwanted)(const MsgConsoleSession *session,
														 void *arg),
										void *arg, bool wait);

#endif /* MSGEXT_CONSOLE_SESSION_H */
