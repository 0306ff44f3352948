/*
 * server_state.h
 *		How a server is, as the tables tell it: what is queued, under way and unknown,
 *		whether it is paused, or lacks its provider, how it has been. Reads only.
 */
#ifndef MSGEXT_SERVER_STATE_H
#define MSGEXT_SERVER_STATE_H

#include "pg/catalog/server.h"
#include "pg/monitor/in_flight.h"
#include "pg/store/health.h"
#include "pg/store/server_pause.h"

typedef struct MsgQueueCounts
{
	int64 queued;
	int64 fresh; /* of them, those no dispatcher has set aside */
	int64 in_flight;
	int64 unknown;
	TimestampTz oldest; /* of those queued; 0 = none */
	bool exact;			/* else there may be more of each */
} MsgQueueCounts;

typedef struct MsgServerState
{
	bool counted; /* counts are filled in */
	MsgQueueCounts counts;
	MsgPause pause;
	MsgHealth health;
	List *paused_accounts; /* names of roles, or PUBLIC */
} MsgServerState;

/*
 * In the current context. It takes few pages whatever the queue is, but for a server whose
 * messages came from another database: to count those the whole outbox is read, or, unless
 * whole is wanted, they are not counted.
 */
extern void msgext_server_state_read(const MsgServerEntry *server,
									 const MsgInFlight *in_flight, bool whole,
									 MsgServerState *state);

/*
 * Why nobody sends what is queued for servers of this provider, which is NULL where this
 * process has not loaded it: its library is lacking here, or in the worker. Else NULL.
 */
extern char *msgext_server_state_lacks(const MsgProvider *provider, const char *name);

/*
 * Nothing is queued for now, under way, or due, on any server that is not paused and has
 * its provider.
 */
extern bool msgext_server_state_nothing_due(void);

#endif /* MSGEXT_SERVER_STATE_H */
