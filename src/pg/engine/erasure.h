/*
 * erasure.h
 *		Payloads of messages that are over, removed while the messages stay: option
 *		payload_retention.
 *
 * Beside retention.h, and called by it alone. Messages are passed in the order of their
 * ids, by a cursor that is kept in memory: what has been passed is not read again, but for
 * those from the first on whose time is still to come.
 */
#ifndef MSGEXT_ERASURE_H
#define MSGEXT_ERASURE_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* Is there anything to look at, as far as is known without a transaction? */
extern bool msgext_erasure_due(TimestampTz now);

/*
 * Looks at some messages, within the caller's transaction and snapshot; false at the end of
 * a pass. An ERROR leaves through it; the row that raised it is passed over in this pass.
 */
extern bool msgext_erasure_window(void);

/* The transaction has committed; more is what the window has returned. */
extern void msgext_erasure_committed(bool more);

#endif /* MSGEXT_ERASURE_H */
