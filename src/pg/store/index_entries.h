/*
 * index_entries.h
 *		How entries are written into the indexes of a table.
 *
 * Without the executor, whose state costs more than the entries do where a table is
 * opened for one row. That serves B-trees and GINs of plain columns, which ours are; with
 * any other index on a table of ours, an administrator's, the executor does it. Functions in
 * such an index run as the table's owner, who alone can have made it, and never as us.
 */
#ifndef MSGEXT_INDEX_ENTRIES_H
#define MSGEXT_INDEX_ENTRIES_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "nodes/execnodes.h"
#include "storage/itemptr.h"
#include "utils/rel.h"

#include "pg/base/compat.h"

typedef struct MsgIndex
{
	Oid oid;
	Relation rel;		/* opened with its first entry, or NULL */
	bool plain;			/* a B-tree or GIN of columns */
	IndexInfo *info;	/* of a GIN, made with its first entry, else NULL */
	int spare;			/* new pages of a B-tree that should be there yet */
	AttrNumber present; /* it has only rows in which this column is not null; 0 = all */
} MsgIndex;

/* The indexes of one table that is open for writing. */
typedef struct MsgIndexes
{
	MemoryContext context; /* of all that it comes to need */
	Relation table;

	/* looked up by msgext_indexes_open() */
	bool plain; /* all are, of an ordinary table */
	int n;
	MsgIndex *list;
	uint32 nadded; /* rows that have got their entries */

	/* only where the executor is needed */
	EState *estate;
	ResultRelInfo *result;
} MsgIndexes;

/* Looks the indexes up, once; of those given, context and table are set. */
extern void msgext_indexes_open(MsgIndexes *indexes);
extern void msgext_indexes_close(MsgIndexes *indexes);

/*
 * Where all are plain: writes the entries of the row at tid. False when a unique index
 * has such a row already and quiet asks for no error. unchanged: of an updated row, whose
 * columns in the index may be what they were.
 */
extern bool msgext_indexes_add(MsgIndexes *indexes, ItemPointer tid, const Datum *values,
							   const bool *nulls, bool quiet, bool unchanged);

/* By the executor: writes the entries of a row that has been inserted or updated. */
extern void msgext_indexes_execute(MsgIndexes *indexes, TupleTableSlot *row, bool update,
								   MsgUpdateIndexes which);

/*
 * By the executor: inserts the row and its entries, or nothing, and false, when unique
 * index "arbiter" has such a row already, or one comes in between.
 */
extern bool msgext_indexes_insert_unique(MsgIndexes *indexes, TupleTableSlot *row,
										 Oid arbiter);

/* In assert builds: the row keeps the table's CHECK and NOT NULL constraints. */
extern void msgext_indexes_check_row(MsgIndexes *indexes, TupleTableSlot *row);

#endif /* MSGEXT_INDEX_ENTRIES_H */
