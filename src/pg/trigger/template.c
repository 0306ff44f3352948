/*
 * template.c
 *		create_template(), alter_template() and drop_template().
 *
 * A template is a foreign table without columns: its owner, its server, the grants on it,
 * and what depends on it are PostgreSQL's. What it says are rows of msgext.template.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "pg/base/clock.h"
#include "pg/base/compat.h"
#include "pg/base/run_as.h"
#include "pg/catalog/access.h"
#include "pg/store/relation.h"
#include "pg/trigger/consent.h"
#include "pg/trigger/owner.h"
#include "pg/trigger/recipe.h"
#include "pg/trigger/row_event.h"

/* The arguments that create_template() and alter_template() share, in their order. */
typedef enum Part
{
	MESSAGE,
	LOOKUP,
	OPERATION_ID,
	ON_CONFLICT,
	SKIP_WHEN_NULL,
	ON_INVALID,
	EXPIRES_IN,
	DEBOUNCE,
	MAX_WAIT,
	QUIET_HOURS,
	TIME_ZONE,
	PRIORITY,
	PARTS
} Part;

static const char *const part_names[PARTS] = {
	"message",		  "lookup",		 "operation_id", "on_conflict",
	"skip_when_null", "on_invalid",	 "expires_in",	 "debounce",
	"max_wait",		  "quiet_hours", "time_zone",	 "priority"};

/* What a part is when nobody says what. */
static void
set_default(MsgTemplateVersion *version, Part part)
{
	switch (part)
	{
		case MESSAGE:
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("a template cannot be without message")));
			break;
		case LOOKUP:
			version->lookup = NULL;
			break;
		case OPERATION_ID:
			version->operation_id = NULL;
			break;
		case ON_CONFLICT:
			version->on_conflict = "error";
			break;
		case SKIP_WHEN_NULL:
			version->skip_when_null = NULL;
			break;
		case ON_INVALID:
			version->on_invalid = NULL;
			break;
		case EXPIRES_IN:
			version->expires_in = NULL;
			break;
		case DEBOUNCE:
			version->debounce = NULL;
			break;
		case MAX_WAIT:
			version->max_wait = NULL;
			break;
		case QUIET_HOURS:
			version->quiet_hours = NULL;
			break;
		case TIME_ZONE:
			version->time_zone = pstrdup(pg_get_timezone_name(session_timezone));
			break;
		case PRIORITY:
			version->priority = MSG_PRIORITY_USUAL;
			break;
		default:
			break;
	}
}

/* The arguments that are given, the first of them at this place. */
static void
take_arguments(MsgTemplateVersion *version, FunctionCallInfo fcinfo, int first)
{
#define GIVEN(part) (!PG_ARGISNULL(first + (part)))
#define TEXT(part) text_to_cstring(PG_GETARG_TEXT_PP(first + (part)))
	if (GIVEN(MESSAGE))
		version->message = PG_GETARG_JSONB_P(first + MESSAGE);
	if (GIVEN(LOOKUP))
		version->lookup = TEXT(LOOKUP);
	if (GIVEN(OPERATION_ID))
		version->operation_id = TEXT(OPERATION_ID);
	if (GIVEN(ON_CONFLICT))
		version->on_conflict = TEXT(ON_CONFLICT);
	if (GIVEN(SKIP_WHEN_NULL))
		version->skip_when_null = PG_GETARG_ARRAYTYPE_P(first + SKIP_WHEN_NULL);
	if (GIVEN(ON_INVALID))
		version->on_invalid = TEXT(ON_INVALID);
	if (GIVEN(EXPIRES_IN))
		version->expires_in = PG_GETARG_INTERVAL_P(first + EXPIRES_IN);
	if (GIVEN(DEBOUNCE))
		version->debounce = PG_GETARG_INTERVAL_P(first + DEBOUNCE);
	if (GIVEN(MAX_WAIT))
		version->max_wait = PG_GETARG_INTERVAL_P(first + MAX_WAIT);
	if (GIVEN(QUIET_HOURS))
		version->quiet_hours = TEXT(QUIET_HOURS);
	if (GIVEN(TIME_ZONE))
		version->time_zone = TEXT(TIME_ZONE);
	if (GIVEN(PRIORITY))
		version->priority = (int16) Min(Max(PG_GETARG_INT32(first + PRIORITY), 0), 6);
#undef GIVEN
#undef TEXT
}

/*
 * As the version after the last, after a check. Sessions that have that one forget it. What
 * says the same as the one that stands, if one does, is no other version: a migration that
 * runs at every deployment changes nothing.
 */
