/*
 * addressee.h
 *		May a message go to whom it goes to? Not where a server of a staging environment
 *		allows others alone, and not to who wants nothing more from the server.
 *
 * Reads the stored payload, fallbacks included: what was queued before it was forbidden is
 * looked at too.
 */
#ifndef MSGEXT_ADDRESSEE_H
#define MSGEXT_ADDRESSEE_H

#include "pg/engine/upstream.h"

/* Otherwise *code and *why are the end of the message, in the current context. */
extern bool msgext_addressee_may(MsgTurn *turn, const MsgUpstream *upstream,
								 const MsgRow *row, const char **code, const char **why);

/* Which servers somebody wants nothing more from: at the beginning of each turn. */
extern void msgext_addressees_read(MsgTurn *turn, const MsgUpstreams *upstreams);

#endif /* MSGEXT_ADDRESSEE_H */
