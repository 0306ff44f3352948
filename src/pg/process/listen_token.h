/*
 * listen_token.h
 *		Whom the listener lets in: the tokens of callbacks and the one of metrics, as the
 *		catalogs and files have them.
 */
#ifndef MSGEXT_LISTEN_TOKEN_H
#define MSGEXT_LISTEN_TOKEN_H

#include "net/http_listener.h"

/*
 * Reads them again if anything of them may have changed; what could not be read is tried
 * again after some seconds. Outside a transaction.
 */
extern void msgext_listen_tokens_keep(MsgHttpListener *http);

#endif /* MSGEXT_LISTEN_TOKEN_H */
