/*
 * recipients.h
 *		Whom a message goes to, by where its payload says so: for servers of a staging
 *		environment (options redirect and allow_recipients), and for those who want
 *		nothing more.
 *
 * Paths are a provider's own: "vk.phone" is a member of an object of the payload. In front
 * of a path, "-" says that the member leads to recipients whom nobody can tell, and "~"
 * that it only makes sense with the recipient it came with.
 */
#ifndef MSGEXT_RECIPIENTS_H
#define MSGEXT_RECIPIENTS_H

#include "core/provider.h"

/* Puts this one in the place of every recipient of the payload. */
extern void msgext_recipients_redirect(MsgArena *arena, const char *const *paths,
									   MsgJson *payload, const char *to);

/*
 * Is each recipient of the payload the one given as to, and does it fit the pattern, a
 * regular expression as POSIX has it? Either may be NULL. Otherwise *stranger is the first
 * that is not so, or NULL. "+7 900" and "7900" are the same: letters and digits count.
 */
extern bool msgext_recipients_may(MsgArena *arena, const char *const *paths,
								  const MsgJson *payload, const char *to,
								  const char *pattern, const char **stranger);

/*
 * One way to write a recipient: of a number its digits alone; else in lower case, as far
 * as ASCII goes, without spaces around it or a slash at its end. "+7 (903) 111-22-33" and
 * "79031112233" are the same.
 */
extern const char *msgext_recipient_normal(MsgArena *arena, const char *text);

/* Is it somebody who is looked for? It is written in the normal way. */
typedef bool (*MsgRecipientTest)(void *arg, const char *recipient);

/* The first recipient of the payload that is, or NULL. Those nobody can tell are none. */
extern const char *msgext_recipients_find(MsgArena *arena, const char *const *paths,
										  const MsgJson *payload, MsgRecipientTest test,
										  void *arg);

#endif /* MSGEXT_RECIPIENTS_H */
