/*
 * inherited.c
 *		Claims of dispatchers that have ended: see inherited.h.
 */
#include "postgres.h"

#include "pg/base/clock.h"
#include "pg/engine/inherited.h"
#include "pg/store/claim.h"

/* A message that raises an error is looked at again after this. */
#define CULPRIT_US (60 * USECS_PER_SEC)

void
msgext_inherited_read(MsgInherited *inherited, MsgTurn *turn, MemoryContext context)
{
	ListCell *cell;

	memset(inherited, 0, sizeof(*inherited));
	msgext_turn_begin(turn);
	foreach (cell, msgext_claim_list(claims_of(turn)))
	{
		const MsgClaim *claim = lfirst(cell);
		MemoryContext before = MemoryContextSwitchTo(context);
		MsgInheritedClaim *copy = palloc0(offsetof(MsgInheritedClaim, messages) +
										  sizeof(MsgInheritedMessage) * claim->n);
		int i;

		copy->id = claim->id;
		copy->n = claim->n;
		for (i = 0; i < claim->n; i++)
		{
			copy->messages[i].id = claim->messages[i];
			copy->messages[i].attempt = claim->attempts[i];
			copy->messages[i].created = claim->created[i];
		}
		inherited->claims = lappend(inherited->claims, copy);
		MemoryContextSwitchTo(before);
		inherited->last_claim = Max(inherited->last_claim, claim->id);
	}
	msgext_turn_commit(turn);
}

void
msgext_inherited_abort(MsgInherited *inherited, int64 culprit)
{
	ListCell *cell;

	foreach (cell, inherited->claims)
	{
		MsgInheritedClaim *claim = lfirst(cell);
		int i;

		for (i = 0; i < claim->n; i++)
		{
			MsgInheritedMessage *message = &claim->messages[i];

			message->written = false;
			if (culprit != 0 && message->id == culprit)
				message->not_before = msgext_clock() + CULPRIT_US;
		}
	}
}

bool
msgext_inherited_has(const MsgInherited *inherited, int64 message)
{
	ListCell *cell;

	foreach (cell, inherited->claims)
	{
		const MsgInheritedClaim *claim = lfirst(cell);
		int i;

		for (i = 0; i < claim->n; i++)
			if (claim->messages[i].id == message && !claim->messages[i].settled)
				return true;
	}
	return false;
}
