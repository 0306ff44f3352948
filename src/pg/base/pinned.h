/*
 * pinned.h
 *		Settings that are to mean the same whoever's session it is: for SQL and output
 *		functions that run for somebody else than the session's user.
 */
#ifndef MSGEXT_PINNED_H
#define MSGEXT_PINNED_H

#include "postgres.h"

/*
 * Names are looked up in pg_catalog alone, and values are read and written in one form,
 * times in the zone given. The session's own settings come back with
 * msgext_unpin_settings(), or the end of the (sub)transaction.
 */
extern int msgext_pin_settings(const char *zone);
extern void msgext_unpin_settings(int nest);

/* One setting, until the caller's own GUC nest level ends (NewGUCNestLevel()). */
extern void msgext_pin_setting(const char *name, const char *value);

/*
 * Until then the client is told of errors alone; and, as PostgreSQL has it, of what is
 * raised as INFO.
 */
extern void msgext_pin_silence(void);

#endif /* MSGEXT_PINNED_H */
