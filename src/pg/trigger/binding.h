/*
 * binding.h
 *		A template and the table whose rows it is used for: where in a row the values are
 *		that it wants, and its lookup, prepared for such rows.
 */
#ifndef MSGEXT_BINDING_H
#define MSGEXT_BINDING_H

#include "pg/trigger/lookup.h"
#include "pg/trigger/recipe.h"
#include "utils/rel.h"

typedef struct MsgBinding
{
	Oid relid;			 /* InvalidOid: of a row without a table */
	AttrNumber *columns; /* of wanted values in new and old; 0 = all columns */
	SPIPlanPtr lookup;	 /* or NULL */
} MsgBinding;

/*
 * The recipe's for a table, made if need be, as long-lived as the recipe. ERROR 42703
 * where a column is missing. The current user is the template's owner; user is whose
 * statement it is, and what a lookup that is not valid is hidden from.
 */
extern MsgBinding *msgext_binding_get(MsgRecipe *recipe, Relation rel, Oid user);

/* The same for rows of any type; it goes with the recipe. */
extern MsgBinding *msgext_binding_create(MsgRecipe *recipe, TupleDesc desc, Oid rowtype,
										 Oid user);

/* The number of the column, 0 where all are wanted, or -1. */
extern int msgext_binding_column(const MsgWanted *wanted, TupleDesc desc);

/* As a template writes it. */
extern char *msgext_wanted_path(const MsgWanted *wanted);

#endif /* MSGEXT_BINDING_H */
