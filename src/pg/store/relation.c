/*
 * relation.c
 *		Where the extension's schema and relations are: see relation.h.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "pg/store/relation.h"

#define KNOWN_MAX 32

/* Relations by name, each until its row in pg_class changes. */
static struct
{
	char name[NAMEDATALEN];
	Oid oid;
	uint32 hash; /* of its entry in the syscache */
} known[KNOWN_MAX];
static int nknown = 0;
static uint64 forgotten = 0; /* how often something was forgotten */

static void
forget(Datum arg, int cache, uint32 hash)
{
	int i;

	forgotten++;
	for (i = nknown - 1; i >= 0; i--)
		if (hash == 0 || known[i].hash == hash)
			known[i] = known[--nknown];
}

/* The extension and its schema; false when it is not installed here. */
static bool
find_extension(Oid *extension, Oid *schema)
{
	Relation catalog = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("msgext"));
	scan = systable_beginscan(catalog, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (tuple != NULL)
	{
		Form_pg_extension form = (Form_pg_extension) GETSTRUCT(tuple);

		*extension = form->oid;
		*schema = form->extnamespace;
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return tuple != NULL;
}

Oid
msgext_schema_oid(void)
{
	Oid extension;
	Oid schema;

	return find_extension(&extension, &schema) ? schema : InvalidOid;
}

/* An index is of the extension when its table is: no dependency of its own says so. */
static bool
is_member(Oid relation, Oid extension)
{
	char kind = get_rel_relkind(relation);
	Oid member = kind == RELKIND_INDEX ? IndexGetRelation(relation, true) : relation;

	return OidIsValid(member) &&
		   getExtensionOfObject(RelationRelationId, member) == extension;
}

static Oid
look_up(const char *name)
{
	Oid extension;
	Oid schema;
	Oid relation;

	if (!find_extension(&extension, &schema))
		return InvalidOid;
	relation = get_relname_relid(name, schema);
	return OidIsValid(relation) && is_member(relation, extension) ? relation : InvalidOid;
}

Oid
msgext_relation_oid(const char *name)
{
	static bool registered = false;
	uint64 before;
	Oid relation;
	int i;

	for (i = 0; i < nknown; i++)
		if (strcmp(known[i].name, name) == 0)
			return known[i].oid;
	if (!registered)
		CacheRegisterSyscacheCallback(RELOID, forget, (Datum) 0);
	registered = true;

	before = forgotten;
	relation = look_up(name);
	if (!OidIsValid(relation))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("relation \"msgext.%s\" does not exist", name),
						errhint("Run CREATE EXTENSION msgext in this database.")));

	/* What changed while we looked may have been this one. */
	if (nknown < KNOWN_MAX && forgotten == before)
	{
		strlcpy(known[nknown].name, name, NAMEDATALEN);
		known[nknown].hash = GetSysCacheHashValue1(RELOID, ObjectIdGetDatum(relation));
		known[nknown++].oid = relation;
	}
	return relation;
}
