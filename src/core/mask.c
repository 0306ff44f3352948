/*
 * mask.c
 *		Overwriting secrets in text that may echo them: see mask.h.
 */
#include "core/mask.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/utf8.h"

#define SECRET_MIN 4
#define CDATA_SEAM "]]><![CDATA["

static bool
read_hex(const char *at, const char *end, int digits, uint32_t *value)
{
	int i;

	if (end - at < digits)
		return false;
	*value = 0;
	for (i = 0; i < digits; i++)
	{
		char c = at[i];

		*value <<= 4;
		if (c >= '0' && c <= '9')
			*value |= (uint32_t) (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			*value |= (uint32_t) ((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	return true;
}

/* The number of "&#13;" or "&#xD;", whose digits begin at at; NULL when it is none. */
static const char *
read_reference(const char *at, const char *end, uint32_t *value)
{
	unsigned base = at < end && *at == 'x' ? 16 : 10;
	const char *first = at += base == 16;

	for (*value = 0; at < end && *value <= 0x10FFFF; at++)
	{
		char c = *at;

		if (c >= '0' && c <= '9')
			*value = *value * base + (uint32_t) (c - '0');
		else if (base == 16 && (c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			*value = *value * base + (uint32_t) ((c | 0x20) - 'a' + 10);
		else
			break;
	}
	return at > first && at < end && *at == ';' ? at + 1 : NULL;
}

/* The same as read_escape, of XML: "&amp;" and its like, "&#38;", "&#x26;". */
static size_t
read_entity(const char *at, const char *end, char *out, size_t *out_len)
{
	static const struct
	{
		const char *name;
		char meaning;
	} entities[] = {
		{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
	const char *behind;
	uint32_t value;
	size_t i;

	for (i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
	{
		size_t len = strlen(entities[i].name);

		if ((size_t) (end - at) >= len && memcmp(at, entities[i].name, len) == 0)
		{
			out[0] = entities[i].meaning;
			*out_len = 1;
			return len;
		}
	}
	if (end - at < 4 || at[1] != '#' ||
		(behind = read_reference(at + 2, end, &value)) == NULL || value > 0x10FFFF ||
		(value >= 0xD800 && value <= 0xDFFF))
		return 0;
	*out_len = msgext_utf8_put(value, out);
	return (size_t) (behind - at);
}

/* The character that an escape at at stands for, and the escape's length; 0 = it is none. */
static size_t
read_escape(const char *at, const char *end, char *out, size_t *out_len)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	uint32_t high;
	uint32_t low;
	const char *letter;

	if (at[0] == '&')
		return read_entity(at, end, out, out_len);

	/* As in a form (application/x-www-form-urlencoded). */
	if (at[0] == '+' || (at[0] == '%' && read_hex(at + 1, end, 2, &high)))
	{
		out[0] = at[0] == '+' ? ' ' : (char) high;
		*out_len = 1;
		return at[0] == '+' ? 1 : 3;
	}

	/* CDATA ended and begun again, as is done for a "]]>" in it: it stands for nothing. */
	if ((size_t) (end - at) >= sizeof(CDATA_SEAM) - 1 &&
		memcmp(at, CDATA_SEAM, sizeof(CDATA_SEAM) - 1) == 0)
	{
		*out_len = 0;
		return sizeof(CDATA_SEAM) - 1;
	}
	if (end - at < 2 || at[0] != '\\' || at[1] == '\0')
		return 0;
	if ((letter = strchr(letters, at[1])) != NULL)
	{
		out[0] = meanings[letter - letters];
		*out_len = 1;
		return 2;
	}
	if (at[1] != 'u' || !read_hex(at + 2, end, 4, &high))
		return 0;
	if (high < 0xD800 || high > 0xDFFF)
	{
		*out_len = msgext_utf8_put(high, out);
		return 6;
	}
	if (high > 0xDBFF || end - at < 12 || at[6] != '\\' || at[7] != 'u' ||
		!read_hex(at + 8, end, 4, &low) || low < 0xDC00 || low > 0xDFFF)
		return 0;
	*out_len = msgext_utf8_put(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00), out);
	return 12;
}

/* How many bytes from at on spell the secret with escapes; 0 = they do not. */
static size_t
spelled(const char *at, const char *end, const char *secret)
{
	const char *start = at;

	while (*secret != '\0')
	{
		char decoded[4];
		size_t decoded_len = 0;
		size_t escape = at < end ? read_escape(at, end, decoded, &decoded_len) : 0;

		if (escape > 0 && strncmp(secret, decoded, decoded_len) == 0)
		{
			at += escape;
			secret += decoded_len;
		}
		else if (at < end && *at == *secret)
		{
			at++;
			secret++;
		}
		else
			return 0;
	}
	return (size_t) (at - start);
}

/* Not the seam of CDATA: it stands for nothing, and nothing begins with it. */
static const bool escapes[UCHAR_MAX + 1] = {
	['\\'] = true, ['&'] = true, ['%'] = true, ['+'] = true};

/* How many bytes from at on are the longest of the secrets, in whatever spelling. */
static size_t
longest(const char *at, const char *end, const char *const *secrets)
{
	bool escape = escapes[(unsigned char) *at];
	size_t most = 0;

	for (; *secrets != NULL; secrets++)
	{
		size_t len;
		size_t n = 0;

		if ((!escape && *at != **secrets) || (len = strlen(*secrets)) < SECRET_MIN)
			continue;

		/* As it is first: it may have in it what would be read as an escape. */
		if ((size_t) (end - at) >= len && memcmp(at, *secrets, len) == 0)
			n = len;
		else
			n = spelled(at, end, *secrets);
		if (n > most)
			most = n;
	}
	return most;
}

void
msgext_mask(char *bytes, size_t len, const char *const *secrets)
{
	/* What a spelling may begin with: few bytes of a text are that. */
	bool begins[UCHAR_MAX + 1];
	const char *const *secret;
	char *end = bytes + len;
	char *at;

	memcpy(begins, escapes, sizeof(begins));
	for (secret = secrets; *secret != NULL; secret++)
		begins[(unsigned char) **secret] = true;
	for (at = bytes; at < end; at++)
	{
		size_t n = begins[(unsigned char) *at] ? longest(at, end, secrets) : 0;

		if (n > 0)
		{
			memset(at, '*', n);
			at += n - 1;
		}
	}
}
