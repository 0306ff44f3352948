/*
 * refresh_token.h
 *		Where a rotated refresh token is kept: where the administrator put the first one.
 */
#ifndef MSGEXT_REFRESH_TOKEN_H
#define MSGEXT_REFRESH_TOKEN_H

#include "pg/catalog/server.h"

/*
 * Stores it in the account's user mapping, in the current transaction, or in the file
 * that the mapping names, at once. Does nothing where there was none before, or it is the
 * same.
 */
extern void msgext_refresh_token_store(const MsgAccount *account,
									   const char *refresh_token);

#endif /* MSGEXT_REFRESH_TOKEN_H */
