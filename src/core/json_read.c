/*
 * json_read.c
 *		The bounded JSON reader: text in, tree out.
 *
 * One pass, recursive descent no deeper than the limit says. Owns the grammar (RFC
 * 8259) and nothing else: what a member means is its caller's.
 */
#include "core/json.h"

#include <string.h>

#include "core/ascii.h"
#include "core/utf8.h"

const MsgJsonLimits msgext_json_strict = {
	.size = 1024 * 1024, .depth = 32, .nodes = 100000, .trailing_commas = false};

typedef struct Reader
{
	const char *start;
	const char *at;
	const char *end;
	MsgArena *arena;
	const MsgJsonLimits *limits;
	MsgError *error;

	/*
	 * Where the next decoded text goes. One allocation as long as the input serves all:
	 * a string gives up two quotes and needs one NUL, no escape is shorter than what it
	 * stands for, and behind every number but a lone one there is a delimiter.
	 */
	char *text;

	MsgJson *spare; /* nodes allocated ahead */
	int spares;
	int nodes;
	int depth;
} Reader;

static bool read_value(Reader *reader, MsgJson *node);

static bool
fail(Reader *reader, const char *at, const char *why)
{
	reader->error->offset = (size_t) (at - reader->start);
	return msgext_error(reader->error, "", "", "%s", why);
}

/* The complaint about a byte that nothing can start with, or about the lack of one. */
static bool
fail_here(Reader *reader, const char *why)
{
	return fail(reader, reader->at,
				reader->at == reader->end ? "the text ends too early" : why);
}

static void
skip_space(Reader *reader)
{
	while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\n' ||
										*reader->at == '\r' || *reader->at == '\t'))
		reader->at++;
}

static MsgJson *
new_node(Reader *reader)
{
	if (reader->nodes >= reader->limits->nodes)
	{
		fail(reader, reader->at, "there are too many values");
		return NULL;
	}
	if (reader->spares == 0)
	{
		/* A value takes some twenty bytes of the JSON that these services speak. */
		size_t guess = (size_t) (reader->end - reader->at) / 20 + 2;

		reader->spares = guess < 128 ? (int) guess : 128;
		reader->spare =
			msgext_alloc0(reader->arena, (size_t) reader->spares * sizeof(MsgJson));
	}
	reader->nodes++;
	reader->spares--;
	return reader->spare++;
}

