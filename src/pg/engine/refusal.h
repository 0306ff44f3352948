/*
 * refusal.h
 *		Accounts whose credentials a provider has refused: nothing is sent by them, while
 *		their server goes on for others.
 *
 * Keeps memory and msgext.account_pause in step, so that no table is read for a message.
 * An account is refused in one version of its user mapping: a changed one is free at
 * once.
 */
#ifndef MSGEXT_REFUSAL_H
#define MSGEXT_REFUSAL_H

#include "pg/engine/upstream.h"

/*
 * An answer has refused the credentials of this account. True when it is held from now
 * on, which is written down at the end of the turn; false when they have been changed
 * since.
 */
extern bool msgext_refusal_note(MsgUpstream *upstream, const MsgAccount *account,
								const char *code, const char *text, int http_status);

/* May it not be used? */
extern bool msgext_refusal_holds(const MsgUpstream *upstream, const MsgAccount *account);

/* Reads which accounts of these upstreams are paused, and which have been released. */
extern void msgext_refusals_read(const MsgTurn *turn, const List *upstreams);

/* Writes down whom an answer has paused; what cannot be is tried again next time. */
extern void msgext_refusals_write(const MsgUpstreams *upstreams);

/*
 * What has waited for a usable account since then is looked at again at this time: the
 * longer it has waited, the later. Only what nobody tells of, such as a file that has
 * been mended, takes that long.
 */
extern TimestampTz msgext_refusal_look_again(TimestampTz since, TimestampTz now);

/* What its row says of why it waits. */
#define MSG_WAITS_FOR_ACCOUNT "credentials"

/* No later than this from now. */
#define MSG_ACCOUNT_RETRY_MAX_US (300 * USECS_PER_SEC)

#endif /* MSGEXT_REFUSAL_H */
