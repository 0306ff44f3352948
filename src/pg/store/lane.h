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
 *
 * The states of a lane, what may be trusted in each, and who moves it on:
 *
 *	RESTING			!scanning, no range. All messages of transactions visible in "done"
 *					have been passed. The position is (0, 0).
 *					start_scan(): to BETWEEN RANGES, when there is a newer snapshot.
 *	BETWEEN RANGES	scanning, no range. Of the transactions visible in "scan" and not in
 *					"done", everything up to the position has been passed: all of lower
 *					transactions, and of xid itself up to id (INT64_MAX: all of it).
 *					next_range(): to IN A RANGE. When there is no further one,
 *					finish_scan(): to RESTING, with "scan" as "done".
 *	IN A RANGE		scanning, a range is open. The same holds; the row returned last has
 *					not been passed before msgext_lane_pass(). Within one transaction and
 *					one snapshot only. pass_range() at its end, msgext_lane_rest() before
 *					it: to BETWEEN RANGES.
 *
 * Only the first two are written down, and last over a transaction's end. After an abort
 * memory may be ahead of the table: msgext_lane_reload() goes back to what it says.
 */
#ifndef MSGEXT_LANE_H
#define MSGEXT_LANE_H

#include "core/lane_cursor.h"
#include "pg/store/outbox.h"

typedef struct MsgLane
{
	Oid server;
	int16 priority;
	int32 number;
	MsgLaneCursor cursor; /* its snapshots' xip lies in context */
	bool moved;			  /* since msgext_lane_save() */
	int64 passed;		  /* new messages, since they were counted */

	/* Why it stands still before its end, and until when; for people. */
	char waiting[64];
	TimestampTz until;

	MemoryContext context;
	MsgScan *scan; /* of range; open within a transaction only */
	MsgLaneRange range;
} MsgLane;

/*
 * The number of a lane, by which index outbox_lane orders rows: fixed for ever, for it is
 * in rows. Two lanes may share one; each then passes over the other's rows.
 */
extern int32 msgext_lane_hash(Oid server, int16 priority);

/* Makes the lane in context, as far as msgext.lane says it had been read. */
extern MsgLane *msgext_lane_create(MemoryContext context, Oid server, int16 priority);
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

/*
 * Has the lane passed this row? Then nothing leads to it any more but a reminder. Exact
 * in the dispatcher's own lane; one that was read from the table may say no too often.
 */
extern bool msgext_lane_has_passed(const MsgLane *lane, const MsgRow *row);

/* Writes down how far the lane has been read. */
extern void msgext_lane_save(MsgLane *lane);

/*
 * Forgets how far the lanes of a server have been read: what was written down tells of
 * another cluster's transactions. A dispatcher reads it again when the server's pause
 * ends.
 */
extern void msgext_lane_forget(Oid server);

/*
 * For server_status, with a lane of its own: counts messages that have not been passed,
 * among the first so many rows, and finds the oldest.
 */
extern int64 msgext_lane_count(MsgLane *lane, MsgTable *outbox, int max_rows,
							   TimestampTz *oldest);

/*
 * The same of the index alone, up to max and as far as *max_pages go, which become what is
 * left of them: what was cancelled while it waited, or rolled
 * back, may be among them. The lane is of no use for anything else then.
 */
extern int msgext_lane_count_entries(MsgLane *lane, MsgTable *outbox, int max,
									 int *max_pages);

#endif /* MSGEXT_LANE_H */
