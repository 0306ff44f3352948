/*
 * http_text.c
 *		Header fields, lists of statuses, paths: see http_text.h.
 */
#include "core/http_text.h"

#include <string.h>

#include "core/ascii.h"
#include "core/lengthof.h"

#define NAME_MAX_LEN 64
#define VALUE_MAX_LEN 4096

/* RFC 9110, 5.5: of one line, and not empty, which libcurl takes for "none". */
bool
msgext_header_is_value(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (((unsigned char) text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f)
			return false;
	return len > 0 && text[0] != ' ' && text[0] != '\t';
}

static bool
is_one_of(const char *name, size_t len, const char *const *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (msgext_ascii_same(name, len, list[i]))
			return true;
	return false;
}

/* What frames the message, names the host, or is signed. */
static bool
is_reserved(const char *name, size_t len)
{
	static const char *const reserved[] = {
		"connection",		 "content-length",	"expect",	  "host",
		"http2-settings",	 "keep-alive",		"te",		  "trailer",
		"transfer-encoding", "upgrade",			"webhook-id", "webhook-signature",
		"webhook-timestamp", "content-encoding"};

	return is_one_of(name, len, reserved, lengthof(reserved)) ||
		   (len > 6 && msgext_ascii_same(name, 6, "proxy-")) ||
		   (len > 3 && msgext_ascii_same(name, 3, "ce-"));
}

static bool
is_credential(const char *name, size_t len)
{
	static const char *const credentials[] = {"authorization", "cookie"};

	return is_one_of(name, len, credentials, lengthof(credentials));
}

bool
msgext_headers_check(const MsgJson *headers, bool secret, MsgError *error)
{
	const MsgJson *header;

	if (!msgext_json_is(headers, MSG_JSON_OBJECT))
		return msgext_error(error, "", "", "must be a JSON object of names and texts");
	if (headers->count > MSG_HEADERS_MAX)
		return msgext_error(error, "", "", "must have at most %d header fields",
							MSG_HEADERS_MAX);
	for (header = headers->first; header != NULL; header = header->next)
	{
		const MsgJson *other;

		if (header->name_len > NAME_MAX_LEN ||
			!msgext_ascii_is_token(header->name, header->name_len))
			return msgext_error(error, "", "",
								"has a name that no header field may have");
		if (is_reserved(header->name, header->name_len))
			return msgext_error(error, "", header->name, "is not to be set by hand");
		if (!secret && is_credential(header->name, header->name_len))
			return msgext_error(error, "", header->name,
								"holds credentials: it belongs into the user mapping");
		if (header->type != MSG_JSON_STRING || header->len > VALUE_MAX_LEN ||
			!msgext_header_is_value(header->text, header->len))
			return msgext_error(error, "", header->name,
								"must be a text of one line, of 1 to %d bytes",
								VALUE_MAX_LEN);
		for (other = headers->first; other != header; other = other->next)
			if (msgext_ascii_same(header->name, header->name_len, other->name))
				return msgext_error(error, "", header->name, "is there twice");
	}
	return true;
}

/* A name that says so, whoever made it up: X-Gitlab-Token, X-Hub-Signature-256. */
static bool
is_secret(const char *name)
{
	static const char *const words[] = {"authenticat", "authoriz", "cookie",
										"token",	   "secret",   "signature",
										"password",	   "apikey",   "api-key"};
	size_t i;

	for (i = 0; i < lengthof(words); i++)
		if (strstr(name, words[i]) != NULL)
			return true;
	return false;
}

static void
add_header(MsgArena *arena, MsgJson *headers, const char *name, const char *value,
		   size_t len)
{
	const MsgJson *known = msgext_json_get(headers, name);
	MsgBuf joined;

	msgext_buf_init(&joined, arena, (known != NULL ? known->len + 2 : 0) + len);
	if (known != NULL)
	{
		msgext_buf_append(&joined, known->text, known->len);
		msgext_buf_puts(&joined, ", ");
	}
	msgext_buf_append(&joined, value, len);
	msgext_json_set(headers, name, msgext_json_string(arena, joined.data, joined.len));
}

MsgJson *
msgext_headers_json(MsgArena *arena, const char *lines, size_t max)
{
	MsgJson *headers = msgext_json_new(arena, MSG_JSON_OBJECT);
	size_t used = 0;

	while (lines != NULL && *lines != '\0')
	{
		size_t len = strcspn(lines, "\n");
		const char *end = lines + len;
		const char *next = end + (*end == '\n');
		const char *colon = memchr(lines, ':', len);
		const char *value;
		char *name;
		char *c;

		/* A status line has none in front of its first blank. */
		if (colon != NULL && msgext_ascii_is_token(lines, (size_t) (colon - lines)))
		{
			name = msgext_strndup(arena, lines, (size_t) (colon - lines));
			for (c = name; *c != '\0'; c++)
				*c = msgext_ascii_lower(*c);
			for (value = colon + 1; value < end && (*value == ' ' || *value == '\t');)
				value++;
			while (end > value && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'))
				end--;
			len = (size_t) (end - value);
			if (!is_secret(name) && used + strlen(name) + len <= max &&
				headers->count < 4 * MSG_HEADERS_MAX)
			{
				used += strlen(name) + len;
				add_header(arena, headers, name, value, len);
			}
		}
		lines = next;
	}
	return headers;
}

/* Takes "204" or "2xx" off the front; the first and the last status that it means. */
static bool
take_statuses(const char **list, int *first, int *last)
{
	const char *at = *list;

	if (at[0] < '1' || at[0] > '5')
		return false;
	if (at[1] == 'x' && at[2] == 'x')
	{
		*first = (at[0] - '0') * 100;
		*last = *first + 99;
	}
	else if (at[1] >= '0' && at[1] <= '9' && at[2] >= '0' && at[2] <= '9')
		*first = *last = (at[0] - '0') * 100 + (at[1] - '0') * 10 + (at[2] - '0');
	else
		return false;
	*list = at + 3;
	return true;
}

bool
msgext_statuses_check(const char *list)
{
	int first;
	int last;

	for (;;)
	{
		if (!take_statuses(&list, &first, &last))
			return false;
		if (*list == '\0')
			return true;
		if (*list++ != ',')
			return false;
		while (*list == ' ')
			list++;
	}
}

bool
msgext_statuses_match(const char *list, int status)
{
	int first;
	int last;

	while (list != NULL && take_statuses(&list, &first, &last))
	{
		if (status >= first && status <= last)
			return true;
		while (*list == ',' || *list == ' ')
			list++;
	}
	return false;
}

/* "." or "..", whatever its dots are written as. */
static bool
is_step(const char *segment, const char *end)
{
	int dots = 0;

	while (segment < end)
	{
		if (*segment == '.')
			segment++;
		else if (end - segment >= 3 && segment[0] == '%' && segment[1] == '2' &&
				 msgext_ascii_lower(segment[2]) == 'e')
			segment += 3;
		else
			return false;
		dots++;
	}
	return dots == 1 || dots == 2;
}

bool
msgext_path_check(const char *path)
{
	const char *query = path + strcspn(path, "?");
	const char *at;

	if (*path != '/')
		return false;
	for (at = path; *at != '\0'; at++)
	{
		if (*at == '%' && (msgext_hex_digit(at[1]) < 0 || msgext_hex_digit(at[2]) < 0))
			return false;
		if ((unsigned char) *at <= ' ' || (unsigned char) *at >= 0x7f ||
			strchr("\"#<>\\^`{|}", *at) != NULL)
			return false;
	}
	for (at = path; at < query;)
	{
		const char *end = at + 1 + strcspn(at + 1, "/?");

		if (is_step(at + 1, end))
			return false;
		at = end;
	}
	return true;
}
