/*
 * retention.h
 *		Removing what is over: finished messages with their timeline, old reports, old
 *		uses of recipients.
 *
 * Below SQL, as everything the engine does: no rule, trigger, policy, operator or setting
 * of a database's owner has a say in it. Messages that are not finished stay, and so do
 * unknown ones.
 */
#ifndef MSGEXT_RETENTION_H
#define MSGEXT_RETENTION_H

#include "pg/engine/turn_tables.h"

/* Microseconds of a second: beside messages on their way, and with nothing else to do. */
#define MSG_RETENTION_BUSY_US (25 * 1000)
#define MSG_RETENTION_IDLE_US (250 * 1000)

/*
 * Called about once a second, outside a transaction; removes some, in transactions of its
 * own, for about as long as budget_us, or until the latch is set. An ERROR leaves through
 * it; the row that raised it is passed over from then on.
 */
extern void msgext_retention_run(const MsgXactOps *xact, int64 budget_us);

#endif /* MSGEXT_RETENTION_H */
