/*
 * text.h
 *		Text from outside, made fit for this database.
 */
#ifndef MSGEXT_TEXT_H
#define MSGEXT_TEXT_H

#include "postgres.h"

/*
 * A provider's text as this database can store it: cut to max bytes, without NULs and
 * other control characters, what is not valid in the encoding replaced. NULL stays NULL.
 */
extern char *msgext_clean_text(const char *text, size_t max);

/* How much of len bytes a cut to max leaves that splits no character of UTF-8. */
extern size_t msgext_whole_characters(const char *text, size_t len, size_t max);

#endif /* MSGEXT_TEXT_H */
