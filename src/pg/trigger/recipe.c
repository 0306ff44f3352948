/*
 * recipe.c
 *		A template as a session has it: see recipe.h.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "foreign/foreign.h"
#include "parser/parser.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "pg/base/arena_pg.h"
#include "pg/base/extension.h"
#include "pg/base/interval.h"
#include "pg/base/json_pg.h"
#include "pg/base/pinned.h"
#include "pg/base/text.h"
#include "pg/trigger/recipe.h"

#define TEMPLATE_SCHEMA "msgext_template"

static List *recipes = NIL;
static uint64 forgotten = 0; /* how often something was forgotten */

/* Told of every relation that may have changed. */
static void
forget(Datum arg, Oid relation)
{
	ListCell *cell;

	forgotten++;
	foreach (cell, recipes)
	{
		MsgRecipe *recipe = lfirst(cell);

		if (!OidIsValid(relation) || relation == recipe->relid ||
			list_member_oid(recipe->relids, relation))
			recipe->stale = true;
	}
}

Oid
msgext_recipe_schema(void)
{
	Oid schema = get_namespace_oid(TEMPLATE_SCHEMA, true);

	if (!OidIsValid(schema) ||
		getExtensionOfObject(NamespaceRelationId, schema) != msgext_extension_oid())
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("schema \"%s\" of the extension does not exist", TEMPLATE_SCHEMA),
				 errhint("Run CREATE EXTENSION msgext in this database.")));
	return schema;
}

Oid
msgext_recipe_relation(const char *name)
{
	Oid relid = get_relname_relid(name, msgext_recipe_schema());

	return OidIsValid(relid) && get_rel_relkind(relid) == RELKIND_FOREIGN_TABLE
			   ? relid
			   : InvalidOid;
}

static void __attribute__((noreturn)) refuse(const char *part, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s of the template is not valid", part), errdetail("%s.", detail)));
}

static void __attribute__((noreturn))
refuse_error(const char *part, const MsgError *error)
{
	refuse(part, msgext_from_utf8(error->path[0] != '\0'
									  ? psprintf("%s: %s", error->path, error->text)
									  : error->text));
}

/* A text with places, or NULL where there is none. */
static const MsgTemplateText *
read_text(MsgRecipe *recipe, const char *part, const char *text)
{
	const char *utf8 = msgext_to_utf8(text);
	MsgError error = {0};
	MsgTemplateText *read;

	if (text == NULL)
		return NULL;
	read = msgext_template_read_text(recipe->plan, utf8, strlen(utf8), &error);
	if (read == NULL)
		refuse_error(part, &error);
	return read;
}

static void
read_skip(MsgRecipe *recipe, ArrayType *paths)
{
	Datum *datums;
	bool *nulls;
	int i;

	if (paths == NULL)
		return;
	deconstruct_array(paths, TEXTOID, -1, false, TYPALIGN_INT, &datums, &nulls,
					  &recipe->nskip);
	recipe->skip = palloc(sizeof(MsgTemplateText *) * (recipe->nskip + 1));
	recipe->skip_paths = palloc(sizeof(char *) * (recipe->nskip + 1));
	for (i = 0; i < recipe->nskip; i++)
	{
		MsgError error = {0};
		char *utf8;

		if (nulls[i])
			refuse("skip_when_null", "A path is null");
		recipe->skip_paths[i] = TextDatumGetCString(datums[i]);
		utf8 = msgext_to_utf8(recipe->skip_paths[i]);
		recipe->skip[i] =
			msgext_template_read_path(recipe->plan, utf8, strlen(utf8), &error);
		if (recipe->skip[i] == NULL)
			refuse_error("skip_when_null", &error);
	}
}

/* A place in the lookup is none in the statement that gives it. */
static void
tell_lookup(void *arg)
{
	int position = geterrposition();

	if (position <= 0)
		return;
	errposition(0);
	internalerrposition(position);
	internalerrquery(arg);
}

