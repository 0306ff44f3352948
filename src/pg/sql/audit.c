/*
 * audit.c
 *		Who changes servers by DDL: a row of msgext.server_event in his transaction; and
 *		may_monitor(), under that table's policy.
 *
 * Told by PostgreSQL's object access hook. Whoever writes options has the library loaded,
 * for its validator checks them; a rename, a change of owner and a drop are seen only where
 * it is preloaded or in use. Options of servers hold no secrets; user mappings do, and are
 * not looked at.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "core/json.h"
#include "core/provider.h"
#include "pg/base/actor.h"
#include "pg/base/arena_pg.h"
#include "pg/base/extension.h"
#include "pg/base/json_pg.h"
#include "pg/base/text.h"
#include "pg/catalog/access.h"
#include "pg/sql/audit.h"
#include "pg/store/relation.h"
#include "pg/store/server_event.h"

static object_access_hook_type previous = NULL;

/* A server as one snapshot sees it; name is NULL where there is none. */
typedef struct Seen
{
	char *name;
	Oid owner;
	Oid wrapper;
	List *options; /* of DefElem */
} Seen;

static void
look(Oid server, Snapshot snapshot, Seen *seen)
{
	Relation rel = table_open(ForeignServerRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	memset(seen, 0, sizeof(*seen));
	ScanKeyInit(&key, Anum_pg_foreign_server_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(server));
	scan = systable_beginscan(rel, ForeignServerOidIndexId, true, snapshot, 1, &key);
	if ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_foreign_server form = (Form_pg_foreign_server) GETSTRUCT(tuple);
		bool isnull;
		Datum options = heap_getattr(tuple, Anum_pg_foreign_server_srvoptions,
									 RelationGetDescr(rel), &isnull);

		seen->name = pstrdup(NameStr(form->srvname));
		seen->owner = form->srvowner;
		seen->wrapper = form->srvfdw;
		if (!isnull)
			seen->options = untransformRelOptions(datumCopy(options, false, -1));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

/* Is it a wrapper of the extension that is installed, and are its tables there? */
static bool
is_ours(Oid wrapper)
{
	Oid extension = msgext_extension_oid();

	return OidIsValid(extension) &&
		   getExtensionOfObject(ForeignDataWrapperRelationId, wrapper) == extension &&
		   OidIsValid(get_relname_relid("server_event", msgext_schema_oid()));
}

static const char *
option(List *options, const char *name)
{
	ListCell *cell;

	foreach (cell, options)
	{
		DefElem *element = lfirst(cell);

		if (strcmp(element->defname, name) == 0)
			return defGetString(element);
	}
	return NULL;
}

static MsgJson *
json_text(MsgArena *arena, const char *text)
{
	char *utf8 = msgext_to_utf8(text);

	return utf8 != NULL ? msgext_json_string(arena, utf8, strlen(utf8))
						: msgext_json_new(arena, MSG_JSON_NULL);
}

/* {"name": [before, after]} of what differs, or NULL when nothing does. */
static Jsonb *
difference(List *before, List *after)
{
	MsgArena *arena = msgext_arena_pg_create(CurrentMemoryContext);
	MsgJson *changes = msgext_json_new(arena, MSG_JSON_OBJECT);
	ListCell *cell;

	foreach (cell, list_concat_copy(before, after))
	{
		const char *name = ((DefElem *) lfirst(cell))->defname;
		const char *old = option(before, name);
		const char *new = option(after, name);
		MsgJson *pair;

		if (old != NULL && new != NULL && strcmp(old, new) == 0)
			continue;
		pair = msgext_json_new(arena, MSG_JSON_ARRAY);
		msgext_json_append(pair, json_text(arena, old));
		msgext_json_append(pair, json_text(arena, new));
		msgext_json_set(changes, msgext_to_utf8(name), pair);
	}
	return changes->count > 0 ? msgext_json_to_jsonb(changes) : NULL;
}

void
msgext_audit_append(Oid server, const char *name, const char *kind, const char *reason,
					Jsonb *detail)
{
	MsgServerEvent event = {0};

	event.server = server;
	event.name = name;
	event.kind = kind;
	event.actor = msgext_actor();
	event.reason = reason;
	event.detail = detail;
	msgext_server_event_append(&event);
}

static void
note_server(ObjectAccessType access, Oid server)
{
	Seen before;
	Seen after;
	Jsonb *detail;

	look(server, NULL, &before);
	look(server, SnapshotSelf, &after);
	if (access == OAT_DROP)
	{
		if (before.name != NULL && is_ours(before.wrapper))
			msgext_audit_append(server, before.name, "dropped", NULL, NULL);
		return;
	}
	if (after.name == NULL || !is_ours(after.wrapper))
		return;
	detail = difference(before.options, after.options);
	if (access == OAT_POST_CREATE)
	{
		msgext_audit_append(server, after.name, "created", NULL, detail);
		return;
	}
	if (before.name == NULL)
		return;
	if (detail != NULL)
		msgext_audit_append(server, after.name, "options", NULL, detail);
	if (strcmp(before.name, after.name) != 0)
		msgext_audit_append(server, after.name, "renamed",
							psprintf("it was %s", before.name), NULL);
	if (before.owner != after.owner)
		msgext_audit_append(server, after.name, "owner",
							psprintf("from %s to %s",
									 GetUserNameFromId(before.owner, true),
									 GetUserNameFromId(after.owner, true)),
							NULL);
}

static void
on_object_access(ObjectAccessType access, Oid class, Oid object, int part, void *arg)
{
	if (previous != NULL)
		previous(access, class, object, part, arg);
	if (class != ForeignServerRelationId || part != 0 || IsBinaryUpgrade ||
		(access != OAT_POST_CREATE && access != OAT_POST_ALTER && access != OAT_DROP))
		return;
	note_server(access, object);
}

void
msgext_audit_start(void)
{
	previous = object_access_hook;
	object_access_hook = on_object_access;
}

PG_FUNCTION_INFO_V1(msgext_may_monitor);

PGDLLEXPORT Datum
msgext_may_monitor(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(msgext_access_monitor(PG_GETARG_OID(0)));
}
