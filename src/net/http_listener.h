/*
 * http_listener.h
 *		Takes what providers push over HTTP: POST /<server>/<token>, on libmicrohttpd; and
 *		gives GET /metrics, with a token in its head, a page of its owner's. Or leaves every
 *		request to its owner: the console's.
 *
 * Has no thread and no wait of its own: the owner waits for one descriptor and calls
 * msgext_http_listener_pump(). A push to no known endpoint is answered here and
 * costs its owner nothing; the others wait to be taken, their connections at rest, until
 * the owner has answered them. Knows neither PostgreSQL nor what a body says.
 */
#ifndef MSGEXT_HTTP_LISTENER_H
#define MSGEXT_HTTP_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/endpoint.h"
#include "net/http_push.h"

typedef struct MsgHttpListener MsgHttpListener;

typedef struct MsgListenLimits
{
	int connections;
	int connections_per_address; /* 0 = as many as connections */
	size_t head;				 /* bytes of request line and header fields */
	size_t body;				 /* bytes */
	int idle_s;					 /* seconds without a byte */
	int64_t request_us;			 /* from its first byte to its last */
} MsgListenLimits;

/* NULL, with a text in error, when the address cannot be listened on. */
extern MsgHttpListener *msgext_http_listener_create(const char *address, int port,
													const MsgListenLimits *limits,
													char *error, size_t error_room);

/*
 * From now on whatever is asked for, by whatever method, is the owner's to answer, with a
 * text: there are no endpoints and no page.
 */
extern void msgext_http_listener_take_all(MsgHttpListener *listener);

/* Answers 503 to all that wait to be taken or are with the owner, and closes everything. */
extern void msgext_http_listener_destroy(MsgHttpListener *listener);

/*
 * Replaces the endpoints; keeps copies. Returns the number of those left out because they
 * are too long or memory ran out.
 */
extern int msgext_http_listener_set_endpoints(MsgHttpListener *listener,
											  const MsgEndpoint *endpoints, int n);

/*
 * The token with which the page may be asked for; keeps a copy. NULL = nobody may. False,
 * and nobody may, when it is too long.
 */
extern bool msgext_http_listener_set_page_token(MsgHttpListener *listener,
												const char *token);
/* The page from now on; keeps a copy. False when memory runs out. */
extern bool msgext_http_listener_set_page(MsgHttpListener *listener, const char *text,
										  size_t len, const char *type);

extern int msgext_http_listener_fd(const MsgHttpListener *listener);
/*
 * Milliseconds until the listener wants to be pumped, or has something to be taken; -1 =
 * not before its descriptor is readable.
 */
extern long msgext_http_listener_timeout_ms(const MsgHttpListener *listener,
											int64_t now_us);
/* Reads and writes what can be without waiting; closes what took too long. */
extern void msgext_http_listener_pump(MsgHttpListener *listener, int64_t now_us);

/* The oldest push that has not been taken, or NULL. Valid until it has been answered. */
extern MsgPush *msgext_http_listener_take(MsgHttpListener *listener);
/*
 * Copies the answer, which leaves with the next pumps; of who asked for the page, 200 is
 * answered with that.
 */
extern void msgext_http_listener_answer(MsgHttpListener *listener, MsgPush *push,
										const MsgPushAnswer *answer, int64_t now_us);

#endif /* MSGEXT_HTTP_LISTENER_H */
