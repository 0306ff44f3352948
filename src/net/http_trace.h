/*
 * http_trace.h
 *		What libcurl says of an HTTP/2 request in words only: the stream it is on, and
 *		that the peer turned that stream away unread.
 *
 * RFC 9113, 8.7: a request above the last stream that a GOAWAY names, or answered with
 * REFUSED_STREAM, has not been processed and may be repeated. libcurl has no code for
 * it. Words that are not known are passed over: the request then counts as one that
 * may have arrived. Keeps no text: headers pass through here.
 */
#ifndef MSGEXT_HTTP_TRACE_H
#define MSGEXT_HTTP_TRACE_H

#include "net/http_slot.h"

/* Listens to libcurl on this slot, whenever the slot lets it speak (CURLOPT_VERBOSE). */
extern void msgext_http_trace(MsgHttpSlot *slot);

#endif /* MSGEXT_HTTP_TRACE_H */
