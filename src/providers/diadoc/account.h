/*
 * account.h
 *		How an account proves who it is: a ready token, login and password, or OpenID
 *		Connect; and the Authorization header that follows.
 */
#ifndef MSGEXT_DIADOC_ACCOUNT_H
#define MSGEXT_DIADOC_ACCOUNT_H

#include "core/provider.h"

typedef enum DiadocAccount
{
	DIADOC_ACCOUNT_NONE,	 /* nothing is set */
	DIADOC_ACCOUNT_TOKEN,	 /* token: sent as it is */
	DIADOC_ACCOUNT_PASSWORD, /* api_client_id, login, password */
	DIADOC_ACCOUNT_OIDC		 /* client_id, client_secret, refresh_token */
} DiadocAccount;

/* Must it log in before it can send? */
extern bool msgext_diadoc_needs_login(const MsgConn *conn);

/*
 * An account of OpenID Connect whose refresh token was refused falls back to the password
 * where it has one: are all options for that there?
 */
extern bool msgext_diadoc_has_password(const MsgConn *conn);

/* Which of them the options say. */
extern DiadocAccount msgext_diadoc_account(const MsgConn *conn);

/* Adds the Authorization header of an ordinary request. */
extern bool msgext_diadoc_authorize(MsgArena *arena, const MsgConn *conn,
									MsgRequest *request, MsgError *error);

/* Adds that of the request for a token, which names the integrator's client only. */
extern bool msgext_diadoc_authorize_client(MsgArena *arena, const MsgConn *conn,
										   MsgRequest *request, MsgError *error);

/* Can it stand in the header: visible ASCII without a comma or a quote? */
extern bool msgext_diadoc_is_token(const char *text, size_t len);

#endif /* MSGEXT_DIADOC_ACCOUNT_H */
