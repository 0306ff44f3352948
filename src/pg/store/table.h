/*
 * table.h
 *		The extension's tables through the access methods: open, insert, update, delete,
 *		read by index.
 *
 * All of it bypasses privileges and plans: callers check rights themselves, and no
 * statistics, setting or plan cache can turn an index range into a scan of history.
 * A table is opened and closed within one transaction; the context that is current in
 * between need not last any longer than a call.
 */
#ifndef MSGEXT_TABLE_H
#define MSGEXT_TABLE_H

#include "postgres.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "access/skey.h"
#include "access/tableam.h"
#include "nodes/execnodes.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

typedef struct MsgScan
{
	MemoryContext context; /* the table's: the scan and all of its state lie there */
	Relation index;
	IndexScanDesc desc;
	TupleTableSlot *slot;
} MsgScan;

typedef struct MsgIndex
{
	Oid oid;
	Relation rel;		/* opened with its first entry, or NULL */
	bool plain;			/* a B-tree of columns */
	AttrNumber present; /* it has only rows in which this column is not null; 0 = all */
} MsgIndex;

/* Told of a gathered row that a unique index had already; it has not been kept. */
typedef void (*MsgTwin)(TupleTableSlot *row);

#define MSG_GATHER_MAX 64

typedef struct MsgTable
{
	Relation rel;
	MemoryContext context; /* it was opened in: of all that it comes to need */
	TupleTableSlot *slot;  /* of msgext_table_slot(), or NULL */
	BlockNumber nblocks;   /* it has at least so many */

	/* rows that wait to be written together; slots are made as they are needed */
	int ngathered;
	TupleTableSlot *gathered[MSG_GATHER_MAX];
	const char *arbiter; /* see msgext_table_expect_twins() */
	MsgTwin on_twin;

	MsgScan *finder; /* of msgext_table_find(), or NULL */

	/* looked up when the first entry is written */
	bool plain; /* all indexes are, of an ordinary table */
	int nindexes;
	MsgIndex *indexes;
	EState *estate; /* only where the executor is needed */
	ResultRelInfo *result;
} MsgTable;

/* InvalidOid when the extension is not installed here. */
extern Oid msgext_schema_oid(void);

/* A relation of the extension's schema. ERROR when it is not installed here. */
extern Oid msgext_relation_oid(const char *name);

/*
 * Opens a table of ours for rows of natts columns. ERROR 55000 when the installed
 * version has another number of them.
 */
extern MsgTable *msgext_table_open(const char *name, int natts, bool writable);
extern void msgext_table_close(MsgTable *table);

/* A slot for a row of the table, there until it is closed. */
extern TupleTableSlot *msgext_table_slot(MsgTable *table);

extern void msgext_table_insert(MsgTable *table, Datum *values, bool *nulls);

/* False, having inserted nothing, when unique index "arbiter" has such a row already. */
extern bool msgext_table_insert_unique(MsgTable *table, const char *arbiter,
									   Datum *values, bool *nulls);

/*
 * The same for many rows, which wait to be written together: that takes half the time.
 * Closing the table writes them, if nothing did before.
 */
extern void msgext_table_gather(MsgTable *table, Datum *values, bool *nulls);
extern void msgext_table_flush(MsgTable *table);

/*
 * Of gathered rows, those whose like is in unique index "arbiter" already are left out,
 * and on_twin is told. Only where nobody else inserts into the table.
 */
extern void msgext_table_expect_twins(MsgTable *table, const char *arbiter,
									  MsgTwin on_twin);

/*
 * Replaces the row version at tid. Without wait, a version that another transaction
 * holds answers TM_BeingModified; one already replaced answers TM_Updated or TM_Deleted.
 */
extern TM_Result msgext_table_update(MsgTable *table, ItemPointer tid, HeapTuple row,
									 bool wait);
extern TM_Result msgext_table_delete(MsgTable *table, ItemPointer tid, bool wait);

/*
 * The row version at tid, if there is one that the snapshot sees, else NULL. The place may
 * be out of date: what has rewritten or truncated the table since may have put another
 * row there, or ended the table before it.
 */
extern TupleTableSlot *msgext_table_fetch(MsgTable *table, ItemPointer tid,
										  Snapshot snapshot);

/*
 * The first row that the keys lead to, or NULL. Meant for many look-ups by one index of
 * a table: the scan is kept for the next one. The slot is valid until then.
 */
extern TupleTableSlot *msgext_table_find(MsgTable *table, const char *index,
										 Snapshot snapshot, ScanKeyData *keys, int nkeys);

/*
 * keys number index columns from 1; what they point to must last as long as the scan. The
 * scan itself lives in the context of its table, whatever context is current meanwhile.
 */
extern MsgScan *msgext_scan_begin(MsgTable *table, const char *index, Snapshot snapshot,
								  ScanKeyData *keys, int nkeys);
/* The next row, in a slot that is valid until the next call, or NULL. */
extern TupleTableSlot *msgext_scan_next(MsgScan *scan);
extern void msgext_scan_end(MsgScan *scan);

/* Comparisons for keys of msgext_scan_begin(). */
extern void msgext_key_text(ScanKeyData *key, AttrNumber column, StrategyNumber strategy,
							const char *value);
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

#endif /* MSGEXT_TABLE_H */
