/*
 * http_head.h
 *		Whether a request's head can be read in one way only.
 *
 * A head that a proxy and we read differently hides a second request in the first one's
 * body (RFC 9112, 11.2). libmicrohttpd is lenient; this is not. Keeps nothing.
 */
#ifndef MSGEXT_HTTP_HEAD_H
#define MSGEXT_HTTP_HEAD_H

#include <stdbool.h>

struct MHD_Connection;

/*
 * path and version are what libmicrohttpd has found; line_end is one byte behind the end
 * of what it called the path at first, in the same memory.
 */
extern bool msgext_http_head_fits(struct MHD_Connection *connection, const char *line_end,
								  const char *path, const char *version);

#endif /* MSGEXT_HTTP_HEAD_H */
