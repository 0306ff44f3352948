/*
 * http_options.h
 *		Options of an easy handle: what no request may do, and what one request says.
 *
 * Where a request goes, and what is done with its answer, is http_slot.c's.
 */
#ifndef MSGEXT_HTTP_OPTIONS_H
#define MSGEXT_HTTP_OPTIONS_H

#include <curl/curl.h>
#include <stdbool.h>

#include "core/provider.h"

/*
 * What no request may do, whatever libcurl's defaults are or become, and whatever is in
 * the server's environment or in the files of its account.
 */
extern void msgext_http_options_bound(CURL *easy);

/* The handle keeps pointers into the request. */
extern void msgext_http_options_set_method(CURL *easy, const MsgRequest *request);

/*
 * *headers is the list that the handle had before, or NULL, and its owner the caller. It
 * is kept where the request has the same, as most have. False: no memory.
 */
extern bool msgext_http_options_set_headers(CURL *easy, struct curl_slist **headers,
											const MsgRequest *request);

#endif /* MSGEXT_HTTP_OPTIONS_H */
