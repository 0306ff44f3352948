/*
 * http_client.h
 *		Many HTTP requests at once over kept connections: submit, pump, take what is
 *		done. Owns the curl multi handle, its easy handles and its epoll descriptor.
 *
 * Knows neither PostgreSQL nor any provider, is used by one thread at a time, which has
 * every signal blocked (libcurl starts another one to resolve names), and repeats no
 * request that a peer may have read: that is the caller's decision, for it may double a
 * message.
 */
#ifndef MSGEXT_HTTP_CLIENT_H
#define MSGEXT_HTTP_CLIENT_H

#include "net/http_exchange.h"

typedef struct MsgHttp MsgHttp;

/* Returns NULL when there is no memory or no descriptor. libcurl has been started. */
extern MsgHttp *msgext_http_create(void);
/* How many bytes an answer's body may have; none before this is called. */
extern void msgext_http_limit(MsgHttp *http, size_t max_body);
/* Cuts a request that is under way; its cookie, or NULL when there is none. */
extern void *msgext_http_cut(MsgHttp *http);
/* Cuts every request that is under way. */
extern void msgext_http_destroy(MsgHttp *http);

/* Ends msgext_http_wait() when this descriptor is readable; it stays so. */
extern bool msgext_http_watch(MsgHttp *http, int fd);

/*
 * Starts a request. Its url, headers and body must outlive it; the cookie comes back
 * with the result. False when libcurl could not take it; nothing was sent then.
 */
extern bool msgext_http_submit(MsgHttp *http, const MsgHttpTarget *target,
							   const MsgRequest *request, void *cookie);

/* Moves what bytes can be moved now. False when there were none. */
extern bool msgext_http_pump(MsgHttp *http);
/* When it wants to be pumped at the latest, in milliseconds from now; -1 = never. */
extern int msgext_http_timeout_ms(const MsgHttp *http);
/*
 * Waits so long at most for bytes that can be moved, or for the descriptor watched. The
 * only function that may be called while another thread calls one of the others.
 */
extern void msgext_http_wait(const MsgHttp *http, int wait_ms);

/* False when none is done. */
extern bool msgext_http_take(MsgHttp *http, MsgHttpResult *result);
extern void msgext_http_release(MsgHttp *http, MsgHttpResult *result);

extern int msgext_http_in_flight(const MsgHttp *http);

#endif /* MSGEXT_HTTP_CLIENT_H */
