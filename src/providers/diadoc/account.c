/*
 * account.c
 *		Kinds of accounts and the Authorization header: see account.h.
 */
#include "providers/diadoc/account.h"

#include <string.h>

DiadocAccount
msgext_diadoc_account(const MsgConn *conn)
{
	if (msgext_conn_option(conn, "token") != NULL)
		return DIADOC_ACCOUNT_TOKEN;

	/* The way that the provider recommends wins over the one that it calls obsolete. */
	if (msgext_conn_option(conn, "client_id") != NULL ||
		msgext_conn_option(conn, "refresh_token") != NULL)
		return DIADOC_ACCOUNT_OIDC;
	if (msgext_conn_option(conn, "login") != NULL)
		return DIADOC_ACCOUNT_PASSWORD;
	return DIADOC_ACCOUNT_NONE;
}

bool
msgext_diadoc_needs_login(const MsgConn *conn)
{
	switch (msgext_diadoc_account(conn))
	{
		case DIADOC_ACCOUNT_PASSWORD:
		case DIADOC_ACCOUNT_OIDC:
			return true;
		default:
			return false;
	}
}

bool
msgext_diadoc_has_password(const MsgConn *conn)
{
	return msgext_conn_option(conn, "login") != NULL &&
		   msgext_conn_option(conn, "password") != NULL &&
		   msgext_conn_option(conn, "api_client_id") != NULL;
}

bool
msgext_diadoc_is_token(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
	{
		if (text[i] <= ' ' || text[i] > '~' || text[i] == ',' || text[i] == '"')
			return false;
	}
	return len > 0;
}

static bool
check_token(const char *text, const char *name, MsgError *error)
{
	if (!msgext_diadoc_is_token(text, strlen(text)))
		return msgext_error(error, "", name,
							"has characters that cannot stand in a header");
	return true;
}

/*
 * token NULL: the client alone. "ddauth_api_client_id=...,ddauth_token=...", no quotes.
 */
static bool
put_diadoc_auth(MsgArena *arena, const MsgConn *conn, const char *token,
				MsgRequest *request, MsgError *error)
{
	const char *client = msgext_conn_option(conn, "api_client_id");
	MsgBuf header;

	if (client == NULL)
		return msgext_error(error, "", "api_client_id",
							"the user mapping has no api_client_id");
	if (!check_token(client, "api_client_id", error))
		return false;
	msgext_buf_init(&header, arena, 256);
	msgext_buf_puts(&header, "Authorization: DiadocAuth ddauth_api_client_id=");
	msgext_buf_puts(&header, client);
	if (token != NULL)
	{
		msgext_buf_puts(&header, ",ddauth_token=");
		msgext_buf_puts(&header, token);
	}
	request->headers[request->nheaders++] = header.data;
	return true;
}

bool
msgext_diadoc_authorize_client(MsgArena *arena, const MsgConn *conn, MsgRequest *request,
							   MsgError *error)
{
	return put_diadoc_auth(arena, conn, NULL, request, error);
}

/* A token that was given is of the old kind where there is a client to go with it. */
static bool
is_bearer(const MsgConn *conn, DiadocAccount account)
{
	return (account == DIADOC_ACCOUNT_OIDC &&
			(conn->session == NULL || !conn->session->by_password)) ||
		   (account == DIADOC_ACCOUNT_TOKEN &&
			msgext_conn_option(conn, "api_client_id") == NULL);
}

bool
msgext_diadoc_authorize(MsgArena *arena, const MsgConn *conn, MsgRequest *request,
						MsgError *error)
{
	DiadocAccount account = msgext_diadoc_account(conn);
	const char *token;
	MsgBuf header;

	switch (account)
	{
		case DIADOC_ACCOUNT_NONE:
			return msgext_error(error, "", "token",
								"the user mapping has neither token nor login nor "
								"client_id");
		case DIADOC_ACCOUNT_TOKEN:
			token = msgext_conn_option(conn, "token");
			break;
		default:
			token = conn->session != NULL ? conn->session->token : NULL;
			break;
	}
	if (token == NULL)
		return msgext_error(error, "", "token", "there is no session");
	if (!check_token(token, "token", error))
		return false;
	if (!is_bearer(conn, account))
		return put_diadoc_auth(arena, conn, token, request, error);
	msgext_buf_init(&header, arena, 256);
	msgext_buf_puts(&header, "Authorization: Bearer ");
	msgext_buf_puts(&header, token);
	request->headers[request->nheaders++] = header.data;
	return true;
}
