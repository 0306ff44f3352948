/*
 * request.h
 *		A flight's bytes: encoded by its provider's codec, carried by the HTTP thread, and
 *		its answer decoded.
 *
 * Runs between turns, with no transaction open. Decides nothing about what follows an
 * answer (record.h).
 */
#ifndef MSGEXT_REQUEST_H
#define MSGEXT_REQUEST_H

#include "net/http_thread.h"
#include "pg/engine/flight.h"

/*
 * Sends the fresh flights, whose claims are committed. One that cannot be encoded, or
 * that raises an error, lands at once: nothing claimed is left behind.
 */
extern void msgext_request_launch(MsgFlights *flights, MsgHttpThread *http);

/* Writes its request, and sends nothing. */
extern bool msgext_request_encode(MsgFlight *flight, MsgError *error);

/* Takes what the HTTP thread has done; its flights land. */
extern void msgext_request_collect(MsgFlights *flights, MsgHttpThread *http);

#endif /* MSGEXT_REQUEST_H */
