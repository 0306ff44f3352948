/*
 * lane_cursor.h
 *		How far a lane has been read, in transactions: which ranges of them to read next
 *		so that each message is found once, in whatever order they commit.
 *
 * Arithmetic on transaction ids of 64 bits; reads nothing. store/lane.c reads the ranges.
 *
 * "done" is a snapshot: all messages of transactions visible in it have been passed.
 * "scan" is the snapshot being read now. What is new in it are the transactions that were
 * running in done and have ended since, and those that began later. The position (xid,
 * id) says how far that has been read: all of lower transactions, and of xid itself up to
 * id (INT64_MAX: all of it).
 */
#ifndef MSGEXT_LANE_CURSOR_H
#define MSGEXT_LANE_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

/* A snapshot in 64-bit transaction ids. The caller owns xip. */
typedef struct MsgSnapshot
{
	uint64_t xmin;
	uint64_t xmax; /* this one and all later ones had not begun */
	int nxip;
	uint64_t *xip; /* those that were running, sorted */
} MsgSnapshot;

/* Had the transaction ended, as the snapshot sees it? */
extern bool msgext_snapshot_sees(const MsgSnapshot *snapshot, uint64_t xid);
extern bool msgext_snapshot_equals(const MsgSnapshot *a, const MsgSnapshot *b);

typedef struct MsgLaneCursor
{
	bool has_done;
	MsgSnapshot done;
	bool scanning;
	MsgSnapshot scan;
	uint64_t xid;
	int64_t id;
} MsgLaneCursor;

/* Rows to read: of one transaction behind an id, or of all of several transactions. */
typedef struct MsgLaneRange
{
	bool one;
	uint64_t from;	 /* the one, or the first of several */
	uint64_t before; /* several end before this one */
	int64_t after;	 /* of the one, ids behind this */
} MsgLaneRange;

/*
 * Begins to read what is new in this snapshot, which the cursor takes over. False when
 * nothing can be: it equals done, and remains the caller's.
 */
extern bool msgext_lane_cursor_start(MsgLaneCursor *cursor, const MsgSnapshot *now);

/* The next range above the position; false when scan has been read. */
extern bool msgext_lane_cursor_range(MsgLaneCursor *cursor, MsgLaneRange *range);

/*
 * Is a row of this transaction, found in a range, to be taken in this round? What scan
 * does not see belongs to a later one.
 */
extern bool msgext_lane_cursor_wants(const MsgLaneCursor *cursor, uint64_t xid);

/* The row is done with; rows of a range come in the order of (xid, id). */
extern void msgext_lane_cursor_pass(MsgLaneCursor *cursor, uint64_t xid, int64_t id);
/* The range has been read to its end. */
extern void msgext_lane_cursor_pass_range(MsgLaneCursor *cursor,
										  const MsgLaneRange *range);

/* Scan has been read, and is done now. Returns the old done, for the caller to free. */
extern MsgSnapshot msgext_lane_cursor_finish(MsgLaneCursor *cursor);

/* Has the row been passed? */
extern bool msgext_lane_cursor_has_passed(const MsgLaneCursor *cursor, uint64_t xid,
										  int64_t id);

#endif /* MSGEXT_LANE_CURSOR_H */
