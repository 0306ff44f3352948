/*
 * install.c
 *		What CREATE EXTENSION calls: whether the schema is ours to fill, and the start.
 *
 * CREATE EXTENSION makes schema msgext where there is none, and takes the one that is
 * there otherwise. Its owner could rename it, replace what is in it, and have his code
 * run with the rights of whoever trusts the name. So one that is not a superuser's, that
 * somebody else may create in, or that holds anything already, is refused. A dump makes
 * the schema first, as its owner and empty: that is taken.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "pg/ipc/notify.h"
#include "pg/store/origin.h"

static void
refuse(Oid schema, const char *detail)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		 errmsg("extension %s cannot use the schema %s that exists",
				get_extension_name(CurrentExtensionObject), get_namespace_name(schema)),
		 errdetail("%s", detail),
		 errhint("Drop or rename the schema; CREATE EXTENSION makes its own.")));
}

/* It may be the one that CREATE EXTENSION has just made. */
static void
refuse_open(Oid schema)
{
	const char *name = get_namespace_name(schema);

	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("extension %s cannot use schema %s",
						   get_extension_name(CurrentExtensionObject), name),
					errdetail("Others than its owner may create objects in it."),
					errhint("REVOKE CREATE ON SCHEMA %s FROM them. Where ALTER DEFAULT "
							"PRIVILEGES gives it to them, make the schema before the "
							"extension.",
							name)));
}

/* May anybody but the owner create objects there? */
static bool
others_may_create(Datum acl, Oid owner)
{
	Acl *list = DatumGetAclPCopy(acl);
	const AclItem *items = ACL_DAT(list);
	int i;

	for (i = 0; i < ACL_NUM(list); i++)
		if ((ACLITEM_GET_PRIVS(items[i]) & ACL_CREATE) != 0 &&
			items[i].ai_grantee != owner)
			return true;
	return false;
}

/* Does anything lie in the schema but what this very CREATE EXTENSION has made? */
static bool
holds_others(Oid schema)
{
	Relation rel = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	bool others = false;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(NamespaceRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(schema));
	scan = systable_beginscan(rel, DependReferenceIndexId, true, NULL, 2, keys);
	while (!others && (tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->classid == ExtensionRelationId
				? form->objid != CurrentExtensionObject
				: getExtensionOfObject(form->classid, form->objid) !=
					  CurrentExtensionObject)
			others = true;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return others;
}

PG_FUNCTION_INFO_V1(msgext_check_schema);

/*
 * Called by the install scripts of both extensions before they make anything else, each by
 * a function in its own schema.
 */
PGDLLEXPORT Datum
msgext_check_schema(PG_FUNCTION_ARGS)
{
	HeapTuple tuple;
	Oid owner;
	Oid schema;
	Datum acl;
	bool isnull;

	if (!creating_extension)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("only CREATE EXTENSION may call this function")));
	schema = get_func_namespace(fcinfo->flinfo->fn_oid);
	tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(schema));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "schema %u is gone", schema);
	owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	acl = SysCacheGetAttr(NAMESPACEOID, tuple, Anum_pg_namespace_nspacl, &isnull);
	if (owner != GetUserId() && !superuser_arg(owner))
		refuse(schema,
			   psprintf("It belongs to role \"%s\".", GetUserNameFromId(owner, false)));
	if (!isnull && others_may_create(acl, owner))
		refuse_open(schema);
	if (holds_others(schema))
		refuse(schema, "It is not empty.");
	ReleaseSysCache(tuple);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(msgext_install);

/* Called at the end: remembers where this is, and lets the launcher know at commit. */
PGDLLEXPORT Datum
msgext_install(PG_FUNCTION_ARGS)
{
	msgext_origin_record();
	msgext_notify_at_commit(MSG_NEWS_ALL);
	PG_RETURN_VOID();
}
