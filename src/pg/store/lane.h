/*
 * lane.h
 *		Finding new messages of one server and priority without ever reading what is
 *		done.
 *
 * Every row of the outbox keeps the transaction that wrote it, and index outbox_lane
 * orders a lane by it. The lane remembers a snapshot "done": all messages of
 * transactions visible in it have been passed. What is new is then the transactions
 * that were still running in it and have ended since, and those that began later: a few
 * index ranges, whose cost depends neither on the backlog nor on history, and which
 * jump over no gap, however long a transaction runs.
 */
#ifndef MSGEXT_LANE_H
#define MSGEXT_LANE_H

#include "pg/store/outbox.h"

/* A snapshot in 64-bit transaction ids. */
typedef struct MsgSnapshot
{
	uint64 xmin;
	uint64 xmax;
	int nxip;
	uint64 *xip; /* sorted; malloc'ed in the lane's memory context */
} MsgSnapshot;

typedef struct MsgLane
{
	char *server;
	int16 priority;
	int32 number;
	bool has_done;
	MsgSnapshot done;
	bool scanning; /* scan is being read, from after (xid, id) */
	MsgSnapshot scan;
	uint64 xid;
	int64 id;
	bool moved; /* since msgext_lane_save() */

	/* Why it stands still before its end, and until when; for people. */
	char waiting[64];
	TimestampTz until;

	MemoryContext context;
	MsgScan *range; /* open within a transaction only */
	bool range_is_point;
} MsgLane;

/*
 * The number of a lane, by which index outbox_lane orders rows: fixed for ever, for it is
 * in rows. Two lanes may share one; each then passes over the other's rows.
 */
extern int32 msgext_lane_hash(const char *server, int16 priority);

/* Makes the lane in context, as far as msgext.lane says it had been read. */
extern MsgLane *msgext_lane_create(MemoryContext context, const char *server,
								   int16 priority);
/* Forgets what was passed since the last msgext_lane_save(), after an abort. */
extern void msgext_lane_reload(MsgLane *lane);

/*
 * Reads the next message; false when there is none now. A message that is not passed
 * comes again after msgext_lane_rest(), which must be called before the transaction
 * ends.
 */
extern bool msgext_lane_next(MsgLane *lane, MsgTable *outbox, MsgRow *row);
extern void msgext_lane_pass(MsgLane *lane, const MsgRow *row);
extern void msgext_lane_rest(MsgLane *lane);

/* Writes down how far the lane has been read. */
extern void msgext_lane_save(MsgLane *lane);

/* Counts messages that have not been passed, and finds the oldest; for server_status. */
extern int64 msgext_lane_count(MsgLane *lane, MsgTable *outbox, TimestampTz *oldest);

#endif /* MSGEXT_LANE_H */
