/*
 * preview.h
 *		A flight of one message, made to be looked at; and what is shown of a request, with
 *		secrets overwritten.
 */
#ifndef MSGEXT_PREVIEW_H
#define MSGEXT_PREVIEW_H

#include "utils/jsonb.h"

#include "pg/engine/session.h"

/* Of a test's sessions: every login works, and none is sent. */
extern const MsgLogin msgext_preview_login;

/*
 * The message alone, with the account of its sender, ready to be encoded; not to be sent.
 * ERROR when there is no such server or account. msgext_flights_release() unpins it.
 */
extern MsgFlight *msgext_preview_flight(MsgFlights *flights, const MsgRow *row,
										MsgFlightKind kind);

/* A copy without the secrets of the flight, which have been listed (engine/scrub.h). */
extern char *msgext_preview_masked(const MsgFlight *flight, const char *bytes,
								   size_t len);

/* The headers of its request, likewise, as an object. */
extern Jsonb *msgext_preview_headers(const MsgFlight *flight);

/* As a text of this database; NULL where it is none, such as protobuf. */
extern char *msgext_preview_text(const char *bytes, size_t len);

#endif /* MSGEXT_PREVIEW_H */
