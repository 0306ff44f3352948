/*
 * encode.c
 *		Requests: POST /send/vk and GET /status/vk.
 *
 * Owns urls and headers. The body of a send is the fragment as it was stored.
 */
#include "providers/devino/devino.h"

#include <string.h>

/*
 * "В заголовке запроса необходимо передать логин и пароль из Личного Кабинета в формате
 * login:password в base64 кодировке".
 */
static bool
put_authorization(MsgArena *arena, const MsgConn *conn, MsgRequest *request,
				  MsgError *error)
{
	const char *login = msgext_conn_option(conn, "login");
	const char *password = msgext_conn_option(conn, "password");
	MsgBuf plain;
	MsgBuf header;

	if (login == NULL)
		return msgext_error(error, "", "login", "the user mapping has no login");
	if (password == NULL)
		return msgext_error(error, "", "password", "the user mapping has no password");

	/* RFC 7617: the first colon ends the login. */
	if (strchr(login, ':') != NULL)
		return msgext_error(error, "", "login", "the login has a colon");

	msgext_buf_init(&plain, arena, 64);
	msgext_buf_puts(&plain, login);
	msgext_buf_putc(&plain, ':');
	msgext_buf_puts(&plain, password);
	msgext_buf_init(&header, arena, 128);
	msgext_buf_puts(&header, "Authorization: Basic ");
	msgext_buf_base64(&header, plain.data, plain.len);
	request->headers[request->nheaders++] = header.data;
	return true;
}

bool
msgext_devino_encode_send(MsgArena *arena, const MsgConn *conn, const MsgJob *jobs, int n,
						  MsgRequest *request, MsgError *error)
{
	MsgBuf url;

	if (n != 1)
		return msgext_error(error, "", "", "a request takes one message, not %d", n);
	memset(request, 0, sizeof(*request));
	if (!put_authorization(arena, conn, request, error))
		return false;
	msgext_buf_init(&url, arena, 64);
	msgext_buf_puts(&url, conn->url);
	msgext_buf_puts(&url, "/send/vk");
	request->method = "POST";
	request->url = url.data;
	request->headers[request->nheaders++] =
		"Content-Type: application/json; charset=utf-8";
	request->body = jobs[0].fragment;
	request->body_len = jobs[0].fragment_len;
	return true;
}

/*
 * The text says that the id goes into the body of the GET, the address beside it has a
 * parameter: this is what was meant, since a GET has no body to speak of (RFC 9110).
 */
bool
msgext_devino_encode_status(MsgArena *arena, const MsgConn *conn, const MsgJob *jobs,
							int n, MsgRequest *request, MsgError *error)
{
	MsgBuf url;

	if (n != 1)
		return msgext_error(error, "", "", "a request takes one message, not %d", n);
	if (jobs[0].provider_id == NULL)
		return msgext_error(error, "", "", "the message has no id at the provider");
	memset(request, 0, sizeof(*request));
	if (!put_authorization(arena, conn, request, error))
		return false;
	msgext_buf_init(&url, arena, 96);
	msgext_buf_puts(&url, conn->url);
	msgext_buf_puts(&url, "/status/vk?message=");
	msgext_buf_percent(&url, jobs[0].provider_id, strlen(jobs[0].provider_id));
	request->method = "GET";
	request->url = url.data;
	return true;
}
