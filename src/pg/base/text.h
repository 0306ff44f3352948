/*
 * text.h
 *		Between the texts of this database and UTF-8.
 *
 * What comes from providers and goes to them is UTF-8: payloads, settings, credentials,
 * answers, and everything that codecs see or say. Tables, catalogs and messages of the
 * server are in the database's encoding. Between them, every text goes through here. In a
 * database of encoding SQL_ASCII texts are UTF-8 already.
 */
#ifndef MSGEXT_TEXT_H
#define MSGEXT_TEXT_H

#include "postgres.h"

/*
 * A provider's text as this database can store it: cut to max bytes, without NULs and
 * other control characters, what is not valid in the encoding replaced. NULL stays NULL.
 */
extern char *msgext_clean_text(const char *text, size_t max);

/* A copy of a text of this database, or of one from outside. NULL stays NULL. */
extern char *msgext_to_utf8(const char *text);
extern char *msgext_from_utf8(const char *text);

/* Can it be given to a provider as it is? */
extern bool msgext_fits_utf8(const char *text);

/* How much of len bytes a cut to max leaves that splits no character of UTF-8. */
extern size_t msgext_whole_characters(const char *text, size_t len, size_t max);

#endif /* MSGEXT_TEXT_H */
