/*
 * recipe.h
 *		A template as a session has it: read once, with its owner and its server, until
 *		somebody changes it.
 *
 * Owns the cache of them, and the check of what a version says. Renders nothing.
 */
#ifndef MSGEXT_RECIPE_H
#define MSGEXT_RECIPE_H

#include "postgres.h"

#include "core/template.h"
#include "nodes/pg_list.h"
#include "pg/sql/post.h"
#include "pg/store/template_version.h"
#include "pg/trigger/quiet_hours.h"

typedef struct MsgRecipe
{
	char name[NAMEDATALEN];
	Oid relid;	/* the foreign table; InvalidOid: it is not stored */
	Oid owner;	/* as whom it sends and looks up */
	Oid server; /* by which it sends */
	int32 version;

	MsgTemplate *plan;
	const MsgTemplateNode *message;
	const char *lookup;					 /* or NULL */
	const MsgTemplateText *operation_id; /* or NULL */
	const MsgTemplateText **skip;		 /* no message where one of them is null */
	const char **skip_paths;
	int nskip;
	MsgOnConflict on_conflict;
	MsgOnInvalid on_invalid;
	int64 expires_us; /* 0 = never */
	int64 debounce_us;
	int64 max_wait_us;
	bool has_quiet;
	MsgQuietHours quiet;
	const MsgTemplateText *quiet_zone; /* NULL = zone */
	pg_tz *zone;
	const char *zone_name;
	int priority;

	/* the cache's own, and binding.h's */
	MemoryContext context;
	List *bindings;
	List *relids; /* of the tables that it is bound to */
	bool stale;
} MsgRecipe;

/*
 * The template of that name; ERROR 42704 when there is none. It stays until the end of the
 * transaction at least.
 */
extern MsgRecipe *msgext_recipe_get(const char *name);

/* Of one that is to be stored: ERROR 22023 and its kind, with the part that is wrong. */
extern void msgext_recipe_check(const MsgTemplateVersion *version);

/* ERROR 42704 of one whose foreign table has come without what it says. */
extern void msgext_recipe_refuse_empty(const char *name) __attribute__((noreturn));

/* The schema of the foreign tables, and a template's, or InvalidOid. */
extern Oid msgext_recipe_schema(void);
extern Oid msgext_recipe_relation(const char *name);

#endif /* MSGEXT_RECIPE_H */
