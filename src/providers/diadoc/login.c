/*
 * login.c
 *		Getting a token: POST /V3/Authenticate with a password, or OpenID Connect's
 *		refresh token at the identity server.
 *
 * There is no third way for a robot: the provider has no client-credentials flow, so a
 * person logs in once and the robot lives on the refresh token. Where that is refused and
 * there is a password too, the password takes over.
 */
#include "providers/diadoc/diadoc.h"

#include <string.h>

#include "core/verdict.h"
#include "providers/diadoc/account.h"
#include "providers/diadoc/answer.h"

#define SECOND_US INT64_C(1000000)

/* "Life 24 hours, may be cut at any time"; nothing renews it, a new login does. */
#define TOKEN_LIFE_S INT64_C(86400)

/* A token is left alone this long before its end, or a tenth of its life if shorter. */
#define MARGIN_S INT64_C(1800)

#define TOKEN_MAX 16384

static bool
encode_password(MsgArena *arena, const MsgConn *conn, MsgRequest *request,
				MsgError *error)
{
	const char *login = msgext_conn_option(conn, "login");
	const char *password = msgext_conn_option(conn, "password");
	MsgBuf url;
	MsgBuf body;

	if (password == NULL)
		return msgext_error(error, "", "password", "the user mapping has no password");
	if (!msgext_diadoc_authorize_client(arena, conn, request, error))
		return false;
	msgext_buf_init(&url, arena, 128);
	msgext_buf_puts(&url, conn->url);
	msgext_buf_puts(&url, "/V3/Authenticate?type=password");
	request->url = url.data;
	request->headers[request->nheaders++] =
		"Content-Type: application/json; charset=utf-8";
	msgext_buf_init(&body, arena, 128);
	msgext_buf_puts(&body, "{\"login\":");
	msgext_json_write_string(&body, login, strlen(login));
	msgext_buf_puts(&body, ",\"password\":");
	msgext_json_write_string(&body, password, strlen(password));
	msgext_buf_putc(&body, '}');
	request->body = body.data;
	request->body_len = body.len;
	return true;
}

static bool
put_field(MsgBuf *body, const MsgConn *conn, const char *name, const char *value,
		  MsgError *error)
{
	if (value == NULL)
		value = msgext_conn_option(conn, name);
	if (value == NULL)
		return msgext_error(error, "", name, "the user mapping has no %s", name);
	msgext_buf_form(body, name, value);
	return true;
}

static bool
encode_refresh(MsgArena *arena, const MsgConn *conn, const char *refresh_token,
			   MsgRequest *request, MsgError *error)
{
	MsgBuf url;
	MsgBuf body;

	msgext_buf_init(&body, arena, 512);
	msgext_buf_form(&body, "grant_type", "refresh_token");
	if (!put_field(&body, conn, "client_id", NULL, error) ||
		!put_field(&body, conn, "client_secret", NULL, error) ||
		!put_field(&body, conn, "refresh_token", refresh_token, error))
		return false;
	msgext_buf_init(&url, arena, 128);
	msgext_buf_puts(&url, msgext_conn_option(conn, "identity_url"));
	while (url.len > 0 && url.data[url.len - 1] == '/')
		url.data[--url.len] = '\0';
	msgext_buf_puts(&url, "/connect/token");
	request->url = url.data;
	request->headers[request->nheaders++] =
		"Content-Type: application/x-www-form-urlencoded";
	request->body = body.data;
	request->body_len = body.len;
	return true;
}

bool
msgext_diadoc_encode_login(MsgArena *arena, const MsgConn *conn,
						   const char *refresh_token, MsgRequest *request,
						   MsgError *error)
{
	memset(request, 0, sizeof(*request));
	request->method = "POST";
	switch (msgext_diadoc_account(conn))
	{
		case DIADOC_ACCOUNT_PASSWORD:
			return encode_password(arena, conn, request, error);
		case DIADOC_ACCOUNT_OIDC:
			/*
			 * No refresh token is left, and the mapping's own was the first to be tried.
			 */
			if (refresh_token == NULL && msgext_diadoc_has_password(conn))
				return encode_password(arena, conn, request, error);
			return encode_refresh(arena, conn, refresh_token, request, error);
		default:
			return msgext_error(error, "", "login",
								"the user mapping has nothing to log in with");
	}
}

static int64_t
expiry(const MsgReply *reply, int64_t life_s)
{
	int64_t margin_s = life_s / 10 < MARGIN_S ? life_s / 10 : MARGIN_S;

	return reply->now_us + (life_s - margin_s) * SECOND_US;
}