static int32
store_and_close(MsgTable *templates, MsgTemplateVersion *version, int32 last,
				const MsgTemplateVersion *standing, Oid relid)
{
	version->version = last + 1;
	version->created_at = msgext_clock();
	version->created_by = GetUserNameFromId(GetUserId(), false);
	msgext_recipe_check(version);
	if (standing != NULL && msgext_template_version_same(version, standing))
		version->version = last;
	else
	{
		msgext_template_version_add(templates, version);
		CacheInvalidateRelcacheByRelid(relid);
	}
	msgext_table_close(templates);
	return version->version;
}

/* The last version of that name; false where there is none. */
static bool
find_last(MsgTable *templates, const char *name, MsgTemplateVersion *version)
{
	Snapshot latest = RegisterSnapshot(GetLatestSnapshot());
	bool found = msgext_template_version_find(templates, name, latest, version);

	UnregisterSnapshot(latest);
	return found;
}

/*
 * In the extension's schema, where nobody else makes tables, and so with the right of who
 * owns the schema. It is the caller's from the beginning.
 */
static Oid
create_table(const char *name, const char *server)
{
	CreateForeignTableStmt *statement = makeNode(CreateForeignTableStmt);
	Oid schema = msgext_recipe_schema();
	Oid user = GetUserId();
	HeapTuple tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(schema));
	ObjectAddress table;
	MsgRunAs before;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for namespace %u", schema);
	statement->base.relation =
		makeRangeVar(get_namespace_name(schema), pstrdup(name), -1);
	statement->base.oncommit = ONCOMMIT_NOOP;
	statement->servername = pstrdup(server);
	before = msgext_run_as(((Form_pg_namespace) GETSTRUCT(tuple))->nspowner);
	ReleaseSysCache(tuple);
	table = DefineRelation(&statement->base, RELKIND_FOREIGN_TABLE, user, NULL, NULL);
	msgext_run_as_end(&before);
	CommandCounterIncrement();
	CreateForeignTable(statement, table.objectId);
	CommandCounterIncrement();
	return table.objectId;
}

static const char *
name_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("name must not be null")));
	return NameStr(*PG_GETARG_NAME(0));
}

static void
check_owner(Oid relid, const char *name)
{
	if (OidIsValid(relid) && !msgext_relation_ownercheck(relid, GetUserId()))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be owner of template \"%s\"", name)));
}

/* The foreign table of a template of the current user's, locked against others' changes. */
static Oid
own_template(const char *name)
{
	Oid relid = msgext_recipe_relation(name);

	/* Nobody can hold up another one's, and while we wait it may become one. */
	check_owner(relid, name);
	if (OidIsValid(relid))
		LockRelationOid(relid, AccessExclusiveLock);
	if (!OidIsValid(relid) || relid != msgext_recipe_relation(name))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("template \"%s\" does not exist", name),
						errhint("Make it with create_template().")));
	check_owner(relid, name);
	return relid;
}

/*
 * The foreign table of the template that is to be filled: one that says nothing, as a dump
 * without data brings it, or, to replace what it says, any of the caller's by that server.
 * InvalidOid where there is none; ERROR 42710 where it is not to be replaced.
 */
static Oid
template_to_fill(const char *name, const MsgServer *server, bool replace)
{
	Oid relid = msgext_recipe_relation(name);
	MsgTemplateVersion version;
	bool free = false;

	if (!OidIsValid(relid))
		return InvalidOid;
	if (replace)
		check_owner(relid, name);
	if (msgext_relation_ownercheck(relid, GetUserId()) &&
		GetForeignTable(relid)->serverid == server->oid)
	{
		MsgTable *templates = msgext_template_version_open(false);

		relid = own_template(name);
		free = replace || !find_last(templates, name, &version);
		msgext_table_close(templates);
	}
	if (!free)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("template \"%s\" already exists", name),
				 replace
					 ? errdetail("It sends by another server, which cannot be changed.")
					 : 0,
				 replace ? errhint("Drop it first, by drop_template().")
						 : errhint("Change it with alter_template(), or replace it with "
								   "or_replace => true.")));
	return relid;
}

PG_FUNCTION_INFO_V1(msgext_create_template);

PGDLLEXPORT Datum
msgext_create_template(PG_FUNCTION_ARGS)
{
	const char *name = name_argument(fcinfo);
	MsgTemplateVersion version = {0};
	MsgTemplateVersion last;
	bool replace = !PG_ARGISNULL(2 + PARTS) && PG_GETARG_BOOL(2 + PARTS);
	MsgTable *templates;
	MsgServer *server;
	bool found;
	bool new;
	Oid relid;
	int part;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("server and message must not be null")));
	PreventCommandIfReadOnly("create_template()");
	if (name[0] == '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_NAME),
						errmsg("name of a template must not be empty")));
	server = msgext_access_server(NameStr(*PG_GETARG_NAME(1)));
	msgext_access_use(server);
	relid = template_to_fill(name, server, replace);
	new = !OidIsValid(relid);
	version.name = pstrdup(name);
	for (part = LOOKUP; part < PARTS; part++)
		set_default(&version, part);
	take_arguments(&version, fcinfo, 2);
	if (new)
		relid = create_table(name, server->name);

	/* One of that name may have gone with its server, and was perhaps somebody else's. */
	templates = msgext_template_version_open(true);
	found = find_last(templates, name, &last);
	if (new &&found)
		msgext_template_version_remove(templates, name);
	PG_RETURN_INT32(store_and_close(templates, &version, found ? last.version : 0,
									found && !new ? &last : NULL, relid));
}

