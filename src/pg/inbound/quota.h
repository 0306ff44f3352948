/*
 * quota.h
 *		How many callbacks of a server are kept without a message: reports that wait for
 *		one, and pushes that could not be read.
 *
 * Whoever has a token can push whatever he likes; the disk is not to be filled by it. The
 * count is refreshed once a second, so that several sessions together may go beyond
 * msgext.max_unmatched_callbacks by what they take in a second.
 */
#ifndef MSGEXT_QUOTA_H
#define MSGEXT_QUOTA_H

#include "pg/store/table.h"

/* May one more be kept? callbacks is the open table. */
extern bool msgext_quota_has_room(MsgTable *callbacks, Oid server);

/* One more has been. */
extern void msgext_quota_take(Oid server);

#endif /* MSGEXT_QUOTA_H */
