/*
 * row_event.c
 *		Changed rows, as a trigger is called with them: see row_event.h.
 */
#include "postgres.h"

#include "catalog/partition.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "parser/scansup.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "pg/base/compat.h"
#include "pg/trigger/row_event.h"

static void
refuse(const char *function, const char *detail, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
					errmsg("function \"%s\" cannot be called like this", function),
					errdetail("%s", detail), hint != NULL ? errhint("%s", hint) : 0));
}

char *
msgext_trigger_name(const char *argument)
{
	char *name = pstrdup(argument);

	truncate_identifier(name, (int) strlen(name), false);
	return name;
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

/*
 * An UPDATE that moves a row to another partition puts it among the old ones first, and
 * among the new ones only where no trigger of that partition keeps it out. From there on
 * one row would be told with what another one was.
 */
static void
check_pairs(const MsgRowEvents *events)
{
	if (events->new_rows != NULL && events->old_rows != NULL &&
		tuplestore_tuple_count(events->new_rows) !=
			tuplestore_tuple_count(events->old_rows))
		ereport(
			ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("old and new rows of the statement do not belong together"),
			 errdetail("A trigger of a partition has kept out a row that was moved to "
					   "it."),
			 errhint("Create the trigger FOR EACH ROW, or without OLD TABLE.")));
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
	check_pairs(events);
	events->new_pointer = open_rows(events->new_rows);
	events->old_pointer = open_rows(events->old_rows);
	if (events->new_rows != NULL)
		events->new_slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	if (events->old_rows != NULL)
		events->old_slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
}

/* Such expressions call no function of a user's. */
static void
begin_computing(MsgRowEvents *events)
{
	TupleDesc desc = RelationGetDescr(events->rel);
	int i;

	if (!msgext_has_virtual_columns(desc))
		return;
	events->computing = CreateStandaloneExprContext();
	events->computed = palloc0(sizeof(ExprState *) * desc->natts);
	for (i = 0; i < desc->natts; i++)
	{
		Node *value = msgext_virtual_column(events->rel, i + 1);

		if (value != NULL)
			events->computed[i] = ExecInitExpr(expression_planner((Expr *) value), NULL);
	}
}

/* The slot for what is read of a row: its own, where nothing is computed. */
static TupleTableSlot *
slot_to_read(const MsgRowEvents *events, TupleTableSlot *stored)
{
	return stored != NULL && events->computing != NULL
			   ? MakeSingleTupleTableSlot(RelationGetDescr(events->rel), &TTSOpsVirtual)
			   : stored;
}

static void
compute(const MsgRowEvents *events, TupleTableSlot *stored, TupleTableSlot *read)
{
	int natts = RelationGetDescr(events->rel)->natts;
	int i;

	if (stored == NULL)
		return;
	slot_getallattrs(stored);
	ExecClearTuple(read);
	memcpy(read->tts_values, stored->tts_values, sizeof(Datum) * natts);
	memcpy(read->tts_isnull, stored->tts_isnull, sizeof(bool) * natts);
	events->computing->ecxt_scantuple = stored;
	for (i = 0; i < natts; i++)
		if (events->computed[i] != NULL)
			read->tts_values[i] = ExecEvalExprSwitchContext(
				events->computed[i], events->computing, &read->tts_isnull[i]);
	ExecStoreVirtualTuple(read);
}

static void
compute_rows(MsgRowEvents *events)
{
	if (events->computing == NULL)
		return;
	ResetExprContext(events->computing);
	compute(events, events->new_slot, events->event.new);
	compute(events, events->old_slot, events->event.old);
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

/* Who changes a row need not know of the trigger. */
static void
tell_trigger(void *arg)
{
	const MsgRowEvents *events = arg;

	errcontext("%s(), trigger \"%s\" on table \"%s\"", events->function,
			   events->trigger->tgname, RelationGetRelationName(events->rel));
}

void
msgext_row_events_begin(MsgRowEvents *events, FunctionCallInfo fcinfo,
						const char *function)
{
	const TriggerData *data = (const TriggerData *) fcinfo->context;

	memset(events, 0, sizeof(*events));
	if (!CALLED_AS_TRIGGER(fcinfo))
		refuse(function, "It is a trigger function.", NULL);
	events->function = function;
	events->trigger = data->tg_trigger;
	events->rel = data->tg_relation;
	events->tell.callback = tell_trigger;
	events->tell.arg = events;
	events->tell.previous = error_context_stack;
	error_context_stack = &events->tell;
	if (!TRIGGER_FIRED_AFTER(data->tg_event))
		refuse(function, "What the row has become is known only after the change.",
			   TRIGGER_FIRED_INSTEAD(data->tg_event)
				   ? "Create the trigger AFTER the change, on the table behind the view."
				   : "Create the trigger AFTER the change.");
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
		events->old_slot = data->tg_trigslot;
		events->new_slot = data->tg_newslot;
	}
	else if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
		events->new_slot = data->tg_trigslot;
	else
		events->old_slot = data->tg_trigslot;
	begin_computing(events);
	events->event.new = slot_to_read(events, events->new_slot);
	events->event.old = slot_to_read(events, events->old_slot);
	if (!events->statement)
		compute_rows(events);
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
	if (!next_row(events->new_rows, events->new_pointer, events->new_slot) ||
		!next_row(events->old_rows, events->old_pointer, events->old_slot))
		return false;
	compute_rows(events);
	return true;
}

static void
drop(TupleTableSlot *slot)
{
	if (slot != NULL)
		ExecDropSingleTupleTableSlot(slot);
}

void
msgext_row_events_end(MsgRowEvents *events)
{
	if (events->computing != NULL)
	{
		drop(events->event.new);
		drop(events->event.old);
		FreeExprContext(events->computing, true);
	}
	if (events->statement)
	{
		drop(events->new_slot);
		drop(events->old_slot);
	}
	error_context_stack = events->tell.previous;
}
