/*
 * cell.c
 *		URLs of cells, and names of relations: see cell.h.
 */
#include "providers/personium/cell.h"

#include <string.h>

#include "core/utf8.h"

/* The server's limit for each URL, in characters, the slash at its end included. */
#define URL_MAX 1024

#define RELATION_MAX 128

static size_t
scheme_len(const char *text, size_t len, bool local)
{
	static const char *const schemes[] = {"https://", "http://", "personium-localunit:"};
	size_t i;

	for (i = 0; i < (local ? 3 : 2); i++)
	{
		size_t scheme = strlen(schemes[i]);

		if (len > scheme && memcmp(text, schemes[i], scheme) == 0)
			return scheme;
	}
	return 0;
}

/*
 * A cell URL has neither query nor fragment (RFC 3986, 3), and nobody to log in. Braces
 * pass, though no URL has them: the examples of the document have them for names.
 */
bool
msgext_personium_is_cell(const char *text, size_t len, bool local)
{
	size_t scheme = scheme_len(text, len, local);
	bool slash = len > 0 && text[len - 1] == '/';
	size_t i;

	if (scheme == 0 || (text[scheme] == '/' && text[scheme - 1] == '/') ||
		text[scheme] == ':')
		return false;
	for (i = 0; i < len; i++)
	{
		if ((unsigned char) text[i] <= ' ' || text[i] == 0x7F ||
			strchr(",\"<>\\^`|?#@", text[i]) != NULL)
			return false;
	}
	return msgext_utf8_count(text, len) + !slash <= URL_MAX;
}

const char *
msgext_personium_cell(MsgArena *arena, const char *text, size_t len)
{
	char *url;

	if (len > 0 && text[len - 1] == '/')
		return msgext_strndup(arena, text, len);
	url = msgext_alloc(arena, len + 2);
	memcpy(url, text, len);
	memcpy(url + len, "/", 2);
	return url;
}

static bool
has(const PersoniumCells *cells, const char *url)
{
	int i;

	for (i = 0; i < cells->n; i++)
	{
		if (strcmp(cells->urls[i], url) == 0)
			return true;
	}
	return false;
}

const char *
msgext_personium_write_recipient(MsgArena *arena, const MsgConn *conn,
								 const char *recipient, MsgError *error)
{
	size_t len = strlen(recipient);
	bool local = strcmp(msgext_conn_option(conn, "generation"), "1.6") == 0;

	if (msgext_personium_is_cell(recipient, len, local))
		return msgext_personium_cell(arena, recipient, len);
	msgext_error(error, "PR400-OD-0006", "",
				 "must be the http:// or https:// URL of a cell, at most %d characters",
				 URL_MAX);
	return NULL;
}

bool
msgext_personium_read_to(MsgArena *arena, const MsgJson *to, bool local,
						 PersoniumCells *cells, MsgError *error)
{
	const char *at = to->text;
	const char *end = to->text + to->len;
	int item;

	cells->urls = msgext_alloc(arena, PERSONIUM_TARGETS_MAX * sizeof(char *));
	cells->n = 0;
	for (item = 1;; item++)
	{
		const char *comma = memchr(at, ',', (size_t) (end - at));
		size_t len = (size_t) ((comma != NULL ? comma : end) - at);
		const char *url;

		if (len == 0)
			return msgext_error(error, "PR400-OD-0006", "To",
								to->len == 0 ? "must not be empty"
											 : "has an empty item between its commas");

		/* Not what it says: it may hold a password, or be for the sender alone. */
		if (!msgext_personium_is_cell(at, len, local))
			return msgext_error(
				error, "PR400-OD-0006", "To",
				"must be http:// or https:// URLs of cells, at most %d characters each, "
				"with commas and no spaces between them; item %d is not",
				URL_MAX, item);
		url = msgext_personium_cell(arena, at, len);
		if (!has(cells, url))
		{
			if (cells->n == PERSONIUM_TARGETS_MAX)
				return msgext_error(error, "PR400-SM-0003", "To",
									"must name at most %d cells", PERSONIUM_TARGETS_MAX);
			cells->urls[cells->n++] = url;
		}
		if (comma == NULL)
			return true;
		at = comma + 1;
	}
}

/* "先頭文字に_と:は指定不可": letters, digits, - and +, then _ and : as well. */
bool
msgext_personium_is_relation(const char *text, size_t len)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
								  "0123456789-+_:";

	return len > 0 && len <= RELATION_MAX && strspn(text, letters) >= len &&
		   text[0] != '_' && text[0] != ':';
}

bool
msgext_personium_needs_login(const MsgConn *conn)
{
	return msgext_conn_option(conn, "token") == NULL &&
		   (msgext_conn_option(conn, "login") != NULL ||
			msgext_conn_option(conn, "refresh_token") != NULL);
}

bool
msgext_personium_wrong_type(MsgError *error, const char *path, const char *type)
{
	return msgext_error(error, "PR400-OD-0012", path, "must be %s", type);
}
