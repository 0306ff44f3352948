/*
 * http_reply.h
 *		The answers of the listener: those of a status, made once, and texts.
 */
#ifndef MSGEXT_HTTP_REPLY_H
#define MSGEXT_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

struct MHD_Connection;
struct MHD_Response;

typedef struct MsgHttpReplies
{
	struct MHD_Response *empty;
	struct MHD_Response *healthy;
	struct MHD_Response *not_allowed;
	struct MHD_Response *closing;
	struct MHD_Response *unauthorized;
	struct MHD_Response *page; /* NULL = none was given */
} MsgHttpReplies;

/*
 * A copy of a text of this type, with further header fields or NULL: "Name: value" lines,
 * each ended by \n. NULL when memory runs out.
 */
extern struct MHD_Response *msgext_http_reply_make(const char *text, size_t len,
												   const char *type, const char *fields);

/* False when memory runs out; to be freed all the same. */
extern bool msgext_http_replies_make(MsgHttpReplies *replies);
extern void msgext_http_replies_free(MsgHttpReplies *replies);

/*
 * Keeps a copy of a text that is not made for each request. What is being sent of the one
 * before goes on. False, with the one before kept, when memory runs out.
 */
extern bool msgext_http_replies_set_page(MsgHttpReplies *replies, const char *text,
										 size_t len, const char *type);

#endif /* MSGEXT_HTTP_REPLY_H */
