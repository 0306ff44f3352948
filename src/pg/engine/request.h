/*
 * request.h
 *		A flight's bytes: encoded by its provider's codec, carried by the peer, and
 *		its answer decoded.
 *
 * Runs between turns, with no transaction open. Decides nothing about what follows an
 * answer (record.h).
 */
#ifndef MSGEXT_REQUEST_H
#define MSGEXT_REQUEST_H

#include "pg/engine/peer.h"

/*
 * Sends the fresh flights, whose claims are committed. One that cannot be encoded, or
 * that raises an error, lands at once: nothing claimed is left behind.
 */
extern void msgext_request_launch(MsgFlights *flights, MsgPeer *peer);

/* Writes its request, and sends nothing. */
extern bool msgext_request_encode(MsgFlight *flight, MsgError *error);

/* Takes what the peer has answered; its flights land. True if there may be more. */
extern bool msgext_request_collect(MsgFlights *flights, MsgPeer *peer);

#endif /* MSGEXT_REQUEST_H */
