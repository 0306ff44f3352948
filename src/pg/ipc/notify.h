/*
 * notify.h
 *		What is done at commit: telling the dispatcher of this database what there is.
 *
 * Owns what news the current transaction has, and the two ways to learn that a
 * transaction has committed: a callback, and a hook for COMMIT PREPARED. Whom it is told
 * to, the registry knows.
 */
#ifndef MSGEXT_NOTIFY_H
#define MSGEXT_NOTIFY_H

#include "postgres.h"

/* What news can be of: a message in one of the lanes that share a bit, or ... */
#define MSG_NEWS_CALLBACK (UINT64CONST(1) << 62) /* ... a report that came in */
#define MSG_NEWS_SERVER (UINT64CONST(1) << 63)	 /* ... a server paused or resumed */
#define MSG_NEWS_ALL (~UINT64CONST(0))

/* Called once, while the library is being preloaded. */
extern void msgext_notify_preload(void);

/*
 * The bit of a lane, by its number (lane.h). Lanes may share one: news of it is a hint
 * where to look.
 */
extern uint64 msgext_notify_news_of_lane(int32 number);

/* Tells this database's dispatcher, and wakes it, when the transaction commits. */
extern void msgext_notify_at_commit(uint64 news);

#endif /* MSGEXT_NOTIFY_H */