/* One SELECT, as it will be read; what it selects from is not looked at yet. */
static void
check_lookup(const MsgTemplateVersion *version)
{
	int nest = msgext_pin_settings(version->time_zone);
	ErrorContextCallback tell = {.callback = tell_lookup, .arg = version->lookup};
	List *statements;
	Node *statement;

	tell.previous = error_context_stack;
	error_context_stack = &tell;
	statements = raw_parser(version->lookup, RAW_PARSE_DEFAULT);
	error_context_stack = tell.previous;
	statement =
		list_length(statements) == 1 ? linitial_node(RawStmt, statements)->stmt : NULL;
	msgext_unpin_settings(nest);
	if (statement == NULL || !IsA(statement, SelectStmt) ||
		castNode(SelectStmt, statement)->intoClause != NULL)
		refuse("lookup", "It is not one SELECT");
}

/* 0 where there is none. */
static int64
read_interval(const char *part, const Interval *interval)
{
	int64 us;

	if (interval == NULL)
		return 0;
	if (!msgext_interval_us(interval, &us) || us <= 0 ||
		us > INT64CONST(36525) * USECS_PER_DAY)
		refuse(part, "It must be more than 0, and at most 100 years");
	return us;
}

static void
read_times(MsgRecipe *recipe, const MsgTemplateVersion *version)
{
	recipe->expires_us = read_interval("expires_in", version->expires_in);
	recipe->debounce_us = read_interval("debounce", version->debounce);
	recipe->max_wait_us = read_interval("max_wait", version->max_wait);
	if (recipe->debounce_us > 0 && recipe->operation_id == NULL)
		refuse("debounce", "It needs operation_id, which says what belongs together");
	if (recipe->max_wait_us > 0 && recipe->max_wait_us < recipe->debounce_us)
		refuse("max_wait", recipe->debounce_us > 0 ? "It is shorter than debounce"
												   : "It needs debounce");
	if (recipe->max_wait_us > 0 && recipe->debounce_us == 0)
		refuse("max_wait", "It needs debounce");
}

static void
read_quiet_hours(MsgRecipe *recipe, const char *text)
{
	const MsgJson *constant;
	MsgError error = {0};
	const char *zone;

	if (text == NULL)
		return;
	if (!msgext_quiet_hours_read(text, &recipe->quiet, &zone, &error))
		refuse_error("quiet_hours", &error);
	recipe->has_quiet = true;
	recipe->quiet_zone = read_text(recipe, "quiet_hours", zone);
	constant = zone != NULL ? msgext_template_constant(recipe->quiet_zone) : NULL;
	if (constant != NULL && msgext_zone_find(constant->text) == NULL)
		refuse("quiet_hours", psprintf("Time zone \"%s\" is not known", zone));
}

/* The lookup is not parsed: its errors are not for whoever fires, see lookup.c. */
static MsgRecipe *
read_version(const MsgTemplateVersion *version)
{
	MsgArena *arena = msgext_arena_pg_create(CurrentMemoryContext);
	MsgRecipe *recipe = palloc0(sizeof(MsgRecipe));
	MsgError error = {0};

	recipe->context = CurrentMemoryContext;
	strlcpy(recipe->name, version->name, NAMEDATALEN);
	recipe->version = version->version;
	recipe->plan = msgext_template_create(arena);
	if (!JB_ROOT_IS_OBJECT(version->message))
		refuse("message", "It is not a JSON object");
	if (VARSIZE(version->message) > MSG_RENDERED_SIZE_MAX)
		refuse("message", "It is too large");
	recipe->message = msgext_template_read(
		recipe->plan, msgext_json_from_jsonb(arena, version->message), &error);
	if (recipe->message == NULL)
		refuse_error("message", &error);
	recipe->lookup = version->lookup;
	recipe->operation_id = read_text(recipe, "operation_id", version->operation_id);
	read_skip(recipe, version->skip_when_null);
	recipe->on_conflict = msgext_post_on_conflict(version->on_conflict);
	if (version->on_invalid != NULL)
		recipe->on_invalid = msgext_post_on_invalid(version->on_invalid);
	read_times(recipe, version);
	read_quiet_hours(recipe, version->quiet_hours);
	recipe->zone = msgext_zone_find(version->time_zone);
	recipe->zone_name = version->time_zone;
	if (recipe->zone == NULL)
		refuse("time_zone",
			   psprintf("Time zone \"%s\" is not known", version->time_zone));
	recipe->priority = version->priority;
	if (recipe->priority < 1 || recipe->priority > 5)
		refuse("priority", "It must be between 1 and 5");
	if (recipe->lookup == NULL && msgext_template_wants(recipe->plan, MSG_SCOPE_REF))
		refuse("lookup", "There is none, and the template uses ref");
	return recipe;
}

