/*
 * login.c
 *		Getting a token: POST __token with a password or a refresh token.
 *
 * The token must be one of the sending cell itself: no p_target here, which makes one for
 * another cell. What the answer holds goes nowhere but into the session.
 */
#include "providers/personium/personium.h"

#include <string.h>

#include "core/lengthof.h"
#include "core/verdict.h"
#include "providers/personium/answer.h"

#define SECOND_US INT64_C(1000000)

/* "expires_in": an hour where it is not given, and never more than a day. */
#define TOKEN_LIFE_S INT64_C(3600)
#define TOKEN_LIFE_MAX_S INT64_C(86400)

#define TOKEN_MAX 65536

bool
msgext_personium_is_token(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
	{
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	}
	return len > 0;
}

static bool
put_grant(MsgBuf *body, const MsgConn *conn, const char *refresh_token, MsgError *error)
{
	const char *login = msgext_conn_option(conn, "login");
	const char *password = msgext_conn_option(conn, "password");

	/* Without a password the mapping's own refresh token is all there is. */
	if (refresh_token == NULL && login == NULL)
		refresh_token = msgext_conn_option(conn, "refresh_token");
	if (refresh_token != NULL)
	{
		msgext_buf_form(body, "grant_type", "refresh_token");
		msgext_buf_form(body, "refresh_token", refresh_token);
		return true;
	}
	if (login == NULL)
		return msgext_error(error, "", "login",
							"the user mapping has nothing to log in with");
	if (password == NULL)
		return msgext_error(error, "", "password", "the user mapping has no password");
	msgext_buf_form(body, "grant_type", "password");
	msgext_buf_form(body, "username", login);
	msgext_buf_form(body, "password", password);
	return true;
}

/*
 * Authentication of the application, which BoxBound needs; a refresh token wants the same
 * client as when it was issued.
 */
static bool
put_client(MsgBuf *body, const MsgConn *conn, MsgError *error)
{
	const char *id = msgext_conn_option(conn, "client_id");
	const char *secret = msgext_conn_option(conn, "client_secret");

	if (id == NULL && secret == NULL)
		return true;
	if (id == NULL)
		return msgext_error(error, "", "client_id", "the user mapping has no client_id");
	if (secret == NULL)
		return msgext_error(error, "", "client_secret",
							"the user mapping has no client_secret");
	msgext_buf_form(body, "client_id", id);
	msgext_buf_form(body, "client_secret", secret);
	return true;
}

bool
msgext_personium_encode_login(MsgArena *arena, const MsgConn *conn,
							  const char *refresh_token, MsgRequest *request,
							  MsgError *error)
{
	MsgBuf url;
	MsgBuf body;

	memset(request, 0, sizeof(*request));
	msgext_buf_init(&body, arena, 256);
	if (!put_grant(&body, conn, refresh_token, error) || !put_client(&body, conn, error))
		return false;
	msgext_buf_init(&url, arena, 128);
	msgext_buf_puts(&url, conn->url);
	msgext_buf_puts(&url, "/__token");
	request->method = "POST";
	request->url = url.data;
	request->headers[request->nheaders++] =
		"Content-Type: application/x-www-form-urlencoded";
	request->headers[request->nheaders++] = "Accept: application/json";
	request->body = body.data;
	request->body_len = body.len;
	return true;
}

static const char *
text_member(const MsgJson *json, const char *name)
{
	const MsgJson *member = msgext_json_get(json, name);

	if (!msgext_json_is(member, MSG_JSON_STRING) || member->len == 0 ||
		member->len > TOKEN_MAX || strlen(member->text) != member->len)
		return NULL;
	return member->text;
}

/* "PR400-AN-0017" of "[PR400-AN-0017] - Authentication failed.", or NULL. */
static const char *
described_code(MsgArena *arena, const char *text)
{
	const char *end;

	if (text == NULL || strncmp(text, "[PR", 3) != 0)
		return NULL;
	end = strchr(text, ']');
	if (end == NULL || end - text > 32)
		return NULL;
	return msgext_strndup(arena, text + 1, (size_t) (end - text - 1));
}

