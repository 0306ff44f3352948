/*
 * http_link.h
 *		The listener's connections in the order in which their time ends, and which of
 *		them are to be cut.
 *
 * Cuts a connection by shutting its socket down: libmicrohttpd sees the end of what it
 * reads, and closes it. Reads no byte.
 */
#ifndef MSGEXT_HTTP_LINK_H
#define MSGEXT_HTTP_LINK_H

#include <stdbool.h>
#include <stdint.h>

struct MHD_Connection;

typedef struct MsgHttpLink
{
	struct MsgHttpLink *next; /* while it has a deadline */
	struct MsgHttpLink *prev;
	struct MHD_Connection *connection;
	bool timed;
	bool wanted; /* a request of it is being read that has a right to be */
	int64_t deadline_us;
} MsgHttpLink;

/* The earliest deadline first. */
typedef struct MsgHttpLinks
{
	MsgHttpLink *first;
	MsgHttpLink *last;
	int64_t request_us; /* the time of each request */
	int64_t swept_us;
} MsgHttpLinks;

/*
 * From now on the next request has its time. All have the same, so the last to be set is
 * the last to end.
 */
extern void msgext_http_link_start(MsgHttpLinks *links, MsgHttpLink *link,
								   int64_t now_us);
extern void msgext_http_link_stop(MsgHttpLinks *links, MsgHttpLink *link);

/* Milliseconds until something may have to be cut; -1 = never. */
extern long msgext_http_links_timeout_ms(const MsgHttpLinks *links, int64_t now_us);
/* Cuts those whose time is over, and those that their senders have left. */
extern void msgext_http_links_cut(MsgHttpLinks *links, int64_t now_us);
/*
 * Cuts the one that has waited for the longest time without a request, if that is long
 * enough; false when there is none.
 */
extern bool msgext_http_links_evict(MsgHttpLinks *links, int64_t now_us);

#endif /* MSGEXT_HTTP_LINK_H */
