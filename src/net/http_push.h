/*
 * http_push.h
 *		What the listener hands to its owner, and what the owner answers.
 */
#ifndef MSGEXT_HTTP_PUSH_H
#define MSGEXT_HTTP_PUSH_H

#include <stddef.h>

/* A push that has come in whole and has not been answered; or who asks for the page. */
typedef struct MsgPush
{
	const char *server;	 /* NULL = the page, or the owner routes */
	const char *method;	 /* where the owner routes, as is the next */
	const char *target;	 /* path and query as they came */
	const char *headers; /* "Name: value" lines, each ended by \n */
	const char *body;
	size_t body_len;
} MsgPush;

typedef struct MsgPushAnswer
{
	int status;			/* of HTTP */
	const char *text;	/* or NULL for none */
	const char *type;	/* of the text */
	size_t len;			/* of the text; 0 = up to its NUL */
	const char *fields; /* "Name: value" lines, each ended by \n, or NULL; with a text */
} MsgPushAnswer;

#endif /* MSGEXT_HTTP_PUSH_H */
