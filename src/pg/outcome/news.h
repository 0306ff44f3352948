/*
 * news.h
 *		NOTIFY for consumers that want it: there is something that you have not read.
 */
#ifndef MSGEXT_NEWS_H
#define MSGEXT_NEWS_H

/*
 * Sends what is due, with the commit of the caller's transaction, which has an active
 * snapshot. Called once a second at the most, by one process of the database.
 */
extern void msgext_news_tell(void);

/* It has committed: only then they have been told. */
extern void msgext_news_told(void);

#endif /* MSGEXT_NEWS_H */
