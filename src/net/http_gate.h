/*
 * http_gate.h
 *		Requests that wait for a connection that another one is making.
 *
 * By HTTP/2 many requests share a connection. While libcurl does not know yet what a peer
 * speaks, it makes one for each; and 7.88 begins to write into one of HTTP/2 that is still
 * being made. Its own way to wait (CURLOPT_PIPEWAIT) has one queue, in which those to a peer
 * that does not answer stand before everybody else's. So here one request to a peer goes
 * ahead, and the others follow when it has its connection. Where a peer speaks HTTP/1.1, or
 * cannot be reached, nobody waits. Knows neither libcurl nor what a request is.
 */
#ifndef MSGEXT_HTTP_GATE_H
#define MSGEXT_HTTP_GATE_H

#include <stdbool.h>

typedef struct MsgHttpGates MsgHttpGates;
typedef struct MsgHttpGate MsgHttpGate;

/* A request's place before its peer's gate; zeroed, it has none. */
typedef struct MsgHttpTurn
{
	struct MsgHttpTurn *next; /* of those that wait */
	MsgHttpGate *gate;
	bool waits;
	bool settled; /* on a connection that takes more requests */
} MsgHttpTurn;

/* Returns NULL when there is no memory. */
extern MsgHttpGates *msgext_http_gates_create(void);
/* After every turn has left. */
extern void msgext_http_gates_free(MsgHttpGates *gates);

/* False: it waits, and comes out of msgext_http_gates_next(). */
extern bool msgext_http_gate_enter(MsgHttpGates *gates, MsgHttpTurn *turn,
								   const char *url);
/* It is making a connection of its own. */
extern void msgext_http_gate_connect(MsgHttpTurn *turn);
/* It has its connection, which others may share or not. */
extern void msgext_http_gate_settle(MsgHttpTurn *turn, bool shared);
/* Its connection takes no more requests. */
extern void msgext_http_gate_unsettle(MsgHttpTurn *turn);
/* It was about to use a connection that another one is still making. False: none is. */
extern bool msgext_http_gate_wait(MsgHttpTurn *turn);
/* It is over. */
extern void msgext_http_gate_leave(MsgHttpTurn *turn);

/* One that waits no longer, or NULL. */
extern MsgHttpTurn *msgext_http_gates_next(MsgHttpGates *gates);
/* Is there one? */
extern bool msgext_http_gates_ready(const MsgHttpGates *gates);

#endif /* MSGEXT_HTTP_GATE_H */
