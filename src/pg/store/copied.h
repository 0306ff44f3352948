/*
 * copied.h
 *		Rows that a copy of another database has brought, and that name a server by its oid
 *		there: they become those of the server that has the same name here.
 */
#ifndef MSGEXT_COPIED_H
#define MSGEXT_COPIED_H

#include "pg/store/table.h"

/* Of a table with such rows. */
typedef struct MsgCopied
{
	AttrNumber server_oid;
	AttrNumber origin;
	AttrNumber server;

	/* Has the server here a row that stands for this one, and is another? */
	bool (*is_known)(MsgTable *table, TupleTableSlot *row, Oid server);
} MsgCopied;

/* Reads the whole table. What is known here already is removed. */
extern void msgext_copied_adopt(MsgTable *table, const MsgCopied *copied, Oid server,
								const char *name);

#endif /* MSGEXT_COPIED_H */
