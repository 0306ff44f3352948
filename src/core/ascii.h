/*
 * ascii.h
 *		Letters and digits of protocols: words without case, tokens, hexadecimal digits.
 *
 * Not strcasecmp: what that takes for the same letter depends on the server's locale
 * (Turkish has two kinds of i), and a protocol does not.
 */
#ifndef MSGEXT_ASCII_H
#define MSGEXT_ASCII_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline char
msgext_ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

/* Do the len bytes of text spell word? */
static inline bool
msgext_ascii_same(const char *text, size_t len, const char *word)
{
	size_t i;

	if (strlen(word) != len)
		return false;
	for (i = 0; i < len; i++)
	{
		if (msgext_ascii_lower(text[i]) != msgext_ascii_lower(word[i]))
			return false;
	}
	return true;
}

/* Is it a token of HTTP, which is what a header field may be called (RFC 9110, 5.6.2)? */
static inline bool
msgext_ascii_is_token(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
	{
		char c = msgext_ascii_lower(text[i]);

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			  (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL)))
			return false;
	}
	return len > 0;
}

/* What a hexadecimal digit stands for; -1 when it is none. */
static inline int
msgext_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = msgext_ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif /* MSGEXT_ASCII_H */
