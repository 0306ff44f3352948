/*
 * actor.c
 *		Whose doing it is that something is changed: see actor.h.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "pg/base/actor.h"

static Oid actor = InvalidOid;

void
msgext_actor_set(Oid role)
{
	actor = role;
}

char *
msgext_actor(void)
{
	return GetUserNameFromId(OidIsValid(actor) ? actor : GetSessionUserId(), true);
}
