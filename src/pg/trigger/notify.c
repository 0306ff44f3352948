/*
 * notify.c
 *		notify(): the trigger that queues the message which a template makes of each
 *		changed row, as the template's owner.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "pg/base/arena_pg.h"
#include "pg/base/run_as.h"
#include "pg/trigger/consent.h"
#include "pg/trigger/firing.h"

/* The right that role lacks on something. */
static void __attribute__((noreturn))
refuse_table(const MsgRecipe *recipe, Relation rel, Oid role, const char *detail,
			 const char *right, const char *schema, const char *name)
{
	const char *grantee = GetUserNameFromId(role, false);

	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("template \"%s\" is not for table \"%s\" of role \"%s\"",
						   recipe->name, RelationGetRelationName(rel),
						   GetUserNameFromId(rel->rd_rel->relowner, false)),
					errdetail("Role \"%s\" %s.", grantee, detail),
					errhint("GRANT %s ON %s TO %s;", right,
							quote_qualified_identifier(schema, name),
							quote_identifier(grantee))));
}

static void
check_consent(const MsgRecipe *recipe, Relation rel)
{
	Oid owner = rel->rd_rel->relowner;

	if (!msgext_consent_of_template(recipe->relid, recipe->owner, owner))
		refuse_table(recipe, rel, owner, "has no TRIGGER on the template", "TRIGGER",
					 "msgext_template", recipe->name);
	if (!msgext_consent_of_table(recipe->owner, RelationGetRelid(rel), owner))
		refuse_table(recipe, rel, recipe->owner,
					 "owns the template, and may not read all rows of the table",
					 "SELECT", get_namespace_name(RelationGetNamespace(rel)),
					 RelationGetRelationName(rel));
}

/* Of an UPDATE it would be null, and nobody would know why. */
static void
check_old_rows(const MsgRecipe *recipe, const MsgRowEvents *events)
{
	if (events->statement && events->event.new != NULL && events->event.old == NULL &&
		events->event.operation[0] == 'U' &&
		msgext_template_wants(recipe->plan, MSG_SCOPE_OLD))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("template \"%s\" uses old, which the trigger does not have",
						recipe->name),
				 errhint("Create it with REFERENCING OLD TABLE AS name, too.")));
}

static void
tell_template(void *arg)
{
	const MsgRecipe *recipe = arg;

	errcontext("template \"%s\", version %d", recipe->name, recipe->version);
}

static void
fire(MsgRecipe *recipe, MsgRowEvents *events, MemoryContext context)
{
	MemoryContext before = MemoryContextSwitchTo(context);
	MsgFiring firing = {.recipe = recipe, .event = &events->event};
	MsgPost post;

	firing.binding = msgext_binding_get(recipe, events->rel, events->event.user);
	firing.arena = msgext_arena_pg_create(context);
	msgext_firing_render(&firing);
	if (firing.skipped == NULL)
	{
		msgext_firing_post(&firing, &post);
		(void) msgext_post(&post);
	}
	MemoryContextSwitchTo(before);
}

/* A row's trigger runs in memory that lasts no longer; a statement's has many rows. */
static void
fire_statement(MsgRecipe *recipe, MsgRowEvents *events)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "msgext row", ALLOCSET_DEFAULT_SIZES);

	while (msgext_row_events_next(events))
	{
		fire(recipe, events, context);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
}

PG_FUNCTION_INFO_V1(msgext_notify);

PGDLLEXPORT Datum
msgext_notify(PG_FUNCTION_ARGS)
{
	ErrorContextCallback tell;
	MsgRowEvents events;
	MsgRecipe *recipe;
	MsgRunAs before;

	msgext_row_events_begin(&events, fcinfo, "notify");
	if (events.trigger->tgnargs != 1)
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("function \"notify\" takes one argument, a template")));
	recipe = msgext_recipe_get(msgext_trigger_name(events.trigger->tgargs[0]));
	check_consent(recipe, events.rel);
	check_old_rows(recipe, &events);
	tell.callback = tell_template;
	tell.arg = recipe;
	tell.previous = error_context_stack;
	error_context_stack = &tell;
	before = msgext_run_as(recipe->owner);
	if (events.statement)
		fire_statement(recipe, &events);
	else
		fire(recipe, &events, CurrentMemoryContext);
	msgext_run_as_end(&before);
	error_context_stack = tell.previous;
	msgext_row_events_end(&events);
	return PointerGetDatum(NULL);
}