/*
 * A refresh token that is no longer one gives way to the password. All else that is
 * refused is for a person: of PR400-AN-0017 (a wrong password, or an account that is
 * locked for having had one) each further attempt makes the lock longer.
 */
static MsgVerdict
refusal(const MsgReply *reply, const char *error, const char *code)
{
	static const char *const of_refresh[] = {"PR400-AN-0009", "PR400-AN-0010",
											 "PR400-AN-0011", "PR400-AN-0012",
											 "PR400-AN-0013"};
	MsgVerdict verdict = msgext_verdict_http(reply->status);
	size_t i;

	if (code != NULL && (strncmp(code, "PR5", 3) == 0 || strncmp(code, "PR429", 5) == 0))
		return MSG_VERDICT_RETRY;
	for (i = 0; code != NULL && i < lengthof(of_refresh); i++)
	{
		if (strcmp(code, of_refresh[i]) == 0)
			return MSG_VERDICT_RELOGIN;
	}
	if (code == NULL && error != NULL && strcmp(error, "server_error") == 0)
		return MSG_VERDICT_RETRY;
	if (code == NULL && error != NULL && strcmp(error, "invalid_grant") == 0)
		return MSG_VERDICT_RELOGIN; /* RFC 6749, 5.2; or a wrong password */
	if (error != NULL || verdict == MSG_VERDICT_RELOGIN ||
		verdict == MSG_VERDICT_REJECTED || reply->status == 403)
		return MSG_VERDICT_PAUSE_ACCOUNT;
	if (verdict == MSG_VERDICT_PAUSE)
		return MSG_VERDICT_PAUSE; /* a wrong address */
	return MSG_VERDICT_RETRY;	  /* to log in twice does no harm */
}

static bool
read_token(const MsgReply *reply, const MsgJson *json, MsgLogin *login, MsgError *error)
{
	const char *token = text_member(json, "access_token");
	int64_t life_s;

	if (token == NULL || !msgext_personium_is_token(token, strlen(token)))
		return msgext_error(error, "", "access_token",
							"the answer to the login has no access_token");
	if (!msgext_json_int64(msgext_json_get(json, "expires_in"), true, &life_s) ||
		life_s <= 0 || life_s > TOKEN_LIFE_MAX_S)
		life_s = TOKEN_LIFE_S;
	login->verdict = MSG_VERDICT_ACCEPTED;
	login->session.token = token;
	login->session.refresh_token = text_member(json, "refresh_token");
	login->session.expires_us = reply->now_us + life_s * SECOND_US;
	return true;
}

/*
 * {"error": …, "error_description": …}, and not the form of other errors. With PR401-AN-
 * 0023 comes a token that is good for nothing but a new password: it is never read.
 */
bool
msgext_personium_decode_login(MsgArena *arena, const MsgConn *conn, const MsgReply *reply,
							  MsgLogin *login, MsgError *error)
{
	PersoniumAnswer answer;
	const MsgJson *json = msgext_json_parse(arena, reply->body, reply->body_len,
											&msgext_json_strict, error);
	const char *refused =
		msgext_personium_text(arena, msgext_json_get(json, "error"), 64);

	(void) conn;
	memset(login, 0, sizeof(*login));
	login->retry_after_ms = -1;
	if (reply->status == 200 && refused == NULL)
		return json != NULL && read_token(reply, json, login, error);
	login->retry_after_ms = reply->retry_after_ms;
	login->text =
		msgext_personium_text(arena, msgext_json_get(json, "error_description"), 2000);
	login->code = described_code(arena, login->text);
	if (refused == NULL)
	{
		/* Of the unit rather than of its tokens. */
		msgext_personium_answer(arena, reply, &answer, error);
		login->code = answer.code;
		login->text = answer.text;
	}
	login->verdict = refusal(reply, refused, login->code);
	if (login->code == NULL)
		login->code = refused;
	return true;
}
