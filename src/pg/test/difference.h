/*
 * difference.h
 *		How a message differs from what a test wants of it.
 */
#ifndef MSGEXT_DIFFERENCE_H
#define MSGEXT_DIFFERENCE_H

#include "lib/stringinfo.h"

#include "core/json.h"

/*
 * Appends a clause to *text for each place in which got does not contain wanted, as jsonb's
 * @> has it; returns how many there are. path is where both stand.
 */
extern int msgext_difference(StringInfo text, const char *path, const MsgJson *wanted,
							 const MsgJson *got);

/* Appends a clause, separated from the one before it. */
extern void msgext_difference_say(StringInfo text, const char *format, ...)
	pg_attribute_printf(2, 3);

/* A value as JSON, its beginning if it is long; in the database's encoding. */
extern char *msgext_difference_value(const MsgJson *value);

#endif /* MSGEXT_DIFFERENCE_H */
