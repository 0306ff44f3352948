/*
 * http_request.h
 *		One request that the listener receives, from its line to its answer, and those that
 *		wait for an answer.
 *
 * It keeps what is wanted of a request, within bounds. It judges nothing, and never writes
 * to a connection.
 */
#ifndef MSGEXT_HTTP_REQUEST_H
#define MSGEXT_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "net/http_push.h"

struct MHD_Connection;
struct MHD_Response;
struct MsgHttpLink;

/*
 * What is not wanted is read to its end and thrown away, so that the sender finds an
 * answer rather than a reset connection; but not more than this.
 */
#define MSG_HTTP_DISCARD_MAX (4 * 1024 * 1024)

typedef struct MsgHttpRequest
{
	MsgPush push; /* first: what the owner holds */
	struct MsgHttpRequest *next;
	struct MsgHttpRequest *prev; /* of those that wait for an answer */
	struct MHD_Connection *connection;
	struct MsgHttpLink *link;
	const char *line_end; /* where libmicrohttpd has to find the version; to compare */
	char *server;
	char *line; /* where the owner routes: what follows the method in the request line */
	char *method;
	char *headers; /* of a push that is wanted */
	size_t headers_len;
	char *body;
	size_t body_len;
	size_t room;
	size_t discarded;
	int status;					 /* what it is to be answered with; 0 = not known yet */
	struct MHD_Response *answer; /* its own, or NULL */
	bool begun;					 /* its head is whole */
	bool asked;					 /* it waits to be taken, or is with the owner */
	bool page;					 /* it is for the page */
} MsgHttpRequest;

/* Those that wait for an answer, the oldest first; the owner has not seen those from fresh on. */
typedef struct MsgHttpRequests
{
	MsgHttpRequest *first;
	MsgHttpRequest *last;
	MsgHttpRequest *fresh;
} MsgHttpRequests;

/* The line is that of libmicrohttpd, from the path on, or NULL. NULL without memory. */
extern MsgHttpRequest *msgext_http_request_create(struct MHD_Connection *connection,
												  const char *line, bool keeps_line);
extern void msgext_http_request_free(MsgHttpRequest *request);

/* These set the status when memory does not suffice, or a body is longer than max. */
extern void msgext_http_request_keep_line(MsgHttpRequest *request, const char *method);
extern void msgext_http_request_keep_head(MsgHttpRequest *request);

/* Throws it away where a status is set. False: that was too much, hang up. */
extern bool msgext_http_request_keep_body(MsgHttpRequest *request, const char *data,
										  size_t len, size_t max);

/* A request whose push is whole; one that is in no list may be removed. */
extern void msgext_http_requests_append(MsgHttpRequests *requests,
										MsgHttpRequest *request);
extern void msgext_http_requests_remove(MsgHttpRequests *requests,
										MsgHttpRequest *request);

/* The next one that the owner has not seen, or NULL. */
extern MsgPush *msgext_http_requests_take(MsgHttpRequests *requests);

#endif /* MSGEXT_HTTP_REQUEST_H */
