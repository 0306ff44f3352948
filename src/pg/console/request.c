/*
 * request.c
 *		One request to the console: see request.h.
 *
 * What the role asks for runs in a security-restricted context, as handlers do, and is
 * interrupted when it takes too long: everybody else waits meanwhile.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "core/query_string.h"
#include "core/static_file.h"
#include "pg/base/actor.h"
#include "pg/base/arena_pg.h"
#include "pg/base/json_pg.h"
#include "pg/base/pinned.h"
#include "pg/base/run_as.h"
#include "pg/base/text.h"
#include "pg/console/history.h"
#include "pg/console/http.h"
#include "pg/console/query.h"
#include "pg/console/request.h"
#include "pg/console/session.h"

#define READ_MS 5000
#define ACT_MS 30000

#define TYPE_JSON "application/json"

static void
reply(MsgPushAnswer *answer, int status, const char *text, const char *more)
{
	answer->status = status;
	answer->text = text;
	answer->type = TYPE_JSON;
	answer->fields = msgext_console_fields(more);
}

static void
add_text(StringInfo json, const char *name, const char *text)
{
	char *utf8 = text != NULL ? msgext_to_utf8(text) : NULL;

	if (utf8 == NULL)
		return;
	appendStringInfo(json, "%s\"%s\": ", json->len > 1 ? ", " : "", name);
	escape_json(json, utf8);
}

static void
refuse(MsgPushAnswer *answer, int status, const char *why)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	add_text(&json, "error", why);
	appendStringInfoChar(&json, '}');
	reply(answer, status, json.data, status == 405 ? "Allow: GET, POST\n" : "");
}

/* ---- Errors of what was asked for ---- */

static int
status_of(int sqlstate)
{
	if (sqlstate == ERRCODE_INSUFFICIENT_PRIVILEGE)
		return 403;
	if (sqlstate == ERRCODE_QUERY_CANCELED || sqlstate == ERRCODE_LOCK_NOT_AVAILABLE)
		return 503;
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case MAKE_SQLSTATE('4', '0', '0', '0', '0'):
			return 503;
		case ERRCODE_DATA_EXCEPTION:
		case MAKE_SQLSTATE('4', '2', '0', '0', '0'):
		case MAKE_SQLSTATE('5', '4', '0', '0', '0'):
			return 400;
		case MAKE_SQLSTATE('2', '3', '0', '0', '0'):
		case MAKE_SQLSTATE('5', '5', '0', '0', '0'):
		case MAKE_SQLSTATE('M', 'X', '0', '0', '0'):
			return 409;
	}
	return 500;
}

bool
msgext_console_request_is_fault(const ErrorData *error)
{
	return status_of(error->sqlerrcode) == 500;
}

/* As who asked would be told by psql. */
void
msgext_console_request_fail(const ErrorData *error, MsgPushAnswer *answer)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	add_text(&json, "error", error->message);
	add_text(&json, "detail", error->detail);
	add_text(&json, "hint", error->hint);
	add_text(&json, "sqlstate", unpack_sql_state(error->sqlerrcode));
	appendStringInfoChar(&json, '}');
	reply(answer, status_of(error->sqlerrcode), json.data, "");
}

/* ---- What was asked for, as the session's role ---- */

static void
stop_clock(void)
{
	disable_timeout(STATEMENT_TIMEOUT, false);

	/* It may have come when the query was about to end. */
	QueryCancelPending = false;
}

/* The one value of a query, or NULL, in the memory context of the SPI connection. */
static char *
ask(const char *sql, int nargs, Datum *values, bool writes)
{
	Oid types[] = {JSONBOID, JSONBOID};

	if (SPI_execute_with_args(sql, nargs, types, values, NULL, !writes, 2) !=
			SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "a query of the console has no answer");
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

static Jsonb *
context_of(const MsgConsoleQuery *query, const MsgConsoleSession *session)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"login\": ");
	escape_json(&json, GetUserNameFromId(session->login, false));
	appendStringInfoString(&json, ", \"ends_at\": ");
	escape_json(&json, DatumGetCString(DirectFunctionCall1(
						   timestamptz_out, TimestampTzGetDatum(session->ends_at))));
	appendStringInfo(&json, ", \"samples\": %s}",
					 query->wants_samples ? msgext_console_history() : "[]");
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
}

static const char *
run_as_role(const MsgConsoleQuery *query, MsgJson *args, const MsgConsoleSession *session)
{
	MemoryContext context = CurrentMemoryContext;
	Jsonb *asked = msgext_json_to_jsonb_whole(args);
	Datum values[] = {JsonbPGetDatum(asked), JsonbPGetDatum(context_of(query, session))};
	const char *text = NULL;
	int settings;
	MsgRunAs self;

	self = msgext_run_as(session->role);
	msgext_actor_set(session->login);
	settings = NewGUCNestLevel();
	msgext_pin_setting("search_path", "pg_catalog, pg_temp");
	msgext_pin_setting("row_security", "on");
	XactReadOnly = !query->acts;
	enable_timeout_after(STATEMENT_TIMEOUT, query->acts ? ACT_MS : READ_MS);
	SPI_connect();
	if (!query->acts ||
		strcmp(ask(msgext_console_qualify(msgext_console_may_act), 0, NULL, false),
			   "t") == 0)
		text = ask(msgext_console_query_sql(query, asked), 2, values, query->acts);
	else
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("role \"%s\" may look, and not act",
							   GetUserNameFromId(session->role, false)),
						errhint("Acting takes USAGE on a server, or owning one.")));
	if (text != NULL)
		text = MemoryContextStrdup(context, text);
	SPI_finish();
	stop_clock();
	AtEOXact_GUC(false, settings);
	msgext_actor_set(InvalidOid);
	msgext_run_as_end(&self);
	return text != NULL ? text : "null";
}

