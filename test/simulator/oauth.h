/*
 * oauth.h
 *		What the token endpoints of several providers share: forms, errors, and texts
 *		that nobody can guess.
 *
 * Knows no provider's grants, codes or accounts, and keeps nothing.
 */
#ifndef SIMULATOR_OAUTH_H
#define SIMULATOR_OAUTH_H

#include "provider.h"

#define OAUTH_FORM_TYPE "application/x-www-form-urlencoded"
#define OAUTH_JSON_TYPE "application/json; charset=utf-8"

/* Length of the longest random text. */
#define RANDOM_TEXT_MAX 60

/* len characters of the alphabet, which has 16 or 64 of them, and a NUL. */
extern void random_text(char *out, size_t len, const char *alphabet);

extern const char base64_alphabet[];
extern const char hex_alphabet[];

/* The value of a member of a form; an empty one if there is none. */
extern void form_value(const Buf *form, const char *name, Buf *value);
extern bool form_says(const Buf *form, const char *name, const char *expected);
extern bool form_has(const Buf *form, const char *name);

/* RFC 6749, 5.2; counted as unauthorized. */
extern void oauth_error(Reply *reply, unsigned status, const char *error,
						const char *description);

#endif /* SIMULATOR_OAUTH_H */
