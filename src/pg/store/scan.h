/*
 * scan.h
 *		Reading a table by one of its indexes, and the keys for it.
 *
 * A scan lives in the memory context it is opened for, and is opened, read and ended in
 * it, whatever context is current meanwhile. Tables are scanned by msgext_table_scan().
 */
#ifndef MSGEXT_SCAN_H
#define MSGEXT_SCAN_H

#include "postgres.h"

#include "access/relscan.h"
#include "access/skey.h"
#include "access/stratnum.h"
#include "executor/tuptable.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

typedef struct MsgScan
{
	MemoryContext context; /* of it and of all of its state */
	Relation index;
	IndexScanDesc desc;
	TupleTableSlot *slot;
	bool fetched; /* the row of the entry just read: see msgext_scan_row() */
} MsgScan;

/*
 * keys number index columns from 1; what they point to must last as long as the scan is
 * read. The table's lock must be held.
 */
extern MsgScan *msgext_scan_open(MemoryContext context, Relation table, const char *index,
								 Snapshot snapshot, ScanKeyData *keys, int nkeys);
/*
 * The same for who reads the index alone: its entries, of rows that nobody may see any more,
 * or yet, too.
 */
extern MsgScan *msgext_scan_open_entries(MemoryContext context, Relation table,
										 const char *index, Snapshot snapshot,
										 ScanKeyData *keys, int nkeys);
/* The next entry, valid until the next call, or NULL; its columns number from 1. */
extern IndexTuple msgext_scan_next_entry(MsgScan *scan);
/*
 * The row of the entry just read, where the snapshot sees it, valid as long; or NULL. Once
 * for each entry: a second time would begin at the version that was found, which as a
 * heap-only one looks like none, and the entry would be marked as dead.
 */
extern TupleTableSlot *msgext_scan_row(MsgScan *scan);
/* The last one, of a scan that has not begun. */
extern IndexTuple msgext_scan_last_entry(MsgScan *scan);
/* Begins it anew, with other keys of the same columns. */
extern void msgext_scan_again(MsgScan *scan, ScanKeyData *keys, int nkeys);
/* The next row, in a slot that is valid until the next call, or NULL. */
extern TupleTableSlot *msgext_scan_next(MsgScan *scan);
extern void msgext_scan_end(MsgScan *scan);

/* Pages that this session has asked for so far: who reads until there are too many. */
extern int64 msgext_pages_asked(void);

/* Comparisons for the keys. */
extern void msgext_key_text(ScanKeyData *key, AttrNumber column, StrategyNumber strategy,
							const char *value);
extern void msgext_key_oid(ScanKeyData *key, AttrNumber column, StrategyNumber strategy,
						   Oid value);
extern void msgext_key_bytes(ScanKeyData *key, AttrNumber column, StrategyNumber strategy,
							 bytea *value);
extern void msgext_key_int64(ScanKeyData *key, AttrNumber column, StrategyNumber strategy,
							 int64 value);
extern void msgext_key_int32(ScanKeyData *key, AttrNumber column, StrategyNumber strategy,
							 int32 value);
extern void msgext_key_int16(ScanKeyData *key, AttrNumber column, StrategyNumber strategy,
							 int16 value);
extern void msgext_key_xid8(ScanKeyData *key, AttrNumber column, StrategyNumber strategy,
							uint64 value);
extern void msgext_key_time(ScanKeyData *key, AttrNumber column, StrategyNumber strategy,
							int64 value);

#endif /* MSGEXT_SCAN_H */
