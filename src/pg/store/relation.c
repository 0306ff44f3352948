/*
 * relation.c
 *		Where the extension's schema and relations are: see relation.h.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "pg/base/mode.h"
#include "pg/store/relation.h"

/* More than there are: what does not find room is looked up in the catalogs each time. */
#define KNOWN_MAX 64

/* Relations by name, each until something about it changes. */
static struct
{
	char name[NAMEDATALEN];
	Oid oid;
} known[KNOWN_MAX];
static int nknown = 0;
static uint64 generation = 1; /* counts what may have been forgotten */

/* Told of every change of its row in pg_class, and of Citus's, which does not touch that. */
static void
forget(Datum arg, Oid relation)
{
	int i;

	generation++;
	for (i = nknown - 1; i >= 0; i--)
		if (!OidIsValid(relation) || known[i].oid == relation)
			known[i] = known[--nknown];
}

/* An extension and its schema; false when it is not installed here. */
static bool
find_extension(const char *name, Oid *extension, Oid *schema)
{
	Relation catalog = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum(name));
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

	return find_extension("msgext", &extension, &schema) ? schema : InvalidOid;
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

/*
 * Has Citus taken the rows of a table of ours to shards? What is left is a shell, of which
 * SQL shows the shards, and we would write and read the shell. Its catalog is looked at by
 * hand, for it is there only where Citus is.
 */
static bool
is_shell(Oid relation)
{
	Oid partitions = get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE);
	AttrNumber column;
	Relation catalog;
	TableScanDesc scan;
	HeapTuple tuple;
	bool found = false;

	if (!OidIsValid(partitions) || get_rel_relkind(partitions) != RELKIND_RELATION)
		return false;
	column = get_attnum(partitions, "logicalrelid");
	catalog = table_open(partitions, AccessShareLock);
	scan = table_beginscan_catalog(catalog, 0, NULL);
	while (column > 0 && !found &&
		   (tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		bool isnull;
		Datum table = heap_getattr(tuple, column, RelationGetDescr(catalog), &isnull);

		found = !isnull && DatumGetObjectId(table) == relation;
	}
	table_endscan(scan);
	table_close(catalog, AccessShareLock);
	return found;
}

static Oid
look_up(const char *name)
{
	const char *owner = "msgext";
	Oid extension;
	Oid schema;
	Oid relation;

	if (strncmp(name, MSG_IN_TEST, strlen(MSG_IN_TEST)) == 0)
	{
		owner = MSG_TEST_EXTENSION;
		name += strlen(MSG_IN_TEST);
	}
	if (!find_extension(owner, &extension, &schema))
		return InvalidOid;
	relation = get_relname_relid(name, schema);
	return OidIsValid(relation) && is_member(relation, extension) ? relation : InvalidOid;
}

Oid
msgext_relation_oid(const char *name)
{
	static bool registered = false;
	static int last = 0; /* mostly the same is asked for again and again */
	uint64 before;
	Oid relation;
	int i;

	if (last < nknown && strcmp(known[last].name, name) == 0)
		return known[last].oid;
	for (i = 0; i < nknown; i++)
		if (strcmp(known[i].name, name) == 0)
			return known[last = i].oid;
	if (!registered)
		CacheRegisterRelcacheCallback(forget, (Datum) 0);
	registered = true;

	before = generation;
	relation = look_up(name);
	if (!OidIsValid(relation))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("relation \"msgext.%s\" does not exist", name),
						errhint("Run CREATE EXTENSION msgext in this database.")));

	if (is_shell(relation))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"msgext.%s\" has been distributed by Citus", name),
				 errdetail("Messages are rows of the node that sends them; nothing is "
						   "queued or sent while one of the tables is a shell."),
				 errhint("Citus cannot undo it: save the rows, then drop and create the "
						 "extension and its schema on this node.")));

	/* What changed while we looked may have been this one. */
	if (nknown < KNOWN_MAX && generation == before)
	{
		strlcpy(known[nknown].name, name, NAMEDATALEN);
		known[nknown++].oid = relation;
	}
	return relation;
}

const char *
msgext_relation_sql(const char *name)
{
	Oid schema = get_rel_namespace(msgext_relation_oid(name));

	return quote_qualified_identifier(get_namespace_name(schema), name);
}

uint64
msgext_relation_generation(void)
{
	return generation;
}