static void
reset_parts(MsgTemplateVersion *version, ArrayType *names)
{
	Datum *datums;
	bool *nulls;
	int n;
	int i;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &datums, &nulls, &n);
	for (i = 0; i < n; i++)
	{
		const char *name = nulls[i] ? "" : TextDatumGetCString(datums[i]);
		int part = 0;

		while (part < PARTS && strcmp(name, part_names[part]) != 0)
			part++;
		if (part == PARTS)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("reset names no part of a template: \"%s\"", name)));
		set_default(version, part);
	}
}

PG_FUNCTION_INFO_V1(msgext_alter_template);

PGDLLEXPORT Datum
msgext_alter_template(PG_FUNCTION_ARGS)
{
	const char *name = name_argument(fcinfo);
	MsgTemplateVersion version;
	MsgTemplateVersion last;
	MsgTable *templates;
	Oid relid;

	PreventCommandIfReadOnly("alter_template()");
	relid = own_template(name);
	templates = msgext_template_version_open(true);
	if (!find_last(templates, name, &last))
		msgext_recipe_refuse_empty(name);
	version = last;
	if (!PG_ARGISNULL(1 + PARTS))
		reset_parts(&version, PG_GETARG_ARRAYTYPE_P(1 + PARTS));
	take_arguments(&version, fcinfo, 1);
	PG_RETURN_INT32(store_and_close(templates, &version, last.version, &last, relid));
}

/* notify() itself. */
static Oid
notify_function(void)
{
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum("notify"),
						   PointerGetDatum(buildoidvector(NULL, 0)),
						   ObjectIdGetDatum(msgext_schema_oid()));
}

static bool
calls_template(HeapTuple tuple, TupleDesc desc, Oid function, const char *name)
{
	Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);
	bytea *arguments;
	bool isnull;
	Datum value;

	if (form->tgfoid != function || form->tgnargs != 1)
		return false;
	value = heap_getattr(tuple, Anum_pg_trigger_tgargs, desc, &isnull);
	if (isnull)
		return false;
	arguments = DatumGetByteaPP(value);

	/* Each argument ends with a NUL. */
	return VARSIZE_ANY_EXHDR(arguments) > 0 &&
		   strcmp(msgext_trigger_name(VARDATA_ANY(arguments)), name) == 0;
}

/*
 * ERROR 2BP01 while a trigger uses it: its statements would fail from then on. One that
 * names it and may not use it holds nothing up.
 */
static void
check_unused(Oid template, const char *name)
{
	Relation triggers = table_open(TriggerRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(triggers, InvalidOid, false, NULL, 0, NULL);
	Oid function = notify_function();
	Oid owner = msgext_owner_of(template);
	StringInfoData users;
	HeapTuple tuple;

	initStringInfo(&users);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);
		Oid table_owner;

		if (OidIsValid(form->tgparentid) ||
			!calls_template(tuple, RelationGetDescr(triggers), function, name))
			continue;
		table_owner = msgext_owner_of(form->tgrelid);
		if (!msgext_consent_of_template(template, owner, table_owner) ||
			!msgext_consent_of_table(owner, form->tgrelid, table_owner))
			continue;
		if (users.len > 0)
			appendStringInfoChar(&users, '\n');
		appendStringInfo(&users, "trigger %s on table %s uses it",
						 quote_identifier(NameStr(form->tgname)),
						 quote_qualified_identifier(
							 get_namespace_name(get_rel_namespace(form->tgrelid)),
							 get_rel_name(form->tgrelid)));
	}
	systable_endscan(scan);
	table_close(triggers, AccessShareLock);
	if (users.len > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot drop template \"%s\" because triggers use it", name),
				 errdetail("%s", users.data), errhint("Drop the triggers first.")));
}

PG_FUNCTION_INFO_V1(msgext_drop_template);

PGDLLEXPORT Datum
msgext_drop_template(PG_FUNCTION_ARGS)
{
	const char *name = name_argument(fcinfo);
	ObjectAddress table = {.classId = RelationRelationId};
	MsgTable *templates;

	PreventCommandIfReadOnly("drop_template()");
	table.objectId = own_template(name);
	check_unused(table.objectId, name);
	performDeletion(&table, DROP_RESTRICT, 0);
	templates = msgext_template_version_open(true);
	msgext_template_version_remove(templates, name);
	msgext_table_close(templates);
	PG_RETURN_VOID();
}