/*
 * "The body is the token, plain text": taken verbatim but for what editors and servers
 * put around text, for a line break or a byte order mark in the header is refused.
 */
static bool
read_plain_token(MsgArena *arena, const MsgReply *reply, MsgLogin *login, MsgError *error)
{
	const char *at = reply->body_len > 0 ? reply->body : "";
	const char *end = at + reply->body_len;

	if (end - at >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0)
		at += 3;
	while (at < end && (unsigned char) *at <= ' ')
		at++;
	while (end > at && (unsigned char) end[-1] <= ' ')
		end--;
	if (end - at > TOKEN_MAX || !msgext_diadoc_is_token(at, (size_t) (end - at)))
		return msgext_error(error, "", "", "the answer to the login is no token");
	login->verdict = MSG_VERDICT_ACCEPTED;
	login->session.token = msgext_strndup(arena, at, (size_t) (end - at));
	login->session.expires_us = expiry(reply, TOKEN_LIFE_S);
	login->session.by_password = true;
	return true;
}

static const char *
text_member(const MsgJson *json, const char *name)
{
	const MsgJson *member = msgext_json_get(json, name);

	if (!msgext_json_is(member, MSG_JSON_STRING) || member->len == 0 ||
		strlen(member->text) != member->len)
		return NULL;
	return member->text;
}

/* "access_token", "expires_in" and a new "refresh_token", the old one being used up. */
static bool
read_oidc_token(const MsgReply *reply, const MsgJson *json, MsgLogin *login,
				MsgError *error)
{
	const char *token = text_member(json, "access_token");
	int64_t life_s;

	if (token == NULL || strlen(token) > TOKEN_MAX ||
		!msgext_diadoc_is_token(token, strlen(token)))
		return msgext_error(error, "", "access_token",
							"the answer of the identity server has no access_token");
	if (!msgext_json_int64(msgext_json_get(json, "expires_in"), true, &life_s) ||
		life_s <= 0 || life_s > 366 * TOKEN_LIFE_S)
		life_s = TOKEN_LIFE_S;
	login->verdict = MSG_VERDICT_ACCEPTED;
	login->session.token = token;
	login->session.refresh_token = text_member(json, "refresh_token");
	login->session.expires_us = expiry(reply, life_s);
	return true;
}

/* What a login means that gave no token. */
static MsgVerdict
refusal(const MsgReply *reply)
{
	MsgVerdict verdict = msgext_verdict_http(reply->status);

	switch (verdict)
	{
		case MSG_VERDICT_RELOGIN: /* it was a login that was refused */
		case MSG_VERDICT_REJECTED:
			return MSG_VERDICT_PAUSE_ACCOUNT;
		case MSG_VERDICT_PAUSE: /* 403: this account is blocked; else a wrong address */
			return reply->status == 403 ? MSG_VERDICT_PAUSE_ACCOUNT : MSG_VERDICT_PAUSE;
		default:
			return MSG_VERDICT_RETRY; /* to log in twice does no harm */
	}
}

bool
msgext_diadoc_decode_login(MsgArena *arena, const MsgConn *conn, const MsgReply *reply,
						   MsgLogin *login, MsgError *error)
{
	bool oidc = msgext_diadoc_account(conn) == DIADOC_ACCOUNT_OIDC;
	const MsgJson *json = NULL;
	const char *refused;
	MsgError ignored;

	memset(login, 0, sizeof(*login));
	login->retry_after_ms = -1;
	if (oidc)
		json = msgext_json_parse(arena, reply->body, reply->body_len, &msgext_json_strict,
								 &ignored);
	if (reply->status == 200)
	{
		/* Which login was answered, the answer says: a token alone is no JSON. */
		if (oidc && (json != NULL || !msgext_diadoc_has_password(conn)))
			return read_oidc_token(reply, json, login, error);
		return read_plain_token(arena, reply, login, error);
	}

	login->verdict = refusal(reply);
	login->retry_after_ms = reply->retry_after_ms;
	login->code = msgext_diadoc_error_code(arena, reply);
	login->text = msgext_diadoc_error_text(arena, reply);
	refused = text_member(json, "error");
	if (refused != NULL)
	{
		login->code = refused;
		login->text = text_member(json, "error_description");

		/* RFC 6749, 5.2: this refresh token is over; there may be a newer one. */
		if (strcmp(refused, "invalid_grant") == 0)
			login->verdict = MSG_VERDICT_RELOGIN;
	}
	return true;
}
