/*
 * callback.h
 *		What becomes of reports that providers push, and of pushes that nobody could read:
 *		they are written down (store/report.h), and reports are applied to their messages.
 */
#ifndef MSGEXT_CALLBACK_H
#define MSGEXT_CALLBACK_H

#include "core/provider.h"
#include "pg/catalog/server.h"

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

#endif /* MSGEXT_CALLBACK_H */
