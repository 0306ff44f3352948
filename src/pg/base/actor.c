/*
 * actor.c
 *		Whose doing it is that something is changed: see actor.h.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "pg/base/actor.h"
#include "pg/base/compat.h"
#include "pg/base/text.h"

/* As an event's texts. */
#define REASON_MAX 2048

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

char *
msgext_actor_reason(FunctionCallInfo fcinfo, int argument)
{
	text *given;
	int len;

	if (PG_ARGISNULL(argument))
		return NULL;
	given = PG_GETARG_TEXT_PP(argument);
	len = pg_mbcliplen(VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given), REASON_MAX);
	return msgext_clean_text(msgext_to_utf8(pnstrdup(VARDATA_ANY(given), len)),
							 REASON_MAX);
}
