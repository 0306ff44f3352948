/*
 * diadoc_login.c
 *		How a client of Diadoc gets a token, and whether the one it shows is good.
 *
 * Owns the tokens that were given out. Two ways: POST /V3/Authenticate with a password,
 * and OpenID Connect's refresh token, of which each works once. Credentials are compared
 * and forgotten: they reach neither the ledger nor an answer.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "diadoc.h"
#include "oauth.h"
#include "timer.h"
#include "wire.h"

#define DAY_MS (24 * 3600 * INT64_C(1000))
#define TOKEN_BYTES RANDOM_TEXT_MAX

typedef struct Token
{
	struct Token *next;
	bool is_bearer;
	int64_t expires_ms;
	char text[];
} Token;

/* Kept after its use: one that comes again is told from one that never was. */
typedef struct RefreshToken
{
	struct RefreshToken *next;
	bool used;
	char text[];
} RefreshToken;

static const char *api_client_id = "simulator";
static const char *login = "tester";
static const char *password = "111111";
static const char *client_id = "simulator";
static const char *client_secret = "222222";
static int64_t token_life_ms = DAY_MS;

static Token *tokens;
static RefreshToken *refresh_tokens;

/* What has expired is dropped on the way. */
static bool
token_is_good(const char *text, size_t len, bool is_bearer)
{
	Token **at = &tokens;
	int64_t now = unix_ms();
	bool good = false;

	while (*at != NULL)
	{
		Token *token = *at;

		if (token->expires_ms <= now)
		{
			*at = token->next;
			free(token);
			continue;
		}
		good |= token->is_bearer == is_bearer && strlen(token->text) == len &&
				memcmp(token->text, text, len) == 0;
		at = &token->next;
	}
	return good;
}

static const char *
new_token(bool is_bearer)
{
	Token *token = must_alloc(sizeof(Token) + TOKEN_BYTES + 2);

	/* base64, as the real ones look */
	random_text(token->text, TOKEN_BYTES, base64_alphabet);
	strcat(token->text, "=");
	token->is_bearer = is_bearer;
	token->expires_ms = unix_ms() + token_life_ms;
	token->next = tokens;
	tokens = token;
	tally.logins++;
	return token->text;
}

static const char *
add_refresh_token(const char *text)
{
	RefreshToken *token = must_alloc(sizeof(RefreshToken) + TOKEN_BYTES + 1 +
									 (text != NULL ? strlen(text) : 0));

	if (text != NULL)
		strcpy(token->text, text);
	else
		random_text(token->text, TOKEN_BYTES, base64_alphabet);
	token->next = refresh_tokens;
	refresh_tokens = token;
	return token->text;
}

/* "A new token does not kill older ones", but they may be cut at any time. */
void
diadoc_expire(void)
{
	while (tokens != NULL)
	{
		Token *next = tokens->next;

		free(tokens);
		tokens = next;
	}
}

/* 401 has the same form everywhere; the text tells what is wrong. */
static void
unauthorized(Reply *reply, const char *text)
{
	tally.unauthorized++;
	diadoc_refuse(reply, 401, "Http.Auth", text);
}

/* The value of name in "DiadocAuth name=value, name=value"; false if there is none. */
static bool
auth_value(const char *header, const char *name, const char **value, size_t *len)
{
	const char *at = header + strlen("DiadocAuth");

	while (*at != '\0')
	{
		size_t name_len;

		at += strspn(at, " ,");
		name_len = strcspn(at, "=, ");
		if (at[name_len] != '=')
			return false;
		*value = at + name_len + 1;
		*len = strcspn(*value, ", ");
		if (name_len == strlen(name) && strncmp(at, name, name_len) == 0)
			return *len > 0;
		at = *value + *len;
	}
	return false;
}

/* Is it a DiadocAuth header of a client that is known? Answers if it is not. */
static bool
client_is_known(const char *header, Reply *reply)
{
	const char *value;
	size_t len;

	if (header == NULL)
		unauthorized(reply, "Authorization header is missing");
	else if (strncasecmp(header, "DiadocAuth ", strlen("DiadocAuth ")) != 0)
		unauthorized(reply, "Invalid Authorization header");
	else if (!auth_value(header, "ddauth_api_client_id", &value, &len) ||
			 strlen(api_client_id) != len || memcmp(api_client_id, value, len) != 0)
		unauthorized(reply, "Invalid API client id");
	else
		return true;
	return false;
}

bool
diadoc_authorized(const Request *request, Reply *reply)
{
	const char *header = request_header(request, "Authorization");
	const char *value;
	size_t len;

	if (header != NULL && strncasecmp(header, "Bearer ", strlen("Bearer ")) == 0)
	{
		value = header + strlen("Bearer ");
		if (token_is_good(value, strlen(value), true))
			return true;
		unauthorized(reply, "Invalid access token");
		return false;
	}
	if (!client_is_known(header, reply))
		return false;
	if (auth_value(header, "ddauth_token", &value, &len) &&
		token_is_good(value, len, false))
		return true;
	unauthorized(reply, "Invalid auth token");
	return false;
}

