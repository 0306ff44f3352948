/*
 * peer.h
 *		The other side of the dispatcher, which takes its requests and gives their answers:
 *		the HTTP thread (http_peer.h), or a test's own.
 */
#ifndef MSGEXT_PEER_H
#define MSGEXT_PEER_H

#include "net/http_exchange.h"
#include "pg/engine/flight.h"

typedef struct MsgPeer MsgPeer;

struct MsgPeer
{
	/*
	 * Takes the request of the flight, which outlives it. False, with nothing sent, when
	 * there is no memory. Raises no error.
	 */
	bool (*submit)(MsgPeer *peer, MsgFlight *flight);

	/* The next result that there is, whose cookie is its flight; false when none is. */
	bool (*take)(MsgPeer *peer, MsgHttpResult *result);
	void (*release)(MsgPeer *peer, MsgHttpResult *result);
};

#endif /* MSGEXT_PEER_H */
