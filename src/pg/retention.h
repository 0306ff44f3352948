/*
 * retention.h
 *		Removing what is over: finished messages with their timeline, old reports, old
 *		uses of recipients.
 */
#ifndef MSGEXT_RETENTION_H
#define MSGEXT_RETENTION_H

#include "pg/dispatcher.h"

/*
 * Called about once a second, outside a transaction; removes a little, in transactions
 * of its own, for a small part of that second. Messages that are not finished stay,
 * and so do unknown ones.
 */
extern void msgext_retention_run(const MsgHost *host);

#endif /* MSGEXT_RETENTION_H */
