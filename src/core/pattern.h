/*
 * pattern.h
 *		A regular expression that somebody else has written (POSIX, extended), and a
 *		text that is held against it.
 *
 * The C library goes as deep as groups are nested, writes out what {} repeats, and remembers
 * more with every character it looks at: a line of text can take all memory, or the stack,
 * and with it the process. So patterns and texts have limits.
 */
#ifndef MSGEXT_PATTERN_H
#define MSGEXT_PATTERN_H

#include <stdbool.h>

/* So many characters, what {} repeats counted as often; and groups in each other. */
#define MSG_PATTERN_MAX 2000
#define MSG_PATTERN_DEPTH 50

/* A longer text fits no pattern; in bytes. */
#define MSG_PATTERN_TEXT_MAX 256

/* Does it keep to that, and has it no references back, whose search may take for ever? */
extern bool msgext_pattern_is_small(const char *pattern);

/* Of a small one: is it a regular expression at all? */
extern bool msgext_pattern_is_valid(const char *pattern);

/* Of a valid one: does the text, or a part of it, match? Where memory fails, it does not. */
extern bool msgext_pattern_fits(const char *pattern, const char *text);

#endif /* MSGEXT_PATTERN_H */
