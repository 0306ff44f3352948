/*
 * lookup_check.h
 *		A lookup has its owner's rights, and runs nothing that somebody else has made.
 *
 * What it names is found in pg_catalog or is qualified, but for temporary objects, which no
 * search_path keeps out. And a row of another role's table may be of types of that role's,
 * with casts, which are found wherever they are.
 */
#ifndef MSGEXT_LOOKUP_CHECK_H
#define MSGEXT_LOOKUP_CHECK_H

#include "pg/trigger/recipe.h"
#include "utils/plancache.h"

/* ERROR 42501 where a SELECT, for rows of that type, would. */
extern void msgext_lookup_check(const MsgRecipe *recipe, const CachedPlanSource *source,
								Oid rowtype);

#endif /* MSGEXT_LOOKUP_CHECK_H */
