/*
 * query.h
 *		What the console can be asked for, and the SQL that answers it.
 *
 * Each is a query of one jsonb, over the views and functions that anybody may use: rights
 * are PostgreSQL's business, and JSON too. Ids of messages, and JSON that is a user's own,
 * are texts, so that no reader of JSON rounds a number.
 */
#ifndef MSGEXT_CONSOLE_QUERY_H
#define MSGEXT_CONSOLE_QUERY_H

#include "postgres.h"

#include "utils/jsonb.h"

typedef struct MsgConsoleQuery
{
	const char *path;
	bool acts;			/* asked for by POST, and writes; else by GET */
	const char *needs;	/* arguments, with blanks between: what is asked for has these, */
	const char *takes;	/* and may have these, and no others */
	bool wants_samples; /* see history.h */
	/*
	 * $1: what was asked for, an object; of a GET, of texts. $2: {"login", "ends_at",
	 * "samples"}. Names of the extension's objects begin with msgext.
	 */
	const char *sql;
	char *(*make)(Jsonb *args); /* where the SQL depends on what is asked for */
} MsgConsoleQuery;

/* NULL: nothing is at this path. */
extern const MsgConsoleQuery *msgext_console_query_find(const char *path);

/*
 * A query of one boolean: may the current user act at all? Else it may only look.
 */
extern const char msgext_console_may_act[];

/* What is counted, of all servers. */
extern const char msgext_console_sample[];

/*
 * The SQL, with the schema's name as it is now. ERROR 22023 where the question is none: a
 * misspelt argument that is passed over gives an answer to another one, or does more.
 */
extern char *msgext_console_query_sql(const MsgConsoleQuery *query, Jsonb *args);
extern char *msgext_console_qualify(const char *sql);

#endif /* MSGEXT_CONSOLE_QUERY_H */
