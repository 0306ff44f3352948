/*
 * in_flight.h
 *		Messages under way, of all servers: claimed, and not recorded yet. Reads only.
 *
 * Only a message's own row says which server it is of: so they are counted once for all
 * servers that are looked at.
 */
#ifndef MSGEXT_IN_FLIGHT_H
#define MSGEXT_IN_FLIGHT_H

#include "postgres.h"

typedef struct MsgInFlight MsgInFlight;

/* In the current context. Of very many some are left out, and no server's count is exact. */
extern MsgInFlight *msgext_in_flight_read(void);

extern int64 msgext_in_flight_of(const MsgInFlight *in_flight, Oid server);
extern bool msgext_in_flight_is_exact(const MsgInFlight *in_flight);

#endif /* MSGEXT_IN_FLIGHT_H */
