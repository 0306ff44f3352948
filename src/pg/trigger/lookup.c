/*
 * lookup.c
 *		A template's lookup: see lookup.h.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "nodes/parsenodes.h"
#include "utils/acl.h"

#include "pg/base/datum_json.h"
#include "pg/base/pinned.h"
#include "pg/base/text.h"
#include "pg/trigger/lookup.h"
#include "pg/trigger/lookup_check.h"

/* The one statement of a plan; NULL where there are more, or none. */
static CachedPlanSource *
source_of(SPIPlanPtr plan)
{
	List *sources = plan != NULL ? SPI_plan_get_plan_sources(plan) : NIL;

	return list_length(sources) == 1 ? linitial(sources) : NULL;
}

/* It reads, and does nothing else. */
static bool
is_select(const CachedPlanSource *source)
{
	Query *query = source != NULL && list_length(source->query_list) == 1
					   ? linitial_node(Query, source->query_list)
					   : NULL;

	return query != NULL && query->commandType == CMD_SELECT && !query->hasModifyingCTE;
}

/* May the user be shown what the owner of the template may see? */
static bool
may_know(const MsgRecipe *recipe, Oid user)
{
	return has_privs_of_role(user, recipe->owner);
}

/* What functions of the owner's tell is for who may know. */
static int
pin(const MsgRecipe *recipe, bool known)
{
	int nest = msgext_pin_settings(recipe->zone_name);

	if (!known)
		msgext_pin_silence();
	return nest;
}

/*
 * An error's text may hold what is in the owner's tables. A user who has not his
 * privileges is told that there was one, and of which kind, and the server's log the rest;
 * what ends a statement or has it repeated is as it is, but for where it was. In
 * PG_CATCH().
 */
static void __attribute__((noreturn))
hide_error(const MsgRecipe *recipe, MemoryContext context)
{
	ErrorData *error;
	int kind;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	kind = ERRCODE_TO_CATEGORY(error->sqlerrcode);
	if (kind == ERRCODE_OPERATOR_INTERVENTION || kind == ERRCODE_TRANSACTION_ROLLBACK)
	{
		error->context = NULL;
		error->internalquery = NULL;
		ReThrowError(error);
	}
	ereport(
		LOG_SERVER_ONLY,
		(errmsg("lookup of template \"%s\" has failed: %s", recipe->name, error->message),
		 error->detail != NULL ? errdetail_internal("%s", error->detail) : 0));
	ereport(ERROR, (errcode(error->sqlerrcode),
					errmsg("lookup of template \"%s\" has failed", recipe->name),
					errhint("preview_template() shows its owner why.")));
}

static SPIPlanPtr
prepare(const MsgRecipe *recipe, Oid rowtype, bool known)
{
	Oid types[2] = {rowtype, rowtype};
	CachedPlanSource *source;
	SPIPlanPtr plan;
	int nest;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	nest = pin(recipe, known);
	plan = SPI_prepare(recipe->lookup, 2, types);
	source = source_of(plan);
	if (!is_select(source))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("lookup of template \"%s\" is not one SELECT", recipe->name)));
	msgext_lookup_check(recipe, source, rowtype);
	msgext_unpin_settings(nest);
	SPI_keepplan(plan);
	SPI_finish();
	return plan;
}

/*
 * A table that the owner finds without its schema, and a lookup does not: the error says no
 * word of why. In PG_CATCH().
 */
static void __attribute__((noreturn)) explain_error(MemoryContext context)
{
	ErrorData *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	if (error->sqlerrcode != ERRCODE_UNDEFINED_TABLE || error->hint != NULL ||
		strchr(error->message, '.') != NULL)
		PG_RE_THROW();
	FlushErrorState();
	error->hint =
		"A lookup runs with search_path = pg_catalog: name the schema of each table.";
	ReThrowError(error);
}

SPIPlanPtr
msgext_lookup_prepare(const MsgRecipe *recipe, Oid rowtype, Oid user)
{
	MemoryContext context = CurrentMemoryContext;
	bool known = may_know(recipe, user);
	SPIPlanPtr plan = NULL;

	PG_TRY();
	{
		plan = prepare(recipe, rowtype, known);
	}
	PG_CATCH();
	{
		if (known)
			explain_error(context);
		hide_error(recipe, context);
	}
	PG_END_TRY();
	return plan;
}

TupleDesc
msgext_lookup_columns(SPIPlanPtr plan)
{
	return source_of(plan)->resultDesc;
}

/* All columns of the row, as an object. */
static const MsgJson *
whole_row(const MsgRecipe *recipe, HeapTuple row, TupleDesc desc, MsgArena *arena)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
	MsgJson *object;

	ExecStoreHeapTuple(row, slot, false);
	object = msgext_row_json(arena, slot, recipe->zone, NULL);
	ExecDropSingleTupleTableSlot(slot);
	return object;
}

static const MsgJson *
value_in(const MsgRecipe *recipe, const MsgWanted *wanted, HeapTuple row, TupleDesc desc,
		 MsgArena *arena)
{
	int column;
	bool isnull;
	Datum value;

	if (wanted->column == NULL)
		return whole_row(recipe, row, desc, arena);
	column = SPI_fnumber(desc, msgext_from_utf8(wanted->column));
	if (column <= 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("lookup of template \"%s\" has no column \"%s\"",
							   recipe->name, msgext_from_utf8(wanted->column))));
	value = SPI_getbinval(row, desc, column, &isnull);
	return isnull ? NULL
				  : msgext_datum_json(arena, value, SPI_gettypeid(desc, column),
									  recipe->zone, wanted->bytes);
}

/* Between SPI_connect() and SPI_finish(). */
static void
run(const MsgRecipe *recipe, SPIPlanPtr plan, bool known, Datum *arguments,
	const char *nulls, MsgArena *arena, const MsgJson **values)
{
	int nest = pin(recipe, known);
	int i;

	if (SPI_execute_plan(plan, arguments, nulls, false, 2) != SPI_OK_SELECT)
		elog(ERROR, "lookup of template \"%s\" is no SELECT any more", recipe->name);
	msgext_unpin_settings(nest);
	if (SPI_processed > 1)
		ereport(ERROR, (errcode(ERRCODE_CARDINALITY_VIOLATION),
						errmsg("lookup of template \"%s\" gives more than one row",
							   recipe->name)));
	for (i = 0; i < recipe->plan->nwanted && SPI_processed == 1; i++)
		if (recipe->plan->wanted[i].scope == MSG_SCOPE_REF)
			values[i] = value_in(recipe, &recipe->plan->wanted[i], SPI_tuptable->vals[0],
								 SPI_tuptable->tupdesc, arena);
}

void
msgext_lookup_run(const MsgRecipe *recipe, SPIPlanPtr plan, const MsgRowEvent *event,
				  MsgArena *arena, const MsgJson **values)
{
	MemoryContext context = CurrentMemoryContext;
	bool known = may_know(recipe, event->user);
	TupleTableSlot *row = event->new != NULL ? event->new : event->old;
	Datum arguments[2] = {0};
	char nulls[3] = "  ";

	arguments[0] = ExecFetchSlotHeapTupleDatum(row);
	if (event->old != NULL)
		arguments[1] = ExecFetchSlotHeapTupleDatum(event->old);
	else
		nulls[1] = 'n';
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	PG_TRY();
	{
		run(recipe, plan, known, arguments, nulls, arena, values);
	}
	PG_CATCH();
	{
		if (known)
			PG_RE_THROW();
		hide_error(recipe, context);
	}
	PG_END_TRY();
	SPI_finish();
}
