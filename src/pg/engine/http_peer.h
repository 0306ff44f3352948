/*
 * http_peer.h
 *		The provider over HTTP: the thread of this process that runs libcurl, as the peer
 *		of its dispatcher.
 */
#ifndef MSGEXT_HTTP_PEER_H
#define MSGEXT_HTTP_PEER_H

#include "net/http_thread.h"
#include "pg/engine/peer.h"

typedef struct MsgHttpPeer
{
	MsgPeer peer;
	MsgHttpThread *thread;
} MsgHttpPeer;

/* Starts the thread. ERROR 53200 when there is none to be had. One a process. */
extern void msgext_http_peer_start(MsgHttpPeer *http);
/* Cuts what is under way, and ends the thread. */
extern void msgext_http_peer_stop(MsgHttpPeer *http);

/* Takes over how long an answer may be, as it is set now. */
extern void msgext_http_peer_limit(MsgHttpPeer *http);

#endif /* MSGEXT_HTTP_PEER_H */