static bool
is_content_type(const Request *request, const char *type)
{
	const char *header = request_header(request, "Content-Type");

	return header != NULL && strncasecmp(header, type, strlen(type)) == 0;
}

static bool
same_text(const char *expected, const char *text, size_t len)
{
	return text != NULL && strlen(expected) == len && memcmp(expected, text, len) == 0;
}

/* LoginPassword in JSON, or in protobuf when nothing is said. */
static bool
password_is_right(const Request *request, bool *readable)
{
	const Buf *body = &request->body;
	bool right[3] = {false, false, false};
	Wire wire = wire_of(body->data, body->len);
	WireField field;

	*readable = true;
	if (is_content_type(request, "application/json"))
	{
		json_t *root = json_loadb(body->data, body->len, JSON_REJECT_DUPLICATES, NULL);
		const json_t *sent_login = json_object_get(root, "login");
		const json_t *sent_password = json_object_get(root, "password");

		*readable = json_is_string(sent_login) && json_is_string(sent_password);
		right[1] = *readable && strcmp(json_string_value(sent_login), login) == 0;
		right[2] = *readable && strcmp(json_string_value(sent_password), password) == 0;
		json_decref(root);
		return right[1] && right[2];
	}
	while (wire_next(&wire, &field) == WIRE_FIELD)
	{
		if (field.number == 1 || field.number == 2)
			right[field.number] =
				same_text(field.number == 1 ? login : password, field.data, field.len);
	}
	*readable = body->len > 0 && wire.at == wire.end;
	return right[1] && right[2];
}

/* POST /V3/Authenticate?type=password: "the body is the token, plain text". */
void
diadoc_authenticate(Request *request, Reply *reply)
{
	const char *type = request_argument(request, "type");
	bool readable;

	if (!client_is_known(request_header(request, "Authorization"), reply))
		return;
	if (type == NULL || strcmp(type, "password") != 0)
		diadoc_refuse(reply, 400, "Http.BadRequest", "Unknown type of authentication");
	else if (password_is_right(request, &readable))
	{
		reply_text(reply, 200, new_token(false));
		buf_puts(&reply->body, "\r\n");
	}
	else if (readable)
		unauthorized(reply, "Invalid login or password");
	else
		diadoc_refuse(reply, 400, "Http.BadRequest",
					  "The request body could not be deserialized");
}

/* OpenID Connect */

static RefreshToken *
find_refresh_token(const Buf *form)
{
	Buf value = {0};
	RefreshToken *token;

	form_value(form, "refresh_token", &value);
	for (token = refresh_tokens; token != NULL; token = token->next)
	{
		if (strcmp(token->text, value.data) == 0)
			break;
	}
	buf_free(&value);
	return token;
}

/* POST /connect/token */
void
diadoc_refresh(Request *request, Reply *reply)
{
	const Buf *form = &request->body;
	RefreshToken *token;

	if (!is_content_type(request, OAUTH_FORM_TYPE))
		oauth_error(reply, 400, "invalid_request", "the body must be a form");
	else if (!form_says(form, "client_id", client_id) ||
			 !form_says(form, "client_secret", client_secret))
		oauth_error(reply, 401, "invalid_client", "unknown client or wrong secret");
	else if (!form_says(form, "grant_type", "refresh_token"))
		oauth_error(reply, 400, "unsupported_grant_type", "only refresh_token");
	else if ((token = find_refresh_token(form)) == NULL)
		oauth_error(reply, 400, "invalid_grant", "unknown refresh token");
	else if (token->used)
		oauth_error(reply, 400, "invalid_grant", "this refresh token was used before");
	else
	{
		token->used = true;
		reply->content_type = OAUTH_JSON_TYPE;
		buf_printf(&reply->body,
				   "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":%d,"
				   "\"scope\":\"openid offline_access Diadoc.PublicAPI\",",
				   new_token(true), (int) ((token_life_ms + 999) / 1000));
		buf_printf(&reply->body, "\"refresh_token\":\"%s\"}", add_refresh_token(NULL));
	}
}

bool
diadoc_login_option(const char *option, const char *value)
{
	static const struct
	{
		const char *name;
		const char **target;
	} texts[] = {{"api-client-id", &api_client_id},
				 {"login", &login},
				 {"password", &password},
				 {"client-id", &client_id},
				 {"client-secret", &client_secret}};
	char *end;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		if (strcmp(option, texts[i].name) == 0)
		{
			*texts[i].target = value;
			return true;
		}
	}
	if (strcmp(option, "refresh-token") == 0)
	{
		/* as often as there are accounts */
		add_refresh_token(value);
		return true;
	}
	if (strcmp(option, "token-life") != 0)
		return false;
	errno = 0;
	token_life_ms = strtol(value, &end, 10);
	return errno == 0 && *end == '\0' && token_life_ms > 0 &&
		   token_life_ms <= 366 * DAY_MS;
}

void
diadoc_login_start(void)
{
	if (refresh_tokens == NULL)
		add_refresh_token("333333");
}

void
diadoc_login_stop(void)
{
	diadoc_expire();
	while (refresh_tokens != NULL)
	{
		RefreshToken *next = refresh_tokens->next;

		free(refresh_tokens);
		refresh_tokens = next;
	}
}
