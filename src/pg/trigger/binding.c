/*
 * binding.c
 *		A template and the table whose rows it is used for: see binding.h.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/memutils.h"

#include "pg/base/text.h"
#include "pg/trigger/binding.h"

char *
msgext_wanted_path(const MsgWanted *wanted)
{
	static const char *const scopes[] = {"new", "old", "ref", "meta"};

	return wanted->column == NULL
			   ? pstrdup(scopes[wanted->scope])
			   : psprintf("%s.%s", scopes[wanted->scope],
						  quote_identifier(msgext_from_utf8(wanted->column)));
}

int
msgext_binding_column(const MsgWanted *wanted, TupleDesc desc)
{
	const char *name = msgext_from_utf8(wanted->column);
	int i;

	if (name == NULL)
		return 0;
	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		if (!column->attisdropped && strcmp(NameStr(column->attname), name) == 0)
			return i + 1;
	}
	return -1;
}

static void
free_lookup(void *plan)
{
	SPI_freeplan(plan);
}

/* The plan goes with that memory. */
static void
add_lookup(const MsgRecipe *recipe, MsgBinding *binding, MemoryContext context,
		   Oid rowtype, Oid user)
{
	MemoryContextCallback *callback =
		MemoryContextAlloc(context, sizeof(MemoryContextCallback));

	binding->lookup = msgext_lookup_prepare(recipe, rowtype, user);
	callback->func = free_lookup;
	callback->arg = binding->lookup;
	MemoryContextRegisterResetCallback(context, callback);
}

MsgBinding *
msgext_binding_create(MsgRecipe *recipe, TupleDesc desc, Oid rowtype, Oid user)
{
	const MsgTemplate *plan = recipe->plan;
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "msgext template binding", ALLOCSET_SMALL_SIZES);
	MsgBinding *binding = MemoryContextAllocZero(context, sizeof(MsgBinding));
	int i;

	binding->columns =
		MemoryContextAllocZero(context, sizeof(AttrNumber) * (plan->nwanted + 1));
	if (recipe->lookup != NULL)
		add_lookup(recipe, binding, context, rowtype, user);
	for (i = 0; i < plan->nwanted; i++)
	{
		const MsgWanted *wanted = &plan->wanted[i];
		TupleDesc columns = wanted->scope == MSG_SCOPE_REF
								? msgext_lookup_columns(binding->lookup)
								: desc;
		int column;

		if (wanted->scope == MSG_SCOPE_META)
			continue;
		column = msgext_binding_column(wanted, columns);
		if (column < 0)
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
							errmsg("template \"%s\" uses %s, which does not exist",
								   recipe->name, msgext_wanted_path(wanted)),
							wanted->scope == MSG_SCOPE_REF
								? errdetail("Its lookup has no such column.")
								: errdetail("The table has no such column."),
							errhint("check_template() shows what a template lacks.")));
		binding->columns[i] = (AttrNumber) column;
	}

	/* With an error it goes at once: a session may try again for as long as it lives. */
	MemoryContextSetParent(context, recipe->context);
	return binding;
}

MsgBinding *
msgext_binding_get(MsgRecipe *recipe, Relation rel, Oid user)
{
	Oid relid = RelationGetRelid(rel);
	MemoryContext before;
	MsgBinding *binding;
	ListCell *cell;

	foreach (cell, recipe->bindings)
	{
		binding = lfirst(cell);
		if (binding->relid == relid)
			return binding;
	}
	binding =
		msgext_binding_create(recipe, RelationGetDescr(rel), rel->rd_rel->reltype, user);
	binding->relid = relid;
	before = MemoryContextSwitchTo(recipe->context);
	recipe->bindings = lappend(recipe->bindings, binding);
	recipe->relids = lappend_oid(recipe->relids, relid);
	MemoryContextSwitchTo(before);
	return binding;
}
