/*
 * oauth.c
 *		Forms, errors and random texts of token endpoints: see oauth.h.
 */
#include <string.h>
#include <sys/random.h>

#include "oauth.h"

const char base64_alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const char hex_alphabet[] = "0123456789abcdef";

void
random_text(char *out, size_t len, const char *alphabet)
{
	unsigned char bytes[RANDOM_TEXT_MAX];
	size_t size = strlen(alphabet);
	size_t i;

	if (len > sizeof(bytes) || getrandom(bytes, len, 0) != (ssize_t) len)
		die("no random bytes");
	for (i = 0; i < len; i++)
		out[i] = alphabet[bytes[i] % size];
	out[len] = '\0';
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

void
form_value(const Buf *form, const char *name, Buf *value)
{
	const char *at = form->data;
	size_t name_len = strlen(name);

	buf_clear(value);
	buf_puts(value, "");
	while (*at != '\0')
	{
		const char *end = at + strcspn(at, "&");

		if (strncmp(at, name, name_len) == 0 && at[name_len] == '=')
		{
			for (at += name_len + 1; at < end; at++)
			{
				if (*at == '%' && hex_digit(at[1]) >= 0 && hex_digit(at[2]) >= 0)
				{
					buf_putc(value, (char) (hex_digit(at[1]) << 4 | hex_digit(at[2])));
					at += 2;
				}
				else
					buf_putc(value, *at == '+' ? ' ' : *at);
			}
			return;
		}
		at = *end == '&' ? end + 1 : end;
	}
}

bool
form_says(const Buf *form, const char *name, const char *expected)
{
	Buf value = {0};
	bool same;

	form_value(form, name, &value);
	same = strcmp(value.data, expected) == 0;
	buf_free(&value);
	return same;
}

bool
form_has(const Buf *form, const char *name)
{
	return !form_says(form, name, "");
}

void
oauth_error(Reply *reply, unsigned status, const char *error, const char *description)
{
	tally.unauthorized++;
	reply_text(reply, status, "{\"error\":");
	reply->content_type = OAUTH_JSON_TYPE;
	buf_json_string(&reply->body, error, strlen(error));
	buf_puts(&reply->body, ",\"error_description\":");
	buf_json_string(&reply->body, description, strlen(description));
	buf_putc(&reply->body, '}');
}
