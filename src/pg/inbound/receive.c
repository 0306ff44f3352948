/*
 * receive.c
 *		receive_callback(): a provider's push, from whoever took it, becomes rows. See
 *		receive.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "pg/base/arena_pg.h"
#include "pg/base/guc.h"
#include "pg/base/text.h"
#include "pg/catalog/access.h"
#include "pg/inbound/callback.h"
#include "pg/inbound/receive.h"
#include "pg/ipc/notify.h"

/* Devino, edna: a push is a few hundred bytes a message. */
#define CALLBACK_MAX (1024 * 1024)

int
msgext_receive(MsgServer *server, const char *body, size_t len, bool *full,
			   MsgError *error)
{
	MsgInbound inbound = {body, len};
	MsgEvent *reports = NULL;
	int applied;

	*full = false;
	msgext_access_use(server);
	if ((server->provider->caps & MSG_CAN_CALLBACK) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("provider \"%s\" pushes nothing", server->provider->name)));
	if (len > CALLBACK_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("callback has more than %d bytes", CALLBACK_MAX)));
	if (!server->provider->parse_callback(msgext_arena_pg_create(CurrentMemoryContext),
										  &server->conn, &inbound, &reports, error))
		return -1;
	msgext_server_pin(server);
	applied = msgext_callback_receive(server, reports, full);
	msgext_server_unpin(server);
	msgext_notify_at_commit(MSG_NEWS_CALLBACK);

	/* After the commit the provider is told 200, and never comes again: it must last. */
	ForceSyncCommit();
	return applied;
}

PG_FUNCTION_INFO_V1(msgext_receive_callback);

PGDLLEXPORT Datum
msgext_receive_callback(PG_FUNCTION_ARGS)
{
	MsgServer *server;
	MsgError error = {0};
	bytea *body;
	int applied;
	bool full;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("server and body must not be null")));
	PreventCommandIfReadOnly("receive_callback()");
	server = msgext_access_server(NameStr(*PG_GETARG_NAME(0)));
	body = PG_GETARG_BYTEA_PP(1);
	applied =
		msgext_receive(server, VARDATA_ANY(body), VARSIZE_ANY_EXHDR(body), &full, &error);
	if (applied < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("callback for server \"%s\" could not be read", server->name),
				 error.offset > 0 ? errdetail("%s, at byte %zu.",
											  msgext_from_utf8(error.text), error.offset)
								  : errdetail("%s.", msgext_from_utf8(error.text))));
	if (full)
		ereport(
			ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("too many callbacks of server \"%s\" match no message", server->name),
			 errdetail("msgext.max_unmatched_callbacks = %d are kept of a server.",
					   msgext_max_unmatched_callbacks),
			 errhint("Let the provider repeat it later. Look at "
					 "msgext.callback, whose rows without message_id these are; "
					 "remove those that nobody needs, or raise the limit.")));
	PG_RETURN_INT32(applied);
}
