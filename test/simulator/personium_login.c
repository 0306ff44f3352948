/*
 * personium_login.c
 *		How a client of a Personium cell gets a token, and whether the one it shows is
 *		good.
 *
 * Owns the tokens that were given out, and the locks that wrong passwords put on
 * accounts. Every cell has the same account, and its tokens are good for itself alone.
 * Credentials are compared and forgotten: they reach neither the ledger nor an answer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "oauth.h"
#include "personium.h"
#include "timer.h"

#define HOUR_MS (3600 * INT64_C(1000))
#define DAY_MS (24 * HOUR_MS)

/* What is expired is remembered for a while: it is told from what never was. */
#define MEMORY_MS HOUR_MS
#define TOKEN_LEN RANDOM_TEXT_MAX

static const char token_alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

typedef enum TokenKind
{
	TOKEN_ACCESS,
	TOKEN_REFRESH,
	TOKEN_PASSWORD_CHANGE, /* good for changing the password only */
	TOKEN_FOREIGN		   /* got with p_target: for another cell */
} TokenKind;

typedef struct Token
{
	struct Token *next;
	TokenKind kind;
	int64_t expires_ms;
	bool used;		/* a refresh token */
	bool by_option; /* good at every cell, whoever the client is */
	bool schema;	/* got with an application's credentials */
	char cell[PERSONIUM_CELL_MAX + 1];
	char text[];
} Token;

/* An account, also one that does not exist: it is locked likewise. */
typedef struct Account
{
	struct Account *next;
	int64_t locked_until_ms;
	int64_t refused_ms; /* 0 = the last password was right */
	char name[];		/* cell, blank, user */
} Account;

static const char *login = "tester";
static const char *password = "111111";
static const char *client_id = "https://app.example/";
static const char *client_secret = "222222";
static long token_life_ms = HOUR_MS;
static long refresh_life_ms = DAY_MS;
static long lock_ms = 1000;

static Token *tokens;
static Account *accounts;

/* Tokens */

static Token *
new_token(const char *text, TokenKind kind, const char *cell, bool schema)
{
	Token *token = must_alloc(sizeof(Token) + strlen(text) + 1);

	strcpy(token->text, text);
	strcpy(token->cell, cell);
	token->kind = kind;
	token->schema = schema;
	token->expires_ms =
		unix_ms() + (kind == TOKEN_REFRESH ? refresh_life_ms : token_life_ms);
	token->next = tokens;
	tokens = token;
	return token;
}

static const char *
give_token(TokenKind kind, const char *cell, bool schema)
{
	char text[4 + TOKEN_LEN];

	strcpy(text, kind == TOKEN_REFRESH ? "RA~" : "AA~");
	random_text(text + 3, TOKEN_LEN, token_alphabet);
	return new_token(text, kind, cell, schema)->text;
}

static Token *
find_token(const char *text)
{
	Token **at = &tokens;
	int64_t now = unix_ms();
	Token *found = NULL;

	while (*at != NULL)
	{
		Token *token = *at;

		if (token->expires_ms + MEMORY_MS <= now)
		{
			*at = token->next;
			free(token);
			continue;
		}
		if (strcmp(token->text, text) == 0)
			found = token;
		at = &token->next;
	}
	return found;
}

void
personium_expire(void)
{
	Token *token;

	for (token = tokens; token != NULL; token = token->next)
	{
		if (token->kind != TOKEN_REFRESH)
			token->expires_ms = unix_ms();
	}
}

bool
personium_authorized(const Request *request, const PersoniumCell *cell, bool *schema,
					 Reply *reply)
{
	const char *header = request_header(request, "Authorization");
	const char *code = NULL;
	const char *text = NULL;
	const Token *token = NULL;

	*schema = false;
	if (header == NULL)
		code = "PR401-AU-0001", text = "Authorization required.";
	else if (strncasecmp(header, "Bearer ", 7) != 0)
		code = "PR401-AU-0003", text = "Invalid authentication scheme.";
	else if ((token = find_token(header + 7)) == NULL)
		code = "PR401-AU-0006", text = "Token parse error.";
	else if (token->kind == TOKEN_REFRESH)
		code = "PR401-AU-0007", text = "Can not access with refresh token.";
	else if (token->kind == TOKEN_FOREIGN || strcmp(token->cell, cell->name) != 0)
		code = "PR401-AU-0008", text = "Token dsig error.";
	else if (token->expires_ms <= unix_ms())
		code = "PR401-AU-0002", text = "Access token expired.";
	else if (token->kind == TOKEN_PASSWORD_CHANGE)
		code = "PR401-AU-0012",
		text = "Can not access with password change access token.";
	if (code != NULL)
	{
		tally.unauthorized++;
		personium_refuse(reply, cell, code, text);
		return false;
	}
	*schema = token->schema;
	return true;
}

