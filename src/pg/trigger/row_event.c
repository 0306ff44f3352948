/*
 * row_event.c
 *		Changed rows, as a trigger is called with them: see row_event.h.
 */
#include "postgres.h"

#include "catalog/partition.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "pg/trigger/row_event.h"

static void
refuse(const char *function, const char *detail, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
					errmsg("function \"%s\" was not called as it can be", function),
					errdetail("%s", detail), hint != NULL ? errhint("%s", hint) : 0));
}

static int
open_rows(Tuplestorestate *rows)
{
	int pointer;

	if (rows == NULL)
		return 0;
	pointer = tuplestore_alloc_read_pointer(rows, EXEC_FLAG_REWIND);
	tuplestore_select_read_pointer(rows, pointer);
	tuplestore_rescan(rows);
	return pointer;
}

static void
begin_statement(MsgRowEvents *events, const TriggerData *data, const char *function)
{
	bool wants_new = !TRIGGER_FIRED_BY_DELETE(data->tg_event);
	TupleDesc desc = RelationGetDescr(events->rel);

	if (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event))
		refuse(function, "TRUNCATE has no rows.", NULL);
	events->new_rows = data->tg_newtable;
	events->old_rows = data->tg_oldtable;
	if ((wants_new ? events->new_rows : events->old_rows) == NULL)
		refuse(function, "A trigger FOR EACH STATEMENT needs the changed rows.",
			   wants_new ? "Create it with REFERENCING NEW TABLE AS name."
						 : "Create it with REFERENCING OLD TABLE AS name.");
	events->new_pointer = open_rows(events->new_rows);
	events->old_pointer = open_rows(events->old_rows);
	if (events->new_rows != NULL)
		events->event.new = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	if (events->old_rows != NULL)
		events->event.old = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
}

Oid
msgext_table_root(Oid table)
{
	List *ancestors =
		get_rel_relispartition(table) ? get_partition_ancestors(table) : NIL;

	return ancestors != NIL ? llast_oid(ancestors) : table;
}

void
msgext_row_event_name(MsgRowEvent *event)
{
	MemoryContext before;
	Oid root;

	if (event->name != NULL)
		return;
	event->schema = event->name = "";
	if (!OidIsValid(event->table))
		return;
	before = MemoryContextSwitchTo(event->context);
	root = msgext_table_root(event->table);
	event->schema = get_namespace_name(get_rel_namespace(root));
	event->name = get_rel_name(root);
	MemoryContextSwitchTo(before);
	if (event->schema == NULL || event->name == NULL)
		elog(ERROR, "table %u is gone", root);
}

void
msgext_row_events_begin(MsgRowEvents *events, FunctionCallInfo fcinfo,
						const char *function)
{
	const TriggerData *data = (const TriggerData *) fcinfo->context;

	memset(events, 0, sizeof(*events));
	if (!CALLED_AS_TRIGGER(fcinfo))
		refuse(function, "It is a trigger.", NULL);
	if (!TRIGGER_FIRED_AFTER(data->tg_event))
		refuse(function, "Only after the change it is known what the row has become.",
			   "Create the trigger AFTER the change.");
	events->rel = data->tg_relation;
	events->event.table = RelationGetRelid(events->rel);
	events->event.context = CurrentMemoryContext;
	events->event.user = GetUserId();
	events->event.operation = TRIGGER_FIRED_BY_INSERT(data->tg_event)	? "INSERT"
							  : TRIGGER_FIRED_BY_DELETE(data->tg_event) ? "DELETE"
																		: "UPDATE";
	events->statement = !TRIGGER_FIRED_FOR_ROW(data->tg_event);
	if (events->statement)
		begin_statement(events, data, function);
	else if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
	{
		events->event.old = data->tg_trigslot;
		events->event.new = data->tg_newslot;
	}
	else if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
		events->event.new = data->tg_trigslot;
	else
		events->event.old = data->tg_trigslot;
}

/* Whatever the trigger calls may have read the same rows by pointers of its own. */
static bool
next_row(Tuplestorestate *rows, int pointer, TupleTableSlot *slot)
{
	if (rows == NULL)
		return true;
	tuplestore_select_read_pointer(rows, pointer);
	return tuplestore_gettupleslot(rows, true, false, slot);
}

bool
msgext_row_events_next(MsgRowEvents *events)
{
	/* Both tables list the rows of an UPDATE in one order. */
	return next_row(events->new_rows, events->new_pointer, events->event.new) &&
		   next_row(events->old_rows, events->old_pointer, events->event.old);
}

void
msgext_row_events_end(MsgRowEvents *events)
{
	if (!events->statement)
		return;
	if (events->event.new != NULL)
		ExecDropSingleTupleTableSlot(events->event.new);
	if (events->event.old != NULL)
		ExecDropSingleTupleTableSlot(events->event.old);
}
