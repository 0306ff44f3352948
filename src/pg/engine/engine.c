/*
 * engine.c
 *		The parts of a dispatcher: see engine.h.
 */
#include "postgres.h"

#include "pg/engine/engine.h"

void
msgext_engine_init(MsgEngine *engine, MemoryContext context, const MsgXactOps *xact)
{
	msgext_turn_init(&engine->turn, context, xact);
	msgext_upstreams_init(&engine->upstreams, context);
	msgext_flights_init(&engine->flights, context);
	msgext_batches_init(&engine->batches, context);
	msgext_rematches_init(&engine->rematches, context);
	engine->limiter = msgext_limiter_create(context);
	engine->sessions = msgext_sessions_create(context);
	engine->activity.starts = 1;
	engine->activity.started_at = GetCurrentTimestamp();
	engine->activity.any = true;
	engine->may_send = true;
}

void
msgext_engine_release(MsgEngine *engine)
{
	msgext_flights_release(&engine->flights);
	msgext_upstreams_release(&engine->upstreams);
}
