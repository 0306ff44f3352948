/*
 * utf8.h
 *		What is a character in UTF-8, and how many there are.
 *
 * Bytes that come from elsewhere are checked by RFC 3629: overlong forms, surrogates and
 * anything above U+10FFFF are no characters.
 */
#ifndef MSGEXT_UTF8_H
#define MSGEXT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character that starts at text, 1 to 4; 0 when none does. */
extern size_t msgext_utf8_char(const char *text, const char *end);

/* Writes a code point, which must be no surrogate, at out: room of 4. Returns bytes. */
extern size_t msgext_utf8_put(uint32_t code_point, char *out);

/* Is it valid, and without a NUL? */
extern bool msgext_utf8_is_text(const char *text, size_t len);

/* Code points in text that is known to be valid. */
extern size_t msgext_utf8_count(const char *text, size_t len);

#endif /* MSGEXT_UTF8_H */
