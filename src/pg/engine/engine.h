/*
 * engine.h
 *		The parts of a dispatcher, for those that need several of them.
 *
 * Each part is owned by its own file and knows no other that stands below it here.
 */
#ifndef MSGEXT_ENGINE_H
#define MSGEXT_ENGINE_H

#include "net/http_thread.h"
#include "pg/engine/batch.h"
#include "pg/engine/flight.h"
#include "pg/engine/limiter.h"
#include "pg/engine/poison.h"
#include "pg/engine/refusal.h"
#include "pg/engine/rematch.h"
#include "pg/engine/session.h"
#include "pg/engine/turn_tables.h"
#include "pg/engine/upstream.h"
#include "pg/store/activity.h"

typedef struct MsgEngine
{
	MsgTurn turn;
	MsgUpstreams upstreams;
	MsgFlights flights;
	MsgBatches batches;
	MsgSessions *sessions;
	MsgLimiter *limiter;
	MsgRematches rematches;
	MsgPoison poison;
	MsgHttpThread *http;
	MsgActivity activity; /* not written down yet */
	bool may_send; /* this is no test database, and not held: as the last turn found it */
} MsgEngine;

#endif /* MSGEXT_ENGINE_H */
