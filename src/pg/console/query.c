/*
 * query.c
 *		The SQL behind the console: see query.h.
 *
 * It runs with search_path = pg_catalog, pg_temp: names of functions and operators without
 * a schema are PostgreSQL's, and the extension's are qualified.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "pg/console/message_list.h"
#include "pg/console/query.h"
#include "pg/store/relation.h"

/* Does the current user operate the server f? */
#define MAY_OPERATE                                                                      \
	"(pg_has_role(f.srvowner, 'USAGE') OR"                                               \
	" (has_function_privilege('msgext.can_operate()', 'EXECUTE')"                        \
	"  AND has_server_privilege(f.oid, 'USAGE')))"

/* Is there one that the current user may send through or operate? */
#define MAY_ACT                                                                          \
	"EXISTS (SELECT FROM pg_foreign_server f JOIN msgext.server_status s"                \
	" ON s.server = f.srvname WHERE pg_has_role(f.srvowner, 'USAGE')"                    \
	" OR has_server_privilege(f.oid, 'USAGE'))"

const char msgext_console_may_act[] = "SELECT " MAY_ACT;

/* The order is that of "fields" below. */
#define COUNTERS                                                                         \
	"jsonb_build_array(s.queued, s.accepted, s.delivered, s.undelivered + s.rejected"    \
	" + s.failed + s.expired + s.unknown, s.requests, s.request_errors)"

#define SAMPLE                                                                           \
	"SELECT jsonb_build_object('at', clock_timestamp(), 'servers',"                      \
	" coalesce(jsonb_object_agg(s.server, " COUNTERS "), '{}'))"                         \
	" FROM msgext.pg_stat_msgext s"

const char msgext_console_sample[] = SAMPLE;

static const char me[] =
	"SELECT jsonb_build_object('role', current_user, 'login', $2->'login',"
	" 'ends_at', ($2->>'ends_at')::timestamptz, 'database', current_database(),"
	" 'mode', current_setting('msgext.mode'), 'now', clock_timestamp(),"
	" 'may_read_all', has_function_privilege('msgext.can_read()', 'EXECUTE'),"
	" 'may_act', " MAY_ACT ")";

static const char servers[] =
	"SELECT jsonb_build_object('servers', coalesce(jsonb_agg(to_jsonb(s)"
	" || jsonb_build_object('may_operate', coalesce(" MAY_OPERATE ", false))"
	" ORDER BY s.server), '[]'))"
	" FROM msgext.server_status s LEFT JOIN pg_foreign_server f ON f.srvname = s.server";

static const char server_events[] = "SELECT jsonb_build_object('events', "
									"coalesce(jsonb_agg(to_jsonb(e) ORDER BY e.at DESC),"
									" '[]')) FROM (SELECT v.at, v.server, v.kind, "
									"v.actor, v.reason, v.detail::text AS detail"
									" FROM msgext.server_event v"
									" WHERE NOT $1 ? 'server' OR v.server = $1->>'server'"
									" ORDER BY v.at DESC LIMIT 50) e";

static const char message[] =
	"SELECT jsonb_build_object('message', ("
	" SELECT to_jsonb(m) || jsonb_build_object('id', m.id::text, 'ref', m.ref::text,"
	"  'detail', m.detail::text, 'waits', (SELECT t.detail->'waiting'"
	"   FROM msgext.message_status(m.id) t), 'may_change', coalesce("
	"  (SELECT pg_has_role(r.oid, 'USAGE') FROM pg_roles r WHERE r.rolname = m.sender), "
	"false)"
	"  OR coalesce((SELECT has_function_privilege('msgext.can_operate()', 'EXECUTE')"
	"   AND has_server_privilege(f.oid, 'USAGE') FROM pg_foreign_server f"
	"   WHERE f.srvname = m.server), false))"
	" FROM msgext.message m WHERE m.id = ($1->>'id')::bigint), 'events', ("
	" SELECT coalesce(jsonb_agg(jsonb_build_object('id', e.id::text, 'at', e.at,"
	"  'kind', e.kind, 'attempt', e.attempt, 'state', e.state, 'channel', e.channel,"
	"  'status', e.status, 'code', e.code, 'error', e.error, 'http_status', "
	"e.http_status,"
	"  'reported_at', e.reported_at, 'related', e.related::text, 'actor', e.actor,"
	"  'reason', e.reason, 'headers', e.headers::text, 'answer', "
	"translate(encode(e.answer, 'base64'), E'\\n', ''))"
	"  ORDER BY e.id NULLS FIRST), '[]')"
	" FROM (SELECT v.* FROM msgext.message_event v WHERE v.message_id = "
	"($1->>'id')::bigint"
	"  ORDER BY v.id NULLS FIRST LIMIT 500) e))";

