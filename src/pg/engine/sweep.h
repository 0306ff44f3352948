/*
 * sweep.h
 *		Finds queued messages that nothing leads to: behind their lane, without a
 *		reminder; and those of another database, whose servers it pauses.
 *
 * There are none unless the engine has a fault, or somebody has written to its tables. A
 * message like that would wait for ever and be counted nowhere; it is reminded of,
 * counted in server_status, and told in the log.
 */
#ifndef MSGEXT_SWEEP_H
#define MSGEXT_SWEEP_H

#include "pg/engine/engine.h"

typedef struct MsgSweep
{
	int64 position;		  /* messages up to this one have been looked at in this pass */
	TimestampTz next_run; /* of the next rows, or of the next pass */
} MsgSweep;

/*
 * Looks at some messages, about once a second; inside a turn, behind the writing of
 * results and claims.
 */
extern void msgext_sweep_run(MsgSweep *sweep, MsgEngine *engine);

#endif /* MSGEXT_SWEEP_H */
