/*
 * snapshot.h
 *		Snapshots in transaction ids of 64 bits: taken, kept in a column, read again.
 *
 * What can be told from one is in core/lane_cursor.h.
 */
#ifndef MSGEXT_SNAPSHOT_H
#define MSGEXT_SNAPSHOT_H

#include "core/lane_cursor.h"
#include "utils/snapshot.h"

/*
 * The running transactions are listed in memory of the context. PostgreSQL leaves out the
 * transaction that takes the snapshot: with "own" it is one of them, for those who read
 * what they may themselves have written, and may yet write.
 */
extern void msgext_snapshot_take(MemoryContext context, Snapshot from, bool own,
								 MsgSnapshot *taken);
extern void msgext_snapshot_free(MsgSnapshot *snapshot);

/* To and from a pg_snapshot. */
extern Datum msgext_snapshot_write(const MsgSnapshot *snapshot);
extern void msgext_snapshot_read(MemoryContext context, Datum value,
								 MsgSnapshot *snapshot);

#endif /* MSGEXT_SNAPSHOT_H */
