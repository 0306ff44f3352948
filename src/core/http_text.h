/*
 * http_text.h
 *		Pieces of HTTP as people write them into options and messages: header fields,
 *		lists of statuses, paths; and received header fields as JSON.
 *
 * Knows no connection and no provider.
 */
#ifndef MSGEXT_HTTP_TEXT_H
#define MSGEXT_HTTP_TEXT_H

#include "core/error.h"
#include "core/json.h"

/* A JSON object of header fields has so many at most. */
#define MSG_HEADERS_MAX 16

/* May a header field have this value? */
extern bool msgext_header_is_value(const char *text, size_t len);

/*
 * Checks an object of names and values that are to be sent as header fields: tokens, and
 * texts of one line. Those that belong to the client, or to a signature, are refused; and
 * where it is not a secret, those that hold credentials. *error has the name as its path.
 */
extern bool msgext_headers_check(const MsgJson *headers, bool secret, MsgError *error);

/*
 * Header lines of an answer or a push as an object: names in lower case, fields of one
 * name joined. Those whose name says that they hold a secret are left out, and those that
 * would make more than max bytes.
 */
extern MsgJson *msgext_headers_json(MsgArena *arena, const char *lines, size_t max);

/* "2xx,304": is it such a list, and is the status in it? */
extern bool msgext_statuses_check(const char *list);
extern bool msgext_statuses_match(const char *list, int status);

/*
 * A path that begins with a slash and may have a query, percent-encoded already: what it
 * leads to is what it says, without a step up.
 */
extern bool msgext_path_check(const char *path);

#endif /* MSGEXT_HTTP_TEXT_H */
