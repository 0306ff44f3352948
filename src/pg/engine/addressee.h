/*
 * addressee.h
 *		May the recipients of a message be written to? Of a server of a staging
 *		environment, only those that it allows; of any, none that are blocked there.
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

/* Which servers have blocked recipients; at the beginning of each turn. */
extern void msgext_addressees_read(MsgTurn *turn, const MsgUpstreams *upstreams);

#endif /* MSGEXT_ADDRESSEE_H */
