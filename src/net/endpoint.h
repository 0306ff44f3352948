/*
 * endpoint.h
 *		Which path of a request leads to which server: /<server>/<token>.
 *
 * Holds copies of the tokens, malloc'ed and wiped when they are given up.
 */
#ifndef MSGEXT_ENDPOINT_H
#define MSGEXT_ENDPOINT_H

#include "net/token.h"

/* Longest server name and token, together, in bytes. */
#define MSG_ENDPOINT_MAX MSG_TOKEN_ROOM

/* A token, and the server whose callbacks it admits. */
typedef struct MsgEndpoint
{
	const char *server;
	const char *token;
} MsgEndpoint;

typedef struct MsgEndpoints MsgEndpoints;

/*
 * Copies the endpoints; NULL when there is no memory. *lost becomes the number of those
 * left out because they are too long or memory ran out.
 */
extern MsgEndpoints *msgext_endpoints_create(const MsgEndpoint *endpoints, int n,
											 int *lost);
extern void msgext_endpoints_free(MsgEndpoints *endpoints);

/*
 * The server that a percent-encoded path leads to, or NULL. endpoints may be NULL: none.
 */
extern const char *msgext_endpoints_find(const MsgEndpoints *endpoints, const char *path);

#endif /* MSGEXT_ENDPOINT_H */