/* Refusals */

static const char *
error_word(const char *code)
{
	static const struct
	{
		const char *code; /* its part after the status */
		const char *word;
	} words[] = {{"AN-0001", "unsupported_grant_type"}, {"AN-0002", "invalid_request"},
				 {"AN-0003", "invalid_client"},			{"AN-0004", "invalid_client"},
				 {"AN-0005", "invalid_client"},			{"AN-0006", "invalid_client"},
				 {"AN-0007", "invalid_client"},			{"AN-0016", "invalid_request"},
				 {"AN-0018", "invalid_client"},			{"AN-0020", "invalid_client"},
				 {"AN-0021", "invalid_client"},			{"AN-0022", "invalid_client"}};
	const char *part = strchr(code, '-');
	size_t i;

	if (personium_status_of(code) >= 500)
		return "server_error";
	for (i = 0; part != NULL && i < sizeof(words) / sizeof(words[0]); i++)
	{
		if (strcmp(words[i].code, part + 1) == 0)
			return words[i].word;
	}
	return "invalid_grant";
}

void
personium_login_refuse(const Request *request, Reply *reply, const char *code,
					   const char *text)
{
	Buf description = {0};
	PersoniumCell cell;

	if (!personium_cell(request, &cell, reply))
		return;
	buf_printf(&description, "[%s] - %s", code, text);
	oauth_error(reply, personium_status_of(code), error_word(code), description.data);
	buf_free(&description);

	/* "The password should be changed": with a token that is good for this alone. */
	if (strcmp(code, "PR401-AN-0023") == 0)
	{
		reply->body.len--;
		buf_printf(
			&reply->body,
			",\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":%ld,"
			"\"url\":\"%s__mypassword\",\"last_authenticated\":null,"
			"\"failed_count\":0}",
			give_token(TOKEN_PASSWORD_CHANGE, cell.name, false), token_life_ms / 1000,
			cell.url);
	}
}

/* Grants: each returns true if a token is to be given, and answers if it is not. */

static Account *
find_account(const char *cell, const char *user)
{
	Buf name = {0};
	Account *account;

	buf_printf(&name, "%s %s", cell, user);
	for (account = accounts; account != NULL; account = account->next)
	{
		if (strcmp(account->name, name.data) == 0)
			break;
	}
	if (account == NULL)
	{
		account = must_alloc(sizeof(Account) + name.len + 1);
		strcpy(account->name, name.data);
		account->next = accounts;
		accounts = account;
	}
	buf_free(&name);
	return account;
}

/*
 * "One failed attempt locks the account for a second, every attempt inside the lock
 * extends it, even with the right password; the error is the same."
 */
static bool
take_password(Account *account, bool right)
{
	int64_t now = unix_ms();
	bool locked = now < account->locked_until_ms;

	if (account->refused_ms != 0)
	{
		/* at least 1: 0 says that there was none */
		uint64_t pause = (uint64_t) (now - account->refused_ms) + 1;

		if (tally.login_pause_ms_min == 0 || pause < tally.login_pause_ms_min)
			tally.login_pause_ms_min = pause;
	}
	if (locked)
		tally.logins_locked_out++;
	if (right && !locked)
	{
		account->refused_ms = 0;
		return true;
	}
	account->refused_ms = now;
	account->locked_until_ms = now + lock_ms;
	return false;
}

static bool
by_password(Request *request, const PersoniumCell *cell, Reply *reply)
{
	const Buf *form = &request->body;
	Buf user = {0};
	Account *account;

	if (!form_has(form, "username") || !form_has(form, "password"))
	{
		personium_login_refuse(request, reply, "PR400-AN-0016",
							   form_has(form, "username")
								   ? "Required parameter [password] missing."
								   : "Required parameter [username] missing.");
		return false;
	}
	form_value(form, "username", &user);
	account = find_account(cell->name, user.data);
	buf_free(&user);
	if (take_password(account, form_says(form, "username", login) &&
								   form_says(form, "password", password)))
		return true;
	personium_login_refuse(request, reply, "PR400-AN-0017", "Authentication failed.");
	return false;
}

