/*
 * quota.h
 *		How many callbacks of a server are kept without a message: reports that wait for
 *		one, and pushes that could not be read.
 *
 * Whoever has a token can push whatever he likes; the disk is not to be filled by it. All
 * sessions together, with what they have not committed, go beyond
 * msgext.max_unmatched_callbacks by a quarter at most, and one row each.
 */
#ifndef MSGEXT_QUOTA_H
#define MSGEXT_QUOTA_H

#include "pg/store/table.h"

/* What is counted together, in one table. */
typedef enum MsgQuota
{
	MSG_QUOTA_CALLBACKS,
	MSG_QUOTA_INBOX /* pushes that nobody has taken yet */
} MsgQuota;

/* May one more be kept? The table is the open one. */
extern bool msgext_quota_has_room(MsgQuota quota, MsgTable *table, Oid server);

/* One more has been. */
extern void msgext_quota_take(MsgQuota quota, Oid server);

#endif /* MSGEXT_QUOTA_H */
