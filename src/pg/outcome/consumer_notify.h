/*
 * consumer_notify.h
 *		NOTIFY for consumers that want it: there is something that they have not read.
 */
#ifndef MSGEXT_CONSUMER_NOTIFY_H
#define MSGEXT_CONSUMER_NOTIFY_H

/*
 * Sends what is due, with the commit of the caller's transaction, which has an active
 * snapshot. Called once a second at the most, by one process of the database.
 */
extern void msgext_consumer_notify(void);

/* That transaction has committed: only then they have been notified. */
extern void msgext_consumer_notify_committed(void);

#endif /* MSGEXT_CONSUMER_NOTIFY_H */
