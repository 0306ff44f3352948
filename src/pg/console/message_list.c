/*
 * message_list.c
 *		A page of messages: see message_list.h.
 *
 * A page is found from where the last one ended, by id, or by time where that is asked for.
 * What has an index is looked for by it. State and server have none: of what else fits, so
 * many messages are looked through at a time, and the page says how far it has come. So no
 * page reads a million of them.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "core/lifecycle.h"
#include "pg/console/message_list.h"

#define PAGE_SIZE "50"
#define LOOK_THROUGH "20000"

typedef struct Filter
{
	const char *name;
	const char *sql;
	bool is_looked_for; /* has no index */
} Filter;

static const Filter filters[] = {
	{"id", "m.id = ($1->>'id')::bigint"},
	{"recipient", "m.recipient = $1->>'recipient'"},
	{"code", "m.code = $1->>'code'"},
	{"problem", "m.problem = $1->>'problem'"},
	{"operation_id", "m.operation_id = $1->>'operation_id'"},
	{"ref", "m.id IN (SELECT f.id FROM msgext.find_messages(($1->>'ref')::jsonb) f(id))"},
	{"created_after", "m.created_at >= ($1->>'created_after')::timestamptz"},
	{"created_before", "m.created_at < ($1->>'created_before')::timestamptz"},
	{"server", "m.server = $1->>'server'", true},
	{"state", "m.state = ANY (string_to_array($1->>'state', ','))", true},
};

static bool
has(Jsonb *args, const char *name)
{
	JsonbValue value;

	return getKeyJsonValueFromContainer(&args->root, name, strlen(name), &value) != NULL;
}

static char *
text_of(Jsonb *args, const char *name)
{
	JsonbValue value;

	if (getKeyJsonValueFromContainer(&args->root, name, strlen(name), &value) == NULL)
		return NULL;
	return pnstrdup(value.val.string.val, value.val.string.len);
}

/* One that there is not would find nothing, as one that no message is in. */
static void
check_state(const char *name, bool may_be)
{
	if (!may_be)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("\"%s\" is no state of a message", name)));
}

static void
check_states(Jsonb *args)
{
	char *states = text_of(args, "state");
	char *problem = text_of(args, "problem");
	MsgState state;
	char *name;

	while ((name = strsep(&states, ",")) != NULL)
		check_state(name, msgext_state_parse(name, &state));
	if (problem != NULL)
		check_state(problem, msgext_state_parse(problem, &state) &&
								 msgext_state_is_bad_end(state));
}

/* Conditions with an index, or those without. */
static void
add_conditions(StringInfo sql, Jsonb *args, bool looked_for)
{
	int i;

	for (i = 0; i < lengthof(filters); i++)
		if (filters[i].is_looked_for == looked_for && has(args, filters[i].name))
			appendStringInfo(sql, " AND %s", filters[i].sql);
}

/* All that fits by indexes, in order: "m" has more columns than are shown. */
static char *
found(Jsonb *args, bool by_time)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT m.* FROM msgext.message m WHERE true");
	add_conditions(&sql, args, false);
	if (has(args, "before") && by_time)
		appendStringInfoString(&sql, " AND (m.created_at, m.id) <"
									 " (split_part($1->>'before', ' ', 1)::timestamptz,"
									 " split_part($1->>'before', ' ', 2)::bigint)");
	else if (has(args, "before"))
		appendStringInfoString(&sql, " AND m.id < ($1->>'before')::bigint");
	appendStringInfoString(&sql, by_time ? " ORDER BY m.created_at DESC, m.id DESC"
										 : " ORDER BY m.id DESC");
	return sql.data;
}

char *
msgext_console_message_list(Jsonb *args)
{
	static const char columns[] =
		"jsonb_build_object('id', m.id::text, 'server', m.server, 'sender', m.sender,"
		" 'recipient', m.recipient, 'state', m.state, 'provider_status',"
		" m.provider_status, 'code', m.code, 'error', left(m.error, 300), 'operation_id',"
		" m.operation_id, 'ref', m.ref::text, 'attempts', m.attempts, 'created_at',"
		" m.created_at, 'next_attempt_at', m.next_attempt_at, 'waiting', m.waiting,"
		" 'finished_at', m.finished_at, 'problem', m.problem)";
	bool by_time = has(args, "created_after") || has(args, "created_before");
	bool looks_through = has(args, "server") || has(args, "state");
	const char *place =
		by_time ? "(to_jsonb(m.created_at) #>> '{}') || ' ' || m.id" : "m.id::text";
	char *all;
	StringInfoData sql;

	check_states(args);
	all = found(args, by_time);
	initStringInfo(&sql);
	appendStringInfo(
		&sql, "SELECT jsonb_build_object('messages', coalesce(jsonb_agg(p.message),"
			  " '[]'), 'next', CASE WHEN count(*) = " PAGE_SIZE
			  " THEN jsonb_agg(p.place) -> -1");
	if (looks_through)
		appendStringInfo(&sql,
						 " ELSE (SELECT to_jsonb(%s) FROM (%s) m OFFSET " LOOK_THROUGH
						 " - 1 LIMIT 1)",
						 place, all);
	appendStringInfo(&sql,
					 " END) FROM (SELECT %s AS place, %s AS message FROM (%s%s) m"
					 " WHERE true",
					 place, columns, all, looks_through ? " LIMIT " LOOK_THROUGH : "");
	add_conditions(&sql, args, true);
	appendStringInfoString(&sql, " LIMIT " PAGE_SIZE ") p");
	return sql.data;
}