/* What is longer than anybody reads is cut; message_payload() tells all of it. */
static const char payload[] =
	"SELECT jsonb_build_object('payload', left(p.text, 200000),"
	" 'cut', length(p.text) > 200000)"
	" FROM (SELECT jsonb_pretty(msgext.message_payload(($1->>'id')::bigint)) AS text) p";

static const char dead_letters[] =
	"SELECT jsonb_build_object('dead_letters', coalesce(jsonb_agg(to_jsonb(d)"
	" || jsonb_build_object('example', d.example::text)"
	" ORDER BY d.messages DESC, d.server, d.state, d.code), '[]'))"
	" FROM (SELECT * FROM msgext.dead_letter ORDER BY messages DESC LIMIT 500) d";

static const char worker[] =
	"SELECT jsonb_build_object('processes', (SELECT "
	"coalesce(jsonb_agg(jsonb_build_object("
	" 'type', a.backend_type, 'pid', a.pid, 'started_at', a.backend_start,"
	" 'state', a.state, 'doing', a.query) ORDER BY a.backend_type), '[]')"
	" FROM pg_stat_activity a WHERE a.backend_type LIKE 'msgext%'"
	"  AND (a.datname = current_database() OR a.datname IS NULL)),"
	" 'activity', (SELECT coalesce(jsonb_agg(to_jsonb(w) ORDER BY w.process), '[]')"
	"  FROM msgext.pg_stat_msgext_worker w))";

static const char handlers[] =
	"SELECT jsonb_build_object('handlers', (SELECT coalesce(jsonb_agg(to_jsonb(h)"
	"  || jsonb_build_object('filter', h.filter::text,"
	"  'failed_position', h.failed_position::text) ORDER BY h.handler, h.owner), '[]')"
	"  FROM msgext.handler h), 'consumers', (SELECT coalesce(jsonb_agg(to_jsonb(c)"
	"  || jsonb_build_object('filter', c.filter::text) ORDER BY c.consumer, c.owner), "
	"'[]')"
	"  FROM msgext.consumer c))";

static const char inbox[] =
	"SELECT jsonb_build_object('pushes', coalesce(jsonb_agg(jsonb_build_object("
	" 'id', i.id::text, 'server', i.server, 'type', i.type, 'push_id', i.push_id,"
	" 'received_at', i.received_at, 'done_at', i.done_at) ORDER BY i.id DESC), '[]'),"
	" 'next', CASE WHEN count(*) = 50 THEN min(i.id)::text END)"
	" FROM (SELECT p.* FROM msgext.inbox p"
	" WHERE ($1->>'before' IS NULL OR p.id < ($1->>'before')::bigint)"
	" AND ($1->>'server' IS NULL OR p.server = $1->>'server')"
	" ORDER BY p.id DESC LIMIT 50) i";

static const char push[] =
	"SELECT jsonb_build_object('push', (SELECT jsonb_build_object('id', i.id::text,"
	" 'server', i.server, 'type', i.type, 'push_id', i.push_id,"
	" 'received_at', i.received_at, 'done_at', i.done_at,"
	" 'headers', left(jsonb_pretty(i.headers), 20000),"
	" 'payload', left(jsonb_pretty(i.payload), 200000),"
	" 'body', translate(encode(substr(i.body, 1, 100000), 'base64'), E'\\n', ''))"
	" FROM msgext.inbox i WHERE i.id = ($1->>'id')::bigint))";

/* A template is a foreign table without columns; its versions are rows that its owner sees. */
#define TEMPLATE_TABLES                                                                  \
	" JOIN pg_class c ON c.relname = t.name::name"                                       \
	"  AND c.relnamespace = to_regnamespace('msgext_template')"                          \
	" JOIN pg_foreign_table r ON r.ftrelid = c.oid"                                      \
	" JOIN pg_foreign_server f ON f.oid = r.ftserver"

