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
#include "pg/base/clock.h"
#include "pg/base/guc.h"
#include "pg/base/json_pg.h"
#include "pg/base/node.h"
#include "pg/base/text.h"
#include "pg/catalog/access.h"
#include "pg/inbound/callback.h"
#include "pg/inbound/inbox.h"
#include "pg/inbound/receive.h"
#include "pg/ipc/notify.h"

/* Devino, edna: a push is a few hundred bytes a message. */
#define CALLBACK_MAX (1024 * 1024)

/* Statuses of HTTP, where a codec has none of its own. */
#define TAKEN 200
#define REFUSED 400

bool
msgext_receive(MsgServer *server, const char *headers, const char *body, size_t len,
			   MsgReceived *received, MsgError *error)
{
	MsgInbound inbound = {.body = body, .body_len = len, .headers = headers};
	MsgArena *arena = msgext_arena_pg_create(CurrentMemoryContext);
	MsgPushed pushed = {0};
	bool unmatched;
	bool taken;

	memset(received, 0, sizeof(*received));
	msgext_access_use(server);
	if ((server->provider->caps & MSG_CAN_CALLBACK) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("provider \"%s\" pushes nothing", server->provider->name)));
	if (len > CALLBACK_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("callback has more than %d bytes", CALLBACK_MAX)));
	msgext_server_pin(server);
	inbound.now_us = msgext_unix_us(msgext_clock());
	inbound.window_us = server->callback_window_ms * 1000;
	if (msgext_option_find(server->provider->options, MSG_OPTION_MAPPING,
						   "callback_secret") != NULL)
		inbound.secrets = msgext_server_callback_secrets(server);
	taken =
		server->provider->parse_callback(arena, &server->conn, &inbound, &pushed, error);
	if (!taken)
		received->status = pushed.status != 0 ? pushed.status : REFUSED;
	else
	{
		received->status = pushed.status != 0 ? pushed.status : TAKEN;
		received->answer = pushed.answer;
		received->answer_type = pushed.answer_type;
		received->applied =
			msgext_callback_receive(server, pushed.events, &unmatched, &received->full);
		received->foreign = unmatched && msgext_node != 0;
		if (pushed.inbox_id != NULL)
			received->applied +=
				msgext_inbox_add(server, &inbound, &pushed, &received->inbox_full);
		msgext_notify_at_commit(MSG_NEWS_CALLBACK);

		/* After the commit the provider is told, and never comes again: it must last. */
		ForceSyncCommit();
	}
	msgext_server_unpin(server);
	return taken;
}

/* An object of names and texts, as web tiers have a request's headers. */
static const char *
header_lines(Jsonb *object)
{
	MsgArena *arena = msgext_arena_pg_create(CurrentMemoryContext);
	const MsgJson *header = msgext_json_from_jsonb(arena, object);
	MsgBuf lines;

	if (header->type != MSG_JSON_OBJECT)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("headers must be a JSON object")));
	msgext_buf_init(&lines, arena, 256);
	for (header = header->first; header != NULL; header = header->next)
	{
		if (header->type == MSG_JSON_NULL)
			continue;
		if (header->type != MSG_JSON_STRING || strpbrk(header->name, ":\r\n") != NULL ||
			strpbrk(header->text, "\r\n") != NULL || strlen(header->text) != header->len)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("a header must have a name and a text of one line")));
		msgext_buf_printf(&lines, "%s: %s\n", header->name, header->text);
	}
	return lines.data;
}

int
msgext_receive_from_sql(MsgServer *server, Jsonb *headers, const char *body, size_t len)
{
	MsgError error = {0};
	MsgReceived received;

	if (!msgext_receive(server, headers != NULL ? header_lines(headers) : "", body, len,
						&received, &error))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("callback for server \"%s\" could not be read", server->name),
				 error.offset > 0 ? errdetail("%s, at byte %zu.",
											  msgext_from_utf8(error.text), error.offset)
								  : errdetail("%s.", msgext_from_utf8(error.text))));
	if (received.inbox_full)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("the inbox of server \"%s\" is full", server->name),
				 errdetail("msgext.max_unmatched_callbacks = %d pushes of a server wait "
						   "in it at most.",
						   msgext_max_unmatched_callbacks),
				 errhint("Let the sender repeat it later. Take what is there with "
						 "take_pushes(), or raise the limit.")));
	if (received.full)
		ereport(
			ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("too many callbacks of server \"%s\" match no message", server->name),
			 errdetail("msgext.max_unmatched_callbacks = %d are kept of a server.",
					   msgext_max_unmatched_callbacks),
			 errhint("Let the provider repeat it later. Look at "
					 "msgext.callback, whose rows without message_id these are; "
					 "remove those that nobody needs, or raise the limit.")));
	return received.applied;
}

int
msgext_receive_call(FunctionCallInfo fcinfo, const char *command)
{
	bytea *body;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("server and body must not be null")));
	PreventCommandIfReadOnly(command);
	body = PG_GETARG_BYTEA_PP(1);
	return msgext_receive_from_sql(msgext_access_server(NameStr(*PG_GETARG_NAME(0))),
								   PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2),
								   VARDATA_ANY(body), VARSIZE_ANY_EXHDR(body));
}

PG_FUNCTION_INFO_V1(msgext_receive_callback);

PGDLLEXPORT Datum
msgext_receive_callback(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(msgext_receive_call(fcinfo, "receive_callback()"));
}