/* Reads the four digits of a \u escape at at; -1 when they are none. */
static int32_t
read_hex4(const char *at, const char *end)
{
	int32_t value = 0;
	int i;

	if (end - at < 4)
		return -1;
	for (i = 0; i < 4; i++)
	{
		int digit = msgext_hex_digit(at[i]);

		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

/* Decodes the escape at at, which points at the backslash. */
static bool
read_escape(Reader *reader, const char **at, char **out)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	const char *c = *at + 1;
	const char *simple;
	int32_t high;
	int32_t low;

	if (c == reader->end)
		return fail(reader, c, "the text ends too early");
	if (*c != 'u')
	{
		simple = *c != '\0' ? strchr(from, *c) : NULL;
		if (simple == NULL)
			return fail(reader, *at, "a string has an unknown escape");
		*(*out)++ = to[simple - from];
		*at = c + 1;
		return true;
	}

	high = read_hex4(c + 1, reader->end);
	if (high < 0)
		return fail(reader, *at, "a \\u escape lacks four hexadecimal digits");
	c += 5;
	if (high >= 0xD800 && high <= 0xDFFF)
	{
		bool paired = high < 0xDC00 && reader->end - c >= 6 && c[0] == '\\' &&
					  c[1] == 'u' && (low = read_hex4(c + 2, reader->end)) >= 0xDC00 &&
					  low <= 0xDFFF;

		if (paired)
		{
			high = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
			c += 6;
		}
		else
			high = 0xFFFD; /* half a character: legal JSON, but no text */
	}
	*out += msgext_utf8_put((uint32_t) high, *out);
	*at = c;
	return true;
}

/* A word of that byte; and one whose bytes have the high bit set where word's are less. */
#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))
#define LESS(word, byte) (((word) -EACH(byte)) & ~(word))

/*
 * Behind the characters that mean themselves and are one byte each: most of what there is
 * to read, so eight at a time.
 */
static const char *
skip_plain(const char *at, const char *end)
{
	uint64_t word;

	for (; end - at >= (ptrdiff_t) sizeof(word); at += sizeof(word))
	{
		memcpy(&word, at, sizeof(word));
		if (((word | LESS(word, 0x20) | LESS(word ^ EACH('"'), 1) |
			  LESS(word ^ EACH('\\'), 1)) &
			 EACH(0x80)) != 0)
			break;
	}
	while (at < end && *at != '"' && *at != '\\' && (unsigned char) *at >= 0x20 &&
		   (unsigned char) *at < 0x80)
		at++;
	return at;
}

/* Reads the string that starts with the quote here. */
static bool
read_string(Reader *reader, const char **text, size_t *len)
{
	const char *at = reader->at + 1;
	const char *end = reader->end;
	char *out = reader->text;

	*text = out;
	for (;;)
	{
		const char *run = at;

		while ((at = skip_plain(at, end)) < end && (unsigned char) *at >= 0x80)
		{
			size_t bytes = msgext_utf8_char(at, end);

			if (bytes == 0)
				return fail(reader, at, "a string is not valid UTF-8");
			at += bytes;
		}
		memcpy(out, run, (size_t) (at - run));
		out += at - run;
		if (at == end)
			return fail(reader, at, "the text ends too early");
		if (*at == '"')
			break;
		if (*at != '\\')
			return fail(reader, at, "a string has a bare control character");
		if (!read_escape(reader, &at, &out))
			return false;
	}
	*len = (size_t) (out - *text);
	*out = '\0';
	reader->text = out + 1;
	reader->at = at + 1;
	return true;
}

static const char *
skip_digits(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

/* RFC 8259, section 6: no leading zeros, no bare point, no plus in front. */
static bool
read_number(Reader *reader, MsgJson *node)
{
	const char *end = reader->end;
	const char *at = reader->at;
	const char *digits;

	if (*at == '-')
		at++;
	digits = at;
	at = skip_digits(at, end);
	if (at == digits)
		return fail(reader, at, "a number lacks digits");
	if (*digits == '0' && at - digits > 1)
		return fail(reader, digits, "a number has a leading zero");
	if (at < end && *at == '.')
	{
		digits = ++at;
		at = skip_digits(at, end);
		if (at == digits)
			return fail(reader, at, "a number lacks digits behind its point");
	}
	if (at < end && (*at == 'e' || *at == 'E'))
	{
		at++;
		if (at < end && (*at == '+' || *at == '-'))
			at++;
		digits = at;
		at = skip_digits(at, end);
		if (at == digits)
			return fail(reader, at, "a number lacks digits in its exponent");
	}

	node->type = MSG_JSON_NUMBER;
	node->len = (size_t) (at - reader->at);
	node->text = memcpy(reader->text, reader->at, node->len);
	reader->text += node->len;
	*reader->text++ = '\0';
	reader->at = at;
	return true;
}

static bool
read_word(Reader *reader, MsgJson *node, const char *word, MsgJsonType type, bool truth)
{
	size_t len = strlen(word);

	if ((size_t) (reader->end - reader->at) < len || memcmp(reader->at, word, len) != 0)
		return fail(reader, reader->at, "a value was expected");
	reader->at += len;
	node->type = type;
	node->truth = truth;
	return true;
}

/* "name": of a member. */
static bool
read_name(Reader *reader, const char **name, size_t *len)
{
	if (reader->at == reader->end || *reader->at != '"')
		return fail_here(reader, "a member's name was expected");
	if (!read_string(reader, name, len))
		return false;
	skip_space(reader);
	if (reader->at == reader->end || *reader->at != ':')
		return fail_here(reader, "a colon was expected");
	reader->at++;
	skip_space(reader);
	return true;
}

/* The elements or members between the bracket or brace here and its partner. */
static bool
read_children(Reader *reader, MsgJson *node)
{
	bool object = *reader->at == '{';
	char close = object ? '}' : ']';

	node->type = object ? MSG_JSON_OBJECT : MSG_JSON_ARRAY;
	if (reader->depth >= reader->limits->depth)
		return fail(reader, reader->at, "values are nested too deeply");
	reader->depth++;
	reader->at++;
	skip_space(reader);
	while (reader->at == reader->end || *reader->at != close)
	{
		const char *name = NULL;
		size_t name_len = 0;
		MsgJson *child;

		if (node->count > 0)
		{
			if (reader->at == reader->end || *reader->at != ',')
				return fail_here(reader, "a comma or the end of the list was expected");
			reader->at++;
			skip_space(reader);
			if (reader->at < reader->end && *reader->at == close)
			{
				if (reader->limits->trailing_commas)
					break;
				return fail(reader, reader->at, "a comma is followed by nothing");
			}
		}
		if (object && !read_name(reader, &name, &name_len))
			return false;
		child = new_node(reader);
		if (child == NULL || !read_value(reader, child))
			return false;
		child->name = name;
		child->name_len = name_len;
		msgext_json_append(node, child);
		skip_space(reader);
	}
	reader->at++;
	reader->depth--;
	return true;
}

static bool
read_value(Reader *reader, MsgJson *node)
{
	bool read = false;

	node->start = (size_t) (reader->at - reader->start);
	switch (reader->at < reader->end ? *reader->at : '\0')
	{
		case '{':
		case '[':
			read = read_children(reader, node);
			break;
		case '"':
			node->type = MSG_JSON_STRING;
			read = read_string(reader, &node->text, &node->len);
			break;
		case 't':
			read = read_word(reader, node, "true", MSG_JSON_BOOL, true);
			break;
		case 'f':
			read = read_word(reader, node, "false", MSG_JSON_BOOL, false);
			break;
		case 'n':
			read = read_word(reader, node, "null", MSG_JSON_NULL, false);
			break;
		case '-':
		case '0':
		case '1':
		case '2':
		case '3':
		case '4':
		case '5':
		case '6':
		case '7':
		case '8':
		case '9':
			read = read_number(reader, node);
			break;
		default:
			fail_here(reader, "a value was expected");
			break;
	}
	node->end = (size_t) (reader->at - reader->start);
	return read;
}

MsgJson *
msgext_json_parse(MsgArena *arena, const char *text, size_t len,
				  const MsgJsonLimits *limits, MsgError *error)
{
	Reader reader = {.start = text,
					 .at = text,
					 .end = text + len,
					 .arena = arena,
					 .limits = limits,
					 .error = error};
	MsgJson *root;

	if (len > limits->size)
	{
		fail(&reader, reader.start + limits->size, "the text is too long");
		return NULL;
	}
	if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
		reader.at += 3;
	skip_space(&reader);
	reader.text = msgext_alloc(arena, (size_t) (reader.end - reader.at) + 1);
	root = new_node(&reader);
	if (root == NULL || !read_value(&reader, root))
		return NULL;
	skip_space(&reader);
	if (reader.at != reader.end)
	{
		fail(&reader, reader.at, "something follows the value");
		return NULL;
	}
	return root;
}

MsgJson *
msgext_json_number(MsgArena *arena, const char *text)
{
	MsgError ignored;
	MsgJson *node =
		msgext_json_parse(arena, text, strlen(text), &msgext_json_strict, &ignored);

	/* What is no number cannot be written as one. */
	if (!msgext_json_is(node, MSG_JSON_NUMBER))
		return msgext_json_string(arena, text, strlen(text));
	return node;
}
