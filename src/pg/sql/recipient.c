/*
 * recipient.c
 *		The server and the recipient that a function is called with: see recipient.h.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/recipients.h"
#include "pg/base/actor.h"
#include "pg/base/arena_pg.h"
#include "pg/base/text.h"
#include "pg/catalog/access.h"
#include "pg/sql/recipient.h"

/* As long as an address of the Internet may be. */
#define RECIPIENT_MAX 2048

void
msgext_recipient_read(FunctionCallInfo fcinfo, MsgRecipient *recipient)
{
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("%s must not be null",
							   PG_ARGISNULL(0) ? "server" : "recipient")));
	recipient->server = msgext_access_server(NameStr(*PG_GETARG_NAME(0)));
	msgext_access_operate(recipient->server);
	recipient->given = msgext_to_utf8(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	recipient->name = pstrdup(msgext_recipient_normal(
		msgext_arena_pg_create(CurrentMemoryContext), recipient->given));
	if (recipient->name[0] == '\0' || strlen(recipient->name) > RECIPIENT_MAX)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("recipient must have 1 to %d bytes", RECIPIENT_MAX)));
	recipient->reason = msgext_actor_reason(fcinfo, 2);
}
