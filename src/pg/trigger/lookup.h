/*
 * lookup.h
 *		A template's lookup: the SELECT whose one row is ref.
 *
 * Runs as the current user, whom the caller has made the template's owner in a
 * security-restricted operation; settings are pinned here.
 */
#ifndef MSGEXT_LOOKUP_H
#define MSGEXT_LOOKUP_H

#include "executor/spi.h"
#include "pg/trigger/recipe.h"
#include "pg/trigger/row_event.h"

/*
 * For rows of that type, for a statement of that user's; kept until SPI_freeplan(). ERROR
 * where the SELECT is not valid, or would run what others have made.
 */
extern SPIPlanPtr msgext_lookup_prepare(const MsgRecipe *recipe, Oid rowtype, Oid user);

/* The columns of its row. */
extern TupleDesc msgext_lookup_columns(SPIPlanPtr plan);

/*
 * Fills in values[i] of each wanted[i] of scope ref, in the arena; NULL where there is no
 * row. ERROR 21000 where there are two.
 */
extern void msgext_lookup_run(const MsgRecipe *recipe, SPIPlanPtr plan,
							  const MsgRowEvent *event, MsgArena *arena,
							  const MsgJson **values);

#endif /* MSGEXT_LOOKUP_H */
