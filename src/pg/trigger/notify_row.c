/*
 * notify_row.c
 *		notify_row(): the trigger that queues changed rows as they are, without a template:
 *		for endpoints that take webhooks. It sends as the table's owner.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "pg/base/arena_pg.h"
#include "pg/base/datum_json.h"
#include "pg/base/run_as.h"
#include "pg/base/text.h"
#include "pg/catalog/access.h"
#include "pg/sql/post.h"
#include "pg/trigger/quiet_hours.h"
#include "pg/trigger/row_event.h"

/*
 * A statement's rows go out so many in a message, or when they take so much memory: an
 * endpoint takes no more than a megabyte if nobody has told it to.
 */
#define ROWS_MAX 100
#define ROWS_SIZE_MAX (1024 * 1024)

typedef struct RowTrigger
{
	const char *server;
	bool cloudevents; /* a type and data, rather than what database webhooks have */
	bool *leave_out;  /* of each column, or NULL */
	pg_tz *zone;
	MsgArena *arena;
} RowTrigger;

static void __attribute__((noreturn)) refuse(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg("%s", what),
			 errhint("notify_row('server', 'json' or 'cloudevents', 'columns=a,b' or "
					 "'except=c')")));
}

/* The columns that a list names are left out, or all others are. */
static bool *
read_columns(Relation rel, const char *list, bool named_ones)
{
	TupleDesc desc = RelationGetDescr(rel);
	bool *leave_out = palloc(sizeof(bool) * desc->natts);
	List *names;
	ListCell *cell;

	memset(leave_out, !named_ones, sizeof(bool) * desc->natts);
	if (!SplitIdentifierString(pstrdup(list), ',', &names) || names == NIL)
		refuse("list of columns of \"notify_row\" is not valid");
	foreach (cell, names)
	{
		int i = 0;

		while (i < desc->natts &&
			   (TupleDescAttr(desc, i)->attisdropped ||
				strcmp(NameStr(TupleDescAttr(desc, i)->attname), lfirst(cell)) != 0))
			i++;
		if (i == desc->natts)
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
							errmsg("column \"%s\" of table \"%s\" does not exist",
								   (char *) lfirst(cell), RelationGetRelationName(rel))));
		leave_out[i] = named_ones;
	}
	return leave_out;
}

static void
read_arguments(RowTrigger *call, const Trigger *trigger, Relation rel)
{
	int i;

	if (trigger->tgnargs < 1)
		refuse("function \"notify_row\" takes a server");
	call->server = msgext_trigger_name(trigger->tgargs[0]);
	for (i = 1; i < trigger->tgnargs; i++)
	{
		const char *argument = trigger->tgargs[i];

		if (strcmp(argument, "cloudevents") == 0)
			call->cloudevents = true;
		else if (call->leave_out == NULL && strncmp(argument, "columns=", 8) == 0)
			call->leave_out = read_columns(rel, argument + 8, false);
		else if (call->leave_out == NULL && strncmp(argument, "except=", 7) == 0)
			call->leave_out = read_columns(rel, argument + 7, true);
		else if (strcmp(argument, "json") != 0)
			refuse(psprintf("function \"notify_row\" has no argument \"%s\"", argument));
	}
}

static MsgJson *
record_of(const RowTrigger *call, TupleTableSlot *slot)
{
	return slot != NULL ? msgext_row_json(call->arena, slot, call->zone, call->leave_out)
						: msgext_json_new(call->arena, MSG_JSON_NULL);
}

static void
set_text(const RowTrigger *call, MsgJson *object, const char *name, const char *text)
{
	msgext_json_set_text(call->arena, object, name, msgext_to_utf8(text));
}

/* new and old are called record and old_record, or, where they are many, in the plural. */
static void
queue(const RowTrigger *call, MsgRowEvent *event, bool many, MsgJson *new, MsgJson *old)
{
	MsgJson *message = msgext_json_new(call->arena, MSG_JSON_OBJECT);
	MsgJson *data = message;
	MsgPost post = {0};

	msgext_row_event_name(event);
	if (call->cloudevents)
	{
		char *operation = asc_tolower(event->operation, strlen(event->operation));

		set_text(call, message, "type",
				 psprintf("%s.%s.%s", event->schema, event->name, operation));
		data = msgext_json_new(call->arena, MSG_JSON_OBJECT);
		msgext_json_set(message, "data", data);
	}
	else
	{
		set_text(call, message, "type", event->operation);
		set_text(call, message, "table", event->name);
		set_text(call, message, "schema", event->schema);
	}
	msgext_json_set(data, many ? "records" : "record", new);
	msgext_json_set(data, many ? "old_records" : "old_record", old);
	post.server = msgext_access_server(call->server);
	post.arena = call->arena;
	post.payload.message = message;
	post.priority = MSG_PRIORITY_USUAL;
	msgext_post(&post);
}

/* The rows of a statement, as many in a message as fit. */
static void
queue_statement(RowTrigger *call, MsgRowEvents *events)
{
	MemoryContext before = CurrentMemoryContext;
	MemoryContext context =
		AllocSetContextCreate(before, "msgext rows", ALLOCSET_DEFAULT_SIZES);
	MsgRowEvent *event = &events->event;
	bool more = msgext_row_events_next(events);

	while (more)
	{
		MsgJson *new;
		MsgJson *old;
		int n;

		MemoryContextSwitchTo(context);
		call->arena = msgext_arena_pg_create(context);
		new = msgext_json_new(call->arena,
							  event->new != NULL ? MSG_JSON_ARRAY : MSG_JSON_NULL);
		old = msgext_json_new(call->arena,
							  event->old != NULL ? MSG_JSON_ARRAY : MSG_JSON_NULL);
		for (n = 0; more && n < ROWS_MAX &&
					MemoryContextMemAllocated(context, true) < ROWS_SIZE_MAX;
			 n++)
		{
			if (event->new != NULL)
				msgext_json_append(new, record_of(call, event->new));
			if (event->old != NULL)
				msgext_json_append(old, record_of(call, event->old));

			/* The row may lie in the memory that is current: it outlives the message. */
			MemoryContextSwitchTo(before);
			more = msgext_row_events_next(events);
			MemoryContextSwitchTo(context);
		}
		queue(call, event, true, new, old);
		MemoryContextSwitchTo(before);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
}

PG_FUNCTION_INFO_V1(msgext_notify_row);

PGDLLEXPORT Datum
msgext_notify_row(PG_FUNCTION_ARGS)
{
	RowTrigger call = {0};
	MsgRowEvents events;
	MsgRunAs before;

	msgext_row_events_begin(&events, fcinfo, "notify_row");
	read_arguments(&call, events.trigger, events.rel);
	call.zone = msgext_zone_find("UTC");
	before = msgext_run_as(events.rel->rd_rel->relowner);
	if (events.statement)
		queue_statement(&call, &events);
	else
	{
		call.arena = msgext_arena_pg_create(CurrentMemoryContext);
		queue(&call, &events.event, false, record_of(&call, events.event.new),
			  record_of(&call, events.event.old));
	}
	msgext_run_as_end(&before);
	msgext_row_events_end(&events);
	return PointerGetDatum(NULL);
}
