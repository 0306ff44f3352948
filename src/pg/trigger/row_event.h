/*
 * row_event.h
 *		Changed rows, as a trigger is called with them: one of a row's trigger, all of the
 *		transition tables of a statement's.
 *
 * Knows nothing of messages.
 */
#ifndef MSGEXT_ROW_EVENT_H
#define MSGEXT_ROW_EVENT_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "fmgr.h"
#include "nodes/execnodes.h"
#include "utils/tuplestore.h"

/* What happened to a row. */
typedef struct MsgRowEvent
{
	const char *operation; /* INSERT, UPDATE or DELETE */
	Oid table;			   /* InvalidOid = it is a row of no table */
	Oid user;			   /* whose statement it was */

	/* of the table; of a partition, of the table it is of; see msgext_row_event_name() */
	const char *schema;
	const char *name;
	MemoryContext context; /* of both, current when it began */

	TupleTableSlot *new; /* NULL = there is none */
	TupleTableSlot *old;
} MsgRowEvent;

/* The rows of one call of a trigger. */
typedef struct MsgRowEvents
{
	const char *function; /* its name */
	const Trigger *trigger;
	Relation rel;
	ErrorContextCallback tell; /* which trigger it was, with every error until the end */
	bool statement;			   /* FOR EACH STATEMENT */
	MsgRowEvent
		event; /* of a row's trigger: the row; else see msgext_row_events_next() */

	/* the same, as the trigger has them: without what is computed when a row is read */
	TupleTableSlot *new_slot;
	TupleTableSlot *old_slot;
	ExprContext *computing; /* NULL = nothing is */
	ExprState **computed;	/* of each column, or NULL */

	/* of a statement's */
	Tuplestorestate *new_rows;
	Tuplestorestate *old_rows;
	int new_pointer;
	int old_pointer;
} MsgRowEvents;

/*
 * ERROR 39P01 where the function is not called as an AFTER trigger of rows, or of a
 * statement with the transition tables that it needs. Errors name the trigger from here
 * to msgext_row_events_end(), in the same function.
 */
extern void msgext_row_events_begin(MsgRowEvents *events, FunctionCallInfo fcinfo,
									const char *function);
/* A statement's next row, in slots that are valid until the next call; false when there is none. */
extern bool msgext_row_events_next(MsgRowEvents *events);
extern void msgext_row_events_end(MsgRowEvents *events);

/* A trigger's argument that names something: cut as a name in a statement is. */
extern char *msgext_trigger_name(const char *argument);

/* The table under which people know it: of a partition, the table it is a part of. */
extern Oid msgext_table_root(Oid table);

/* Looks up schema and name, once, for few messages tell them; empty where there is no table. */
extern void msgext_row_event_name(MsgRowEvent *event);

#endif /* MSGEXT_ROW_EVENT_H */