static const char templates[] =
	"SELECT jsonb_build_object('templates', coalesce(jsonb_agg(jsonb_build_object("
	" 'name', t.name, 'version', t.version, 'server', f.srvname,"
	" 'owner', pg_get_userbyid(c.relowner), 'created_at', t.created_at,"
	" 'created_by', t.created_by) ORDER BY t.name), '[]'))"
	" FROM (SELECT DISTINCT ON (v.name) v.name, v.version, v.created_at, v.created_by"
	"  FROM msgext.template v ORDER BY v.name, v.version DESC) t" TEMPLATE_TABLES;

/* Of one the version that is asked for, or the latest. */
static const char template[] =
	"SELECT jsonb_build_object('template', (SELECT to_jsonb(t) || jsonb_build_object("
	"  'server', f.srvname, 'owner', pg_get_userbyid(c.relowner),"
	"  'message', left(jsonb_pretty(t.message), 200000))"
	" FROM (SELECT v.* FROM msgext.template v WHERE v.name = $1->>'name'"
	"  AND ($1->>'version' IS NULL OR v.version = ($1->>'version')::integer)"
	"  ORDER BY v.version DESC LIMIT 1) t" TEMPLATE_TABLES
	"), 'versions', (SELECT coalesce(jsonb_agg(to_jsonb(o) ORDER BY o.version DESC), "
	"'[]')"
	" FROM (SELECT v.version, v.created_at, v.created_by FROM msgext.template v"
	"  WHERE v.name = $1->>'name' ORDER BY v.version DESC LIMIT 500) o))";

static const char stats[] =
	"SELECT jsonb_build_object('fields', '[\"queued\", \"accepted\", \"delivered\","
	" \"bad\", \"requests\", \"request_errors\"]'::jsonb, 'samples',"
	" (SELECT coalesce(jsonb_agg(jsonb_build_object('at', t.sample->'at', 'servers',"
	"  (SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}')"
	"   FROM jsonb_each(t.sample->'servers') v"
	"   WHERE v.key IN (SELECT p.server FROM msgext.pg_stat_msgext p))) ORDER BY t.n), "
	"'[]')"
	" FROM jsonb_array_elements($2->'samples') WITH ORDINALITY t(sample, n)), 'now', "
	"(" SAMPLE "))";

/* Ids are texts here, and numbers in a filter. */
#define FILTER                                                                           \
	"CASE WHEN $1->'filter' ? 'id' THEN jsonb_set($1->'filter', '{id}',"                 \
	" (SELECT coalesce(jsonb_agg((v #>> '{}')::bigint), '[]') FROM "                     \
	"jsonb_array_elements("                                                              \
	" CASE jsonb_typeof($1->'filter'->'id') WHEN 'array' THEN $1->'filter'->'id'"        \
	" ELSE jsonb_build_array($1->'filter'->'id') END) v)) ELSE $1->'filter' END"

#define MANY(function)                                                                   \
	.needs = "filter", .takes = "reason dry_run",                                        \
	.sql =                                                                               \
		"SELECT jsonb_build_object('messages', coalesce(sum(r.messages), 0), 'counts',"  \
		" coalesce(jsonb_agg(to_jsonb(r) ORDER BY r.server, r.state, r.code), '[]'))"    \
		" FROM msgext." function "(" FILTER ", $1->>'reason',"                           \
		" coalesce(($1->>'dry_run')::boolean, false)) r"

