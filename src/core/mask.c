/*
 * mask.c
 *		Overwriting secrets in text that may echo them: see mask.h.
 */
#include "core/mask.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/ascii.h"
#include "core/lengthof.h"
#include "core/utf8.h"

#define SECRET_MIN 4

/* An ordinary text takes one step for each byte that some secret begins with. */
#define STEPS_MIN 4096
#define STEPS_PER_BYTE 4

/* Readings of one place that are followed at a time. */
#define FORKS_MAX 16

/* Digits of a character's number in XML; there may be zeros in front. */
#define REFERENCE_MAX 16

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
		int digit = msgext_hex_digit(at[i]);

		if (digit < 0)
			return false;
		*value = *value << 4 | (uint32_t) digit;
	}
	return true;
}

/* The number of "&#13;" or "&#xD;", whose digits begin at at; NULL when it is none. */
static const char *
read_reference(const char *at, const char *end, uint32_t *value)
{
	int base = at < end && *at == 'x' ? 16 : 10;
	const char *first = at += base == 16;

	for (*value = 0; at < end && *value <= 0x10FFFF && at - first < REFERENCE_MAX; at++)
	{
		int digit = msgext_hex_digit(*at);

		if (digit < 0 || digit >= base)
			break;
		*value = *value * (uint32_t) base + (uint32_t) digit;
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

	for (i = 0; i < lengthof(entities); i++)
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

/*
 * The character that an escape at at stands for, and the escape's length; 0 = it is none.
 */
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

	/*
	 * CDATA ended and begun again, as is done for a "]]>" in it: it stands for nothing.
	 */
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

/* The secrets that have the same bytes so far, as a range of the sorted ones. */
typedef struct Range
{
	int from;
	int to;
	size_t depth;
} Range;

typedef struct Search
{
	const MsgSecrets *secrets;
	const char *start;
	const char *end;
	size_t longest; /* bytes of the text, of what was found at start */
	size_t steps;	/* that may still be made */
} Search;

/* The secrets of range from i on whose next byte is at least c. */
static int
lower_bound(const MsgSecrets *secrets, const Range *range, unsigned c)
{
	int from = range->from;
	int to = range->to;

	while (from < to)
	{
		int middle = from + (to - from) / 2;

		if ((unsigned char) secrets->sorted[middle][range->depth] < c)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* Those that go on with these bytes; false when there are none. */
static bool
narrow(const MsgSecrets *secrets, Range *range, const char *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
	{
		unsigned c = (unsigned char) bytes[i];
		int from = lower_bound(secrets, range, c);

		range->to = lower_bound(secrets, range, c + 1);
		range->from = from;
		range->depth++;
		if (range->from == range->to)
			return false;
	}
	return true;
}

/*
 * Follows the text as long as some secret goes on as it does. What may be read both as an
 * escape and as it is, is followed both ways, as often as there are forks left.
 */
static void
follow(Search *search, const char *at, Range range, int forks)
{
	const MsgSecrets *secrets = search->secrets;

	for (;;)
	{
		char decoded[4];
		size_t decoded_len = 0;
		size_t escape;
		Range plain = range;
		Range escaped = range;
		bool as_it_is;

		while (range.from < range.to && secrets->sorted[range.from][range.depth] == '\0')
		{
			if ((size_t) (at - search->start) > search->longest)
				search->longest = (size_t) (at - search->start);
			plain.from = escaped.from = ++range.from;
		}
		if (range.from == range.to || at == search->end || search->steps == 0)
			return;
		search->steps--;
		escape = read_escape(at, search->end, decoded, &decoded_len);
		as_it_is = narrow(secrets, &plain, at, 1);
		if (escape > 0 && narrow(secrets, &escaped, decoded, decoded_len))
		{
			if (as_it_is && forks > 0)
				follow(search, at + 1, plain, forks - 1);
			at += escape;
			range = escaped;
		}
		else if (as_it_is)
		{
			at++;
			range = plain;
		}
		else
			return;
	}
}

static int
compare_secrets(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

void
msgext_secrets_init(MsgSecrets *secrets, MsgArena *arena, const char *const *list)
{
	int n = 0;

	while (list[n] != NULL)
		n++;
	secrets->sorted = msgext_alloc(arena, ((size_t) n + 1) * sizeof(char *));
	secrets->n = 0;
	for (; *list != NULL; list++)
	{
		if (strlen(*list) >= SECRET_MIN)
			secrets->sorted[secrets->n++] = *list;
	}
	qsort(secrets->sorted, (size_t) secrets->n, sizeof(char *), compare_secrets);
}

/* What a byte may be in a text. */
#define FIRST 1	 /* some secret begins with it */
#define SECOND 2 /* or goes on with it */
#define ESCAPE 4 /* a spelling of a character does; the seam of CDATA stands for none */

/*
 * May a secret stand at at? By its first two characters as far as they are not escaped: a
 * letter that some secret begins with is in every other word, two of them are in few.
 */
static bool
may_begin(const unsigned char *bits, const char *at, const char *end)
{
	char decoded[4];
	size_t len;

	if ((bits[(unsigned char) at[0]] & ESCAPE) != 0 &&
		read_escape(at, end, decoded, &len) > 0 &&
		(bits[(unsigned char) decoded[0]] & FIRST) != 0)
		return true;
	return (bits[(unsigned char) at[0]] & FIRST) != 0 && end - at > 1 &&
		   ((bits[(unsigned char) at[1]] & (SECOND | ESCAPE)) != 0 ||
			at[1] == CDATA_SEAM[0]);
}

void
msgext_mask(char *bytes, size_t len, const MsgSecrets *secrets)
{
	unsigned char bits[UCHAR_MAX + 1] = {
		['\\'] = ESCAPE, ['&'] = ESCAPE, ['%'] = ESCAPE, ['+'] = ESCAPE};
	Search search = {.secrets = secrets,
					 .end = bytes + len,
					 .steps = STEPS_MIN + STEPS_PER_BYTE * len};
	char *end = bytes + len;
	char *at;
	int i;

	for (i = 0; i < secrets->n; i++)
	{
		bits[(unsigned char) secrets->sorted[i][0]] |= FIRST;
		bits[(unsigned char) secrets->sorted[i][1]] |= SECOND;
	}
	for (at = bytes; at < end && secrets->n > 0; at++)
	{
		if ((bits[(unsigned char) *at] & (FIRST | ESCAPE)) == 0 ||
			!may_begin(bits, at, end))
			continue;
		search.start = at;
		search.longest = 0;
		follow(&search, at, (Range){0, secrets->n, 0}, FORKS_MAX);
		if (search.steps == 0)
			search.longest = (size_t) (end - at);
		if (search.longest > 0)
		{
			memset(at, '*', search.longest);
			at += search.longest - 1;
		}
	}
}
