/*
 * callback.h
 *		Reports pushed by providers: rows of msgext.callback, each report once;
 *		and pushes that nobody could read.
 */
#ifndef MSGEXT_CALLBACK_H
#define MSGEXT_CALLBACK_H

#include "core/provider.h"
#include "pg/catalog/server.h"
#include "pg/store/table.h"

/* clang-format off */
#define CALLBACK_COLUMNS(C) \
	C(callback, server_oid) C(callback, digest) C(callback, provider_id) \
	C(callback, received_at) C(callback, message_id) C(callback, repeats) \
	C(callback, report) C(callback, error)
/* clang-format on */
MSG_COLUMN_NUMBERS(callback, CALLBACK_COLUMNS);

/* Opens the table for writing; and when a row of it came first. */
extern MsgTable *msgext_callback_open(void);
extern TimestampTz msgext_callback_received_at(TupleTableSlot *row);

/*
 * Takes reports in the current transaction: writes each down once, applies it to its
 * message where that is known, and keeps it for the message where it is not yet.
 * Returns how many new reports were applied. *unmatched is set when some have no message
 * here so far, and *full when some were not taken, since too many of the server wait for
 * their message (quota.h).
 */
extern int msgext_callback_receive(const MsgServer *server, const MsgEvent *reports,
								   bool *unmatched, bool *full);

/*
 * Keeps a push that could not be read, once, for a person to look at; error says why. Of
 * its body the beginning is kept, without the secrets of the server's mappings. False,
 * with nothing kept, when there are too many.
 */
extern bool msgext_callback_keep(MsgServer *server, const char *body, size_t len,
								 const char *error);

/*
 * Does any report of this server wait for its message, one that is still being written
 * included?
 */
extern bool msgext_callback_any_unmatched(const MsgServer *server);

/*
 * Applies what came for a provider's id before its message was known. Returns false
 * when some of it is held by another transaction: call again later.
 */
extern bool msgext_callback_match(const MsgServer *server, const char *provider_id,
								  int64 message, bool wait);

/*
 * The same for reports of up to max ids, in their order, from behind "after" (NULL = the
 * first) on. Returns the last id that was looked at, or NULL when there are no more.
 */
extern char *msgext_callback_match_range(const MsgServer *server, const char *after,
										 int max);

/* What was pushed for one server counts for another one; what both have had, once. */
extern void msgext_callback_move(Oid from, Oid to);

#endif /* MSGEXT_CALLBACK_H */