static const MsgConsoleQuery queries[] = {
	{"/api/me", .sql = me},
	{"/api/servers", .sql = servers},
	{"/api/server_events", .takes = "server", .sql = server_events},
	{"/api/messages",
	 .takes = "server state problem code recipient operation_id ref id created_after"
			  " created_before before",
	 .make = msgext_console_message_list},
	{"/api/message", .needs = "id", .sql = message},
	{"/api/payload", .needs = "id", .sql = payload},
	{"/api/dead_letters", .sql = dead_letters},
	{"/api/worker", .sql = worker},
	{"/api/handlers", .sql = handlers},
	{"/api/inbox", .takes = "server before", .sql = inbox},
	{"/api/push", .needs = "id", .sql = push},
	{"/api/templates", .sql = templates},
	{"/api/template", .needs = "name", .takes = "version", .sql = template},
	{"/api/stats", .sql = stats, .wants_samples = true},
	{"/api/retry", .acts = true, MANY("retry_messages")},
	{"/api/cancel", .acts = true, MANY("cancel_messages")},
	{"/api/close", .acts = true, MANY("close_messages")},
	{"/api/replay", .acts = true, .needs = "id message", .takes = "reason",
	 .sql = "SELECT jsonb_build_object('id', msgext.replay_message(($1->>'id')::bigint,"
			" ($1->>'message')::jsonb, $1->>'reason')::text)"},
	{"/api/pause", .acts = true, .needs = "server", .takes = "reason",
	 .sql = "SELECT jsonb_build_object('server', $1->>'server') FROM"
			" msgext.pause_server(($1->>'server')::name, $1->>'reason')"},
	{"/api/resume", .acts = true, .needs = "server", .takes = "reason",
	 .sql = "SELECT jsonb_build_object('server', $1->>'server') FROM"
			" msgext.resume_server(($1->>'server')::name, $1->>'reason')"},
};

const MsgConsoleQuery *
msgext_console_query_find(const char *path)
{
	int i;

	for (i = 0; i < lengthof(queries); i++)
		if (strcmp(queries[i].path, path) == 0)
			return &queries[i];
	return NULL;
}

/* The schema's name where it stands in the SQL: within a literal its quotes are doubled. */
static void
append_schema(StringInfo text, const char *schema, bool in_literal)
{
	for (; *schema != '\0'; schema++)
	{
		if (in_literal && *schema == '\'')
			appendStringInfoChar(text, '\'');
		appendStringInfoChar(text, *schema);
	}
	appendStringInfoChar(text, '.');
}

char *
msgext_console_qualify(const char *sql)
{
	static const char written[] = "msgext.";
	const char *schema = quote_identifier(get_namespace_name(msgext_schema_oid()));
	StringInfoData text;
	const char *found;

	initStringInfo(&text);
	while ((found = strstr(sql, written)) != NULL)
	{
		appendBinaryStringInfo(&text, sql, found - sql);

		/* A setting keeps its name. */
		if (strncmp(found, "msgext.mode", strlen("msgext.mode")) == 0)
			appendStringInfoString(&text, written);
		else
			append_schema(&text, schema, text.data[text.len - 1] == '\'');
		sql = found + strlen(written);
	}
	appendStringInfoString(&text, sql);
	return text.data;
}

static bool
is_named(const char *names, const char *name, size_t len)
{
	while (names != NULL && *names != '\0')
	{
		size_t n = strcspn(names, " ");

		if (n == len && strncmp(names, name, n) == 0)
			return true;
		names += n + strspn(names + n, " ");
	}
	return false;
}

static void
check_args(const MsgConsoleQuery *query, Jsonb *args)
{
	JsonbIterator *iterator = JsonbIteratorInit(&args->root);
	const char *needed = query->needs;
	JsonbValue value;

	(void) JsonbIteratorNext(&iterator, &value, true);
	while (JsonbIteratorNext(&iterator, &value, true) == WJB_KEY)
	{
		const char *name = value.val.string.val;
		int len = value.val.string.len;

		if (!is_named(query->needs, name, len) && !is_named(query->takes, name, len))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("%s takes no \"%.*s\"", query->path, len, name)));
		(void) JsonbIteratorNext(&iterator, &value, true);
	}
	while (needed != NULL && *needed != '\0')
	{
		size_t len = strcspn(needed, " ");
		JsonbValue *found =
			getKeyJsonValueFromContainer(&args->root, needed, len, &value);

		if (found == NULL || found->type == jbvNull)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("%s needs \"%.*s\"", query->path, (int) len, needed)));
		needed += len + strspn(needed + len, " ");
	}
}

char *
msgext_console_query_sql(const MsgConsoleQuery *query, Jsonb *args)
{
	check_args(query, args);
	return msgext_console_qualify(query->make != NULL ? query->make(args) : query->sql);
}
