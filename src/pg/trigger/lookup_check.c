/*
 * lookup_check.c
 *		What a lookup would run: see lookup_check.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "pg/trigger/lookup_check.h"
#include "pg/trigger/owner.h"

/* What a lookup is looked through for. */
typedef struct Inspection
{
	const MsgRecipe *recipe;
	Oid rowtype;
	bool foreign; /* rows of another role's */
} Inspection;

static void __attribute__((noreturn)) refuse(const MsgRecipe *recipe, const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("lookup of template \"%s\" would run what is not its owner's",
						   recipe->name),
					errdetail("%s", detail)));
}

static Form_pg_type
type_form(Oid type, HeapTuple *tuple)
{
	*tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(*tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	return (Form_pg_type) GETSTRUCT(*tuple);
}

static void
check_not_temporary(const MsgRecipe *recipe, Oid schema, const char *name)
{
	if (isAnyTempNamespace(schema))
		refuse(
			recipe,
			psprintf("\"%s\" is temporary. Names of a lookup must be qualified.", name));
}

static void
check_type_not_temporary(const MsgRecipe *recipe, Oid type)
{
	HeapTuple tuple;
	Oid schema = type_form(type, &tuple)->typnamespace;

	ReleaseSysCache(tuple);
	check_not_temporary(recipe, schema, format_type_be(type));
}

/* One of the template's owner or of a superuser. */
static bool
is_trusted(const MsgRecipe *recipe, Oid role)
{
	return role == recipe->owner || superuser_arg(role);
}

/* A column of a row of another role's: of that role's types there may be casts. */
static void
check_column_type(const MsgRecipe *recipe, Oid type)
{
	Oid base = getBaseType(type);
	Oid element = get_element_type(base);
	HeapTuple tuple;
	Oid owner;

	if (OidIsValid(element))
		base = getBaseType(element);
	owner = type_form(base, &tuple)->typowner;
	ReleaseSysCache(tuple);
	if (!is_trusted(recipe, owner))
		refuse(recipe, psprintf("A column of the row is of type %s, which is another "
								"role's.",
								format_type_be(type)));
}

static bool
inspect(Node *node, Inspection *inspection)
{
	const MsgRecipe *recipe = inspection->recipe;
	Node *inner = node;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, inspect, inspection, 0);
	if (IsA(node, FuncExpr) || IsA(node, CoerceToDomain) || IsA(node, ArrayCoerceExpr))
		check_type_not_temporary(recipe, exprType(node));
	while (IsA(inner, FieldSelect))
		inner = (Node *) castNode(FieldSelect, inner)->arg;
	if (!inspection->foreign || !IsA(inner, Param) ||
		exprType(inner) != inspection->rowtype)
		return expression_tree_walker(node, inspect, inspection);
	if (inner == node)
		refuse(recipe, "It uses the whole row, which is of another role's type.");
	for (; IsA(node, FieldSelect); node = (Node *) castNode(FieldSelect, node)->arg)
		check_column_type(recipe, castNode(FieldSelect, node)->resulttype);
	return false;
}

void
msgext_lookup_check(const MsgRecipe *recipe, const CachedPlanSource *source, Oid rowtype)
{
	Oid table = typeidTypeRelid(rowtype);
	Inspection inspection = {.recipe = recipe, .rowtype = rowtype};
	ListCell *cell;

	inspection.foreign =
		!OidIsValid(table) || !is_trusted(recipe, msgext_owner_of(table));
	foreach (cell, source->relationOids)
		check_not_temporary(recipe, get_rel_namespace(lfirst_oid(cell)),
							get_rel_name(lfirst_oid(cell)));
	(void) inspect(linitial(source->query_list), &inspection);
}