void
msgext_recipe_check(const MsgTemplateVersion *version)
{
	MsgRecipe *recipe = read_version(version);

	/* Not when it is read to be used: what was taken once goes on. */
	if (recipe->on_conflict != MSG_CONFLICT_ERROR && recipe->operation_id == NULL)
		refuse("on_conflict", "It needs operation_id, by which messages are the same");
	if (version->lookup != NULL)
		check_lookup(version);
}

/* The template's table, as the snapshot has it; false when there is none. */
static bool
find_table(const char *name, Snapshot snapshot, Oid *relid, Oid *owner)
{
	Relation classes = table_open(RelationRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	bool found = false;

	ScanKeyInit(&keys[0], Anum_pg_class_relname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum(name));
	ScanKeyInit(&keys[1], Anum_pg_class_relnamespace, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(msgext_recipe_schema()));
	scan = systable_beginscan(classes, ClassNameNspIndexId, true, snapshot, 2, keys);
	if ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		*relid = form->oid;
		*owner = form->relowner;
		found = form->relkind == RELKIND_FOREIGN_TABLE;
	}
	systable_endscan(scan);
	table_close(classes, AccessShareLock);
	return found;
}

void
msgext_recipe_refuse_empty(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("template \"%s\" has no version", name),
			 errdetail("What it says is in msgext.template, which has no row of it, as "
					   "after a dump without data."),
			 errhint("Make it anew with create_template(), by the same server, or "
					 "restore that table.")));
}

/*
 * What it says and whose it is are of one moment: else it could be what one owner has
 * written, with the rights of another.
 */
static MsgRecipe *
load(const char *name)
{
	MsgTable *templates = msgext_template_version_open(false);
	Snapshot latest = RegisterSnapshot(GetLatestSnapshot());
	MsgTemplateVersion version = {0};
	MsgRecipe *recipe;
	Oid relid;
	Oid owner;

	if (!find_table(name, latest, &relid, &owner))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("template \"%s\" does not exist", name),
						errhint("Make it with create_template().")));
	if (!msgext_template_version_find(templates, name, latest, &version))
		msgext_recipe_refuse_empty(name);
	UnregisterSnapshot(latest);
	msgext_table_close(templates);
	recipe = read_version(&version);
	recipe->relid = relid;
	recipe->owner = owner;
	recipe->server = GetForeignTable(relid)->serverid;
	return recipe;
}

/*
 * What is stale goes with the transaction: a trigger further out may be at work with it.
 */
static void
drop_stale(void)
{
	ListCell *cell;

	foreach (cell, recipes)
	{
		MsgRecipe *recipe = lfirst(cell);

		if (!recipe->stale)
			continue;
		recipes = foreach_delete_current(recipes, cell);
		MemoryContextSetParent(recipe->context, TopTransactionContext);
	}
}

MsgRecipe *
msgext_recipe_get(const char *name)
{
	static bool registered = false;
	MemoryContext context;
	MemoryContext before;
	MsgRecipe *recipe;
	uint64 count;
	ListCell *cell;
	bool stale = false;

	foreach (cell, recipes)
	{
		recipe = lfirst(cell);
		if (!recipe->stale && strcmp(recipe->name, name) == 0)
			return recipe;
		stale = stale || recipe->stale;
	}
	if (!registered)
		CacheRegisterRelcacheCallback(forget, (Datum) 0);
	registered = true;
	if (stale)
		drop_stale();

	context = AllocSetContextCreate(TopTransactionContext, "msgext template",
									ALLOCSET_SMALL_SIZES);
	before = MemoryContextSwitchTo(context);
	count = forgotten;
	recipe = load(name);
	MemoryContextSwitchTo(before);

	/* What changed while we looked may have been this one: it is good for once. */
	if (forgotten != count)
		return recipe;
	MemoryContextSetParent(context, CacheMemoryContext);
	before = MemoryContextSwitchTo(CacheMemoryContext);
	recipes = lappend(recipes, recipe);
	MemoryContextSwitchTo(before);
	return recipe;
}
