/*
 * table.h
 *		The extension's tables through the access methods: open, insert, update, delete,
 *		find.
 *
 * All of it bypasses privileges, triggers, rules and plans: callers check rights
 * themselves, and no statistics, setting or plan cache can turn an index range into a
 * scan of history. A table is opened and closed within one transaction; the context that
 * is current in between need not last any longer than a call.
 */
#ifndef MSGEXT_TABLE_H
#define MSGEXT_TABLE_H

#include "postgres.h"

#include "access/heapam.h"
#include "access/tableam.h"
#include "storage/block.h"

#include "pg/store/column.h"
#include "pg/store/index_entries.h"
#include "pg/store/scan.h"
#include "pg/store/values.h"

/*
 * The columns of a table, listed once:
 *
 *	#define ORIGIN_COLUMNS(C) C(origin, origin)
 *	MSG_COLUMN_NUMBERS(origin, ORIGIN_COLUMNS);		Anum_origin_origin = 1, Natts_origin
 *	MSG_LAYOUT(origin, ORIGIN_COLUMNS);				origin_layout
 */
typedef struct MsgLayout
{
	const char *table;
	int natts;
	const char *const *columns;
	uint64 checked; /* msgext_relation_generation() when they were compared; 0 = never */
} MsgLayout;

#define MSG_COLUMN_NUMBER(table, column) Anum_##table##_##column,
#define MSG_COLUMN_NAME(table, column) #column,
#define MSG_COLUMN_NUMBERS(table, COLUMNS)                                               \
	enum                                                                                 \
	{                                                                                    \
		Anum_##table##_begin,                                                            \
		COLUMNS(MSG_COLUMN_NUMBER) Anum_##table##_end,                                   \
		Natts_##table = Anum_##table##_end - 1                                           \
	}
#define MSG_LAYOUT(table, COLUMNS) MSG_LAYOUT_IN("", table, COLUMNS)
/* Of another extension than msgext: see relation.h. */
#define MSG_LAYOUT_IN(prefix, table, COLUMNS)                                            \
	static const char *const table##_columns[] = {COLUMNS(MSG_COLUMN_NAME)};             \
	StaticAssertDecl(Natts_##table <= MSG_COLUMNS_MAX,                                   \
					 "MsgValues has no room for a row");                                 \
	static MsgLayout table##_layout = {prefix #table, Natts_##table, table##_columns, 0}

/* Told of a gathered row that a unique index had already; it has not been kept. */
typedef void (*MsgDuplicate)(TupleTableSlot *row);

#define MSG_GATHER_MAX 64

typedef struct MsgTable
{
	Relation rel;
	MemoryContext context; /* it was opened in: of all that it comes to need */
	TupleTableSlot *slot;  /* of msgext_table_slot(), or NULL */
	BlockNumber nblocks;   /* it has at least so many */
	BulkInsertState bulk;  /* of msgext_table_expect_many(), or NULL */
	int spare;			   /* with bulk: new pages that should be there yet */
	TupleDesc front;	   /* with bulk: the columns that rows have had values in */

	/* rows that wait to be written together; slots are made as they are needed */
	int ngathered;
	TupleTableSlot *gathered[MSG_GATHER_MAX];
	const char *arbiter; /* see msgext_table_skip_duplicates() */
	MsgDuplicate on_duplicate;

	MsgScan *finder; /* of msgext_table_find(), or NULL */
	MsgIndexes indexes;
} MsgTable;

/*
 * Opens a table of ours. ERROR 55000 when the installed version has other columns than
 * the library.
 */
extern MsgTable *msgext_table_open(MsgLayout *layout, bool writable);
extern void msgext_table_close(MsgTable *table);

/* A slot for a row of the table, there until it is closed. */
extern TupleTableSlot *msgext_table_slot(MsgTable *table);

extern void msgext_table_insert(MsgTable *table, Datum *values, bool *nulls);

/*
 * Many rows will be inserted until it is closed: the page that takes them stays pinned, and
 * the table grows by many pages at once.
 */
extern void msgext_table_expect_many(MsgTable *table);

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
 * and on_duplicate is told. Only where nobody else inserts into the table.
 */
extern void msgext_table_skip_duplicates(MsgTable *table, const char *arbiter,
										 MsgDuplicate on_duplicate);

/*
 * Replaces the row version at tid. Without wait, a version that another transaction
 * holds answers TM_BeingModified; one already replaced answers TM_Updated or TM_Deleted.
 */
extern TM_Result msgext_table_update(MsgTable *table, ItemPointer tid, HeapTuple row,
									 bool wait);
extern TM_Result msgext_table_delete(MsgTable *table, ItemPointer tid, bool wait);

/* Deletes the rows that the scan leads to, and ends it. Returns how many it were. */
extern int64 msgext_table_delete_all(MsgTable *table, MsgScan *scan, bool wait);

/* Would an update without wait answer TM_BeingModified, for now? Writes nothing. */
extern bool msgext_table_is_held(MsgTable *table, ItemPointer tid);

/* Writes another oid over a column of the row in slot, waiting for whoever holds it. */
extern void msgext_table_set_oid(MsgTable *table, TupleTableSlot *slot, int column,
								 Oid oid);

/*
 * Writes the values over the row in slot, or as a new row where slot is NULL. False when
 * another transaction holds the row, or has replaced it.
 */
extern bool msgext_table_put(MsgTable *table, TupleTableSlot *slot, Datum *values,
							 bool *nulls, bool wait);

/*
 * The row version at tid, if there is one that the snapshot sees, else NULL. The place
 * may be out of date: what has rewritten or truncated the table since may have put
 * another row there, or ended the table before it.
 */
extern TupleTableSlot *msgext_table_fetch(MsgTable *table, ItemPointer tid,
										  Snapshot snapshot);

/* A scan of the table by an index, to be ended before the table is closed: see scan.h. */
extern MsgScan *msgext_table_scan(MsgTable *table, const char *index, Snapshot snapshot,
								  ScanKeyData *keys, int nkeys);

/* The same of the index alone: see msgext_scan_next_entry(). */
extern MsgScan *msgext_table_entries(MsgTable *table, const char *index,
									 Snapshot snapshot, ScanKeyData *keys, int nkeys);

/*
 * The first row that the keys lead to, or NULL. Meant for many look-ups by one index of
 * a table: the scan is kept for the next one. The slot is valid until then.
 */
extern TupleTableSlot *msgext_table_find(MsgTable *table, const char *index,
										 Snapshot snapshot, ScanKeyData *keys, int nkeys);

#endif /* MSGEXT_TABLE_H */
