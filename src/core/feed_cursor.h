/*
 * feed_cursor.h
 *		How far a consumer has read the events, so that each comes once, in the order of
 *		their ids, whatever order their transactions commit in.
 *
 * Arithmetic on transaction ids of 64 bits; reads nothing. outcome/reader.c reads the rows.
 *
 * A batch is what became visible between two snapshots: rows of transactions that "scan"
 * sees and "done" does not. They are read in the order of ids, which are given while the
 * message's row is held: of two events of one message the later has the higher id. What a
 * long transaction wrote has low ids; marks say below which id nothing of it can be, so
 * that no history is walked to find it.
 */
#ifndef MSGEXT_FEED_CURSOR_H
#define MSGEXT_FEED_CURSOR_H

#include "core/lane_cursor.h"

/* Events of transactions from xid on have ids above id. */
typedef struct MsgFeedMark
{
	uint64_t xid;
	int64_t id;
} MsgFeedMark;

#define MSG_FEED_MARKS 16

/* The caller owns the xip of both snapshots. */
typedef struct MsgFeedCursor
{
	MsgSnapshot done; /* all of its events have been passed */
	bool scanning;
	MsgSnapshot scan;
	int64_t id; /* in scan everything up to this has been passed */
	int nmarks;
	MsgFeedMark marks[MSG_FEED_MARKS]; /* ascending; the first holds for every event */
} MsgFeedCursor;

/* Everything with an id above "after" is to come. */
extern void msgext_feed_cursor_init(MsgFeedCursor *cursor, int64_t after);

/*
 * Begins to read what is new in this snapshot, which the cursor takes over. The mark was
 * taken before: first its id, the highest given so far, then its xid, the next to be
 * given. False when nothing can be new: the snapshot equals done, and stays the caller's.
 */
extern bool msgext_feed_cursor_start(MsgFeedCursor *cursor, const MsgSnapshot *now,
									 const MsgFeedMark *mark);

/* Rows to read have ids above this. */
extern int64_t msgext_feed_cursor_from(const MsgFeedCursor *cursor);

/* Is a row of this transaction, found there, one of the batch? */
extern bool msgext_feed_cursor_wants(const MsgFeedCursor *cursor, uint64_t xid);

/* Scan has been read to its end, and is done now. Returns the old done, to be freed. */
extern MsgSnapshot msgext_feed_cursor_finish(MsgFeedCursor *cursor);

#endif /* MSGEXT_FEED_CURSOR_H */