/* ---- Sessions ---- */

static bool
is_admitted(const MsgPush *request, MsgConsoleSession *session, MsgPushAnswer *answer)
{
	switch (msgext_console_session_admit(msgext_console_cookie(request),
										 msgext_console_header(request, "X-Msgext-Key"),
										 session))
	{
		case MSG_CONSOLE_ADMITTED:
			return true;
		case MSG_CONSOLE_NO_SESSION:
			refuse(answer, 401, "there is no session, or it has ended");
			break;
		case MSG_CONSOLE_WRONG_KEY:
			refuse(answer, 403, "the key of the session is missing or wrong");
			break;
	}
	return false;
}

static void
begin_session(MsgJson *args, MsgPushAnswer *answer)
{
	const MsgJson *token = msgext_json_get(args, "token");
	MsgConsoleSession session;
	MsgConsoleSecret cookie;
	MsgConsoleSecret key;
	int64 seconds;

	if (!msgext_json_is(token, MSG_JSON_STRING) ||
		!msgext_console_session_begin(token->text, &session, cookie, key))
	{
		refuse(answer, 401, "the link has been used, or is too old");
		return;
	}
	seconds = (session.ends_at - GetCurrentTimestamp()) / USECS_PER_SEC;
	reply(answer, 201, psprintf("{\"key\": \"%s\"}", key),
		  msgext_console_set_cookie(cookie, seconds));
}

static void
end_session(const MsgConsoleSession *session, MsgPushAnswer *answer)
{
	(void) msgext_console_session_delete(session->hash);
	reply(answer, 200, "{}", msgext_console_set_cookie(NULL, 0));
}

/* ---- What is where ---- */

#define BEGIN_PATH "/api/session"
#define END_PATH "/api/end"

void
msgext_console_request_run(const MsgConsoleRequest *request, MsgPushAnswer *answer)
{
	MsgConsoleSession session;

	if (strcmp(request->path, BEGIN_PATH) == 0)
		begin_session(request->args, answer);
	else if (!is_admitted(request->push, &session, answer))
		return;
	else if (strcmp(request->path, END_PATH) == 0)
		end_session(&session, answer);
	else
		reply(answer, 200,
			  msgext_to_utf8(run_as_role(msgext_console_query_find(request->path),
										 request->args, &session)),
			  "");
}

void
msgext_console_request_clean_up(void)
{
	stop_clock();
	msgext_actor_set(InvalidOid);
}

static const MsgStaticFile *
find_file(const char *path)
{
	const MsgStaticFile *file;

	for (file = msgext_static_files; file->path != NULL; file++)
		if (strcmp(file->path, path) == 0)
			return file;
	return NULL;
}

/* What was asked for, as an object; NULL, having answered, when it is none. */
static MsgJson *
read_args(const MsgPush *request, bool posts, const char *query, MsgPushAnswer *answer)
{
	MsgArena *arena = msgext_arena_pg_create(CurrentMemoryContext);
	char *type = msgext_console_header(request, "Content-Type");
	MsgError error = {0};
	MsgJson *args;

	if (!posts)
		args = msgext_query_string_read(arena, query);
	else if (type == NULL || pg_strncasecmp(type, TYPE_JSON, strlen(TYPE_JSON)) != 0)
	{
		/* Which no form of another page can send. */
		refuse(answer, 415, "the body must be " TYPE_JSON);
		return NULL;
	}
	else
		args = msgext_json_parse(arena, request->body, request->body_len,
								 &msgext_json_strict, &error);
	if (args == NULL || args->type != MSG_JSON_OBJECT)
	{
		refuse(answer, 400, posts ? "the body is no object" : "the query is none");
		return NULL;
	}
	return args;
}

static bool
is_known(const char *path)
{
	return strcmp(path, BEGIN_PATH) == 0 || strcmp(path, END_PATH) == 0 ||
		   msgext_console_query_find(path) != NULL;
}

/* Of those that are known. */
static bool
is_by_post(const char *path)
{
	const MsgConsoleQuery *query = msgext_console_query_find(path);

	return query == NULL || query->acts;
}

bool
msgext_console_request_read(const MsgPush *push, MsgConsoleRequest *request,
							MsgPushAnswer *answer)
{
	size_t len = strcspn(push->target, "?");
	const char *query = push->target + len + (push->target[len] == '?' ? 1 : 0);
	bool posts = strcmp(push->method, "POST") == 0;
	const MsgStaticFile *file;
	const char *path;

	request->push = push;
	request->path = path = pnstrdup(push->target, len);
	request->args = NULL;
	file = find_file(path);
	if (!msgext_console_host_fits(push))
		refuse(answer, 421, "the console does not go by this name: msgext.console_url");
	else if (file == NULL && !is_known(path))
		refuse(answer, 404, "there is nothing here");
	else if (strcmp(push->method, file == NULL && is_by_post(path) ? "POST" : "GET") != 0)
		refuse(answer, 405, "it is asked for by another method");
	else if (file != NULL)
	{
		reply(answer, 200, (const char *) file->data, "");
		answer->type = file->type;
		answer->len = file->len;
	}
	else if (!msgext_console_origin_fits(push))
		refuse(answer, 403, "this is for the console's own page");
	else
		request->args = read_args(push, posts, query, answer);
	return request->args != NULL;
}
