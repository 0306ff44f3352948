/*
 * block_recipient.c
 *		Who wants nothing more from a server: block_recipient(), unblock_recipient(); and
 *		may_operate(), under the policy of their table.
 *
 * What is queued for him ends when its turn comes, by engine/addressee.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "pg/base/actor.h"
#include "pg/base/text.h"
#include "pg/catalog/access.h"
#include "pg/sql/audit.h"
#include "pg/sql/recipient.h"
#include "pg/store/blocked_recipient.h"
#include "pg/store/origin.h"

/* The act, and not of whom: who may know that is who may see the table. */
static Datum
tell(const MsgRecipient *recipient, const char *kind, bool done)
{
	if (done)
	{
		msgext_audit_append(recipient->server->oid, recipient->server->name, kind,
							recipient->reason, NULL);

		/* A further call in the same statement must find what this one has done. */
		CommandCounterIncrement();
	}
	return BoolGetDatum(done);
}

PG_FUNCTION_INFO_V1(msgext_block_recipient);

PGDLLEXPORT Datum
msgext_block_recipient(PG_FUNCTION_ARGS)
{
	MsgRecipient recipient;
	MsgTable *blocked;
	bool done;

	PreventCommandIfReadOnly("block_recipient()");
	msgext_recipient_read(fcinfo, &recipient);
	if (recipient.server->provider->recipients == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("server \"%s\" knows no recipients", recipient.server->name),
				 errdetail("Its messages say nothing of whom they go to.")));
	blocked = msgext_blocked_open(true);
	done = msgext_blocked_add(blocked, &(MsgBlock){
										   .server = recipient.server->oid,
										   .server_name = recipient.server->name,
										   .recipient = msgext_from_utf8(recipient.name),
										   .actor = msgext_actor(),
										   .reason = recipient.reason,
									   });
	msgext_table_close(blocked);
	return tell(&recipient, "recipient blocked", done);
}

PG_FUNCTION_INFO_V1(msgext_unblock_recipient);

PGDLLEXPORT Datum
msgext_unblock_recipient(PG_FUNCTION_ARGS)
{
	MsgRecipient recipient;
	MsgTable *blocked;
	bool done;

	PreventCommandIfReadOnly("unblock_recipient()");
	msgext_recipient_read(fcinfo, &recipient);
	blocked = msgext_blocked_open(true);
	done = msgext_blocked_remove(blocked, recipient.server->oid,
								 msgext_from_utf8(recipient.name));
	msgext_table_close(blocked);
	return tell(&recipient, "recipient unblocked", done);
}

PG_FUNCTION_INFO_V1(msgext_may_operate);

PGDLLEXPORT Datum
msgext_may_operate(PG_FUNCTION_ARGS)
{
	const MsgServer *server =
		PG_GETARG_INT64(2) != msgext_origin()
			? msgext_server_find(text_to_cstring(PG_GETARG_TEXT_PP(1)))
			: msgext_server_get(PG_GETARG_OID(0));

	PG_RETURN_BOOL(server != NULL && msgext_access_may_operate(server));
}