/* Stricter than the server, whose old tokens live on: each works once. */
static bool
by_refresh_token(Request *request, const PersoniumCell *cell, bool schema, Reply *reply)
{
	Buf text = {0};
	Token *token;
	const char *code = NULL;
	const char *why = NULL;

	form_value(&request->body, "refresh_token", &text);
	token = find_token(text.data);
	if (text.len == 0)
		code = "PR400-AN-0016", why = "Required parameter [refresh_token] missing.";
	else if (token == NULL)
		code = "PR400-AN-0009", why = "Token parse error.";
	else if (token->kind != TOKEN_REFRESH)
		code = "PR400-AN-0013", why = "Not a refresh token.";
	else if (token->used || token->expires_ms <= unix_ms())
		code = "PR400-AN-0010", why = "Token expired or invalid.";
	else if (!token->by_option && strcmp(token->cell, cell->name) != 0)
		code = "PR400-AN-0012", why = "Token target is wrong.";
	else if (!token->by_option && token->schema && !schema)
		code = "PR401-AN-0021", why = "Client Authentication is required.";
	else if (!token->by_option && !token->schema && schema)
		code = "PR401-AN-0020", why = "Client mismatch for refresh token.";
	buf_free(&text);
	if (code != NULL)
	{
		personium_login_refuse(request, reply, code, why);
		return false;
	}
	token->used = true;
	return true;
}

/* False if there are credentials of an application, and they are wrong. */
static bool
check_client(Request *request, bool *schema, Reply *reply)
{
	const Buf *form = &request->body;

	*schema = false;
	if (!form_has(form, "client_id") && !form_has(form, "client_secret"))
		return true;
	*schema = form_says(form, "client_id", client_id) &&
			  form_says(form, "client_secret", client_secret);
	if (!*schema)
		personium_login_refuse(request, reply,
							   form_says(form, "client_secret", client_secret)
								   ? "PR400-AN-0006"
								   : "PR400-AN-0003",
							   form_says(form, "client_secret", client_secret)
								   ? "Client secret issuer does not match the client_id."
								   : "Failed to parse client secret.");
	return *schema;
}

static void
answer(Reply *reply, const PersoniumCell *cell, bool foreign, bool schema)
{
	reply->content_type = OAUTH_JSON_TYPE;
	buf_printf(&reply->body,
			   "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":%ld,",
			   give_token(foreign ? TOKEN_FOREIGN : TOKEN_ACCESS, cell->name, schema),
			   token_life_ms / 1000);
	buf_printf(&reply->body,
			   "\"refresh_token\":\"%s\",\"refresh_token_expires_in\":%ld,"
			   "\"last_authenticated\":null,\"failed_count\":0}",
			   give_token(TOKEN_REFRESH, cell->name, schema), refresh_life_ms / 1000);
	tally.logins++;
}

/* POST __token */
void
personium_token(Request *request, Reply *reply)
{
	const char *type = request_header(request, "Content-Type");
	const Buf *form = &request->body;
	PersoniumCell cell;
	bool schema;
	bool good = false;

	if (!personium_cell(request, &cell, reply))
		return;
	if (type == NULL || strncasecmp(type, OAUTH_FORM_TYPE, strlen(OAUTH_FORM_TYPE)) != 0)
	{
		personium_refuse(reply, &cell, "PR415-OD-0001", "Unsupported media type.");
		return;
	}
	if (form_says(form, "grant_type", "password"))
		good =
			check_client(request, &schema, reply) && by_password(request, &cell, reply);
	else if (form_says(form, "grant_type", "refresh_token"))
		good = check_client(request, &schema, reply) &&
			   by_refresh_token(request, &cell, schema, reply);
	else
		personium_login_refuse(request, reply, "PR400-AN-0001",
							   "Unsupported grant type.");
	if (good)
		answer(reply, &cell, form_has(form, "p_target"), schema);
}

/* Options, start and stop */

static bool
duration(const char *value, long max, long *target)
{
	char *end;

	errno = 0;
	*target = strtol(value, &end, 10);
	return errno == 0 && *end == '\0' && *target > 0 && *target <= max;
}

bool
personium_login_option(const char *option, const char *value)
{
	static const struct
	{
		const char *name;
		const char **target;
	} texts[] = {{"login", &login},
				 {"password", &password},
				 {"client-id", &client_id},
				 {"client-secret", &client_secret}};
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
		/* as often as there are accounts; a life given later does not concern it */
		new_token(value, TOKEN_REFRESH, "", false)->by_option = true;
		return true;
	}
	if (strcmp(option, "token-life") == 0)
		return duration(value, DAY_MS, &token_life_ms);
	if (strcmp(option, "refresh-life") == 0)
		return duration(value, DAY_MS, &refresh_life_ms);
	if (strcmp(option, "lock") == 0)
		return duration(value, DAY_MS, &lock_ms);
	return false;
}

void
personium_login_start(void)
{
	if (tokens == NULL)
		new_token("333333", TOKEN_REFRESH, "", false)->by_option = true;
}

void
personium_login_stop(void)
{
	while (tokens != NULL)
	{
		Token *next = tokens->next;

		free(tokens);
		tokens = next;
	}
	while (accounts != NULL)
	{
		Account *next = accounts->next;

		free(accounts);
		accounts = next;
	}
}
