/*
 * engine.h
 *		The parts of a dispatcher, for those that need several of them.
 *
 * Each part is owned by its own file and knows no other that stands below it here.
 */
#ifndef MSGEXT_ENGINE_H
#define MSGEXT_ENGINE_H

#include "pg/engine/batch.h"
#include "pg/engine/flight.h"
#include "pg/engine/inherited.h"
#include "pg/engine/limiter.h"
#include "pg/engine/peer.h"
#include "pg/engine/poison.h"
#include "pg/engine/refusal.h"
#include "pg/engine/rematch.h"
#include "pg/engine/session.h"
#include "pg/engine/turn_tables.h"
#include "pg/engine/upstream.h"
#include "pg/store/activity.h"

typedef struct MsgEngine MsgEngine;

struct MsgEngine
{
	MsgTurn turn;
	MsgUpstreams upstreams;
	MsgFlights flights;
	MsgBatches batches;
	MsgSessions *sessions;
	MsgLimiter *limiter;
	MsgRematches rematches;
	MsgPoison poison;
	MsgInherited inherited;
	MsgPeer *peer;

	/* Makes fresh flights of what may leave: take.h, or a test's own. */
	void (*take)(MsgEngine *engine);

	/*
	 * What the jitter of a message's backoff is made of; NULL = its id. In a test, where ids
	 * are others each time, its place.
	 */
	int64 (*seed)(const MsgEngine *engine, int64 message);
	MsgActivity activity; /* not written down yet */
	bool may_send; /* this is no test database, and not held: as the last turn found it */
};

/* Makes the parts in context; peer and take are the caller's to set. */
extern void msgext_engine_init(MsgEngine *engine, MemoryContext context,
							   const MsgXactOps *xact);
/* Unpins what they have pinned. Their memory is the context's. */
extern void msgext_engine_release(MsgEngine *engine);

#endif /* MSGEXT_ENGINE_H */
