/*
 * pushes.c
 *		The pushes that a handler is to be run for: see pushes.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "pg/base/arena_pg.h"
#include "pg/base/json_pg.h"
#include "pg/base/text.h"
#include "pg/catalog/access.h"
#include "pg/outcome/event_filter.h"
#include "pg/outcome/pushes.h"
#include "pg/store/origin.h"
#include "pg/store/push.h"

/* How far a server's pushes have been read. */
typedef struct Line
{
	MsgScan *scan;
	TupleTableSlot *slot; /* the next one, or NULL */
	int64 id;
} Line;

struct MsgPushes
{
	MsgTable *inbox;
	bool to_take; /* those that somebody works on are left out */
	Snapshot snapshot;
	Line *lines;
	int n;
	Line *at; /* whose push was found last, or NULL */
};

static Datum
get(const MsgPushes *pushes, AttrNumber column, bool *isnull)
{
	return slot_getattr(pushes->at->slot, column, isnull);
}

/* A row of a restored dump may have any server's oid. */
static bool
is_wanted(const MsgPushes *pushes, TupleTableSlot *slot)
{
	return msgext_column_int64(slot, Anum_inbox_origin) == msgext_origin() &&
		   !(pushes->to_take && msgext_table_is_held(pushes->inbox, &slot->tts_tid));
}

static void
advance(const MsgPushes *pushes, Line *line)
{
	while ((line->slot = msgext_scan_next(line->scan)) != NULL &&
		   !is_wanted(pushes, line->slot))
		CHECK_FOR_INTERRUPTS();
	if (line->slot != NULL)
		line->id = msgext_column_int64(line->slot, Anum_inbox_id);
}

MsgPushes *
msgext_pushes_open(const MsgFeed *feed, bool to_take)
{
	MsgPushes *pushes = palloc0(sizeof(MsgPushes));
	List *servers = msgext_event_filter_read(feed->filter)->servers;
	ListCell *cell;

	pushes->to_take = to_take;
	pushes->inbox = to_take ? msgext_push_open() : msgext_push_open_read();
	CommandCounterIncrement();
	pushes->snapshot = RegisterSnapshot(GetLatestSnapshot());
	pushes->lines = palloc(sizeof(Line) * list_length(servers));
	foreach (cell, servers)
	{
		const MsgServer *server = msgext_server_find(lfirst(cell));
		Line *line = &pushes->lines[pushes->n];

		if (server == NULL || !msgext_access_may_consume_as(feed->owner, server->oid))
			continue;
		line->scan = msgext_push_scan(pushes->inbox, server->oid, pushes->snapshot);
		advance(pushes, line);
		pushes->n++;
	}
	return pushes;
}

void
msgext_pushes_close(MsgPushes *pushes)
{
	int i;

	for (i = 0; i < pushes->n; i++)
		msgext_scan_end(pushes->lines[i].scan);
	msgext_table_close(pushes->inbox);
	UnregisterSnapshot(pushes->snapshot);
	pfree(pushes->lines);
	pfree(pushes);
}

bool
msgext_pushes_next(MsgPushes *pushes, int64 *id)
{
	int i;

	if (pushes->at != NULL)
		advance(pushes, pushes->at);
	pushes->at = NULL;
	for (i = 0; i < pushes->n; i++)
	{
		Line *line = &pushes->lines[i];

		if (line->slot != NULL && (pushes->at == NULL || line->id < pushes->at->id))
			pushes->at = line;
	}
	if (pushes->at == NULL)
		return false;
	*id = pushes->at->id;
	return true;
}

bool
msgext_pushes_take(MsgPushes *pushes)
{
	return msgext_push_finish(pushes->inbox, pushes->at->slot);
}

TimestampTz
msgext_pushes_received_at(const MsgPushes *pushes)
{
	bool isnull;

	return DatumGetTimestampTz(get(pushes, Anum_inbox_received_at, &isnull));
}

static void
set_json(MsgArena *arena, MsgJson *object, const char *name, const MsgPushes *pushes,
		 AttrNumber column)
{
	bool isnull;
	Datum value = get(pushes, column, &isnull);

	if (!isnull)
		msgext_json_set(object, name,
						msgext_json_from_jsonb(arena, DatumGetJsonbP(value)));
}

static void
set_text(MsgArena *arena, MsgJson *object, const char *name, const MsgPushes *pushes,
		 AttrNumber column)
{
	const char *text = msgext_column_text(pushes->at->slot, column);

	if (text != NULL)
		msgext_json_set_text(arena, object, name, msgext_to_utf8(text));
}

Jsonb *
msgext_pushes_describe(const MsgPushes *pushes)
{
	MsgArena *arena = msgext_arena_pg_create(CurrentMemoryContext);
	MsgJson *object = msgext_json_new(arena, MSG_JSON_OBJECT);

	msgext_json_set(object, "position",
					msgext_json_number(arena, psprintf(INT64_FORMAT, pushes->at->id)));
	msgext_json_set_text(arena, object, "kind", MSG_KIND_PUSH);
	msgext_json_set_text(arena, object, "at",
						 pstrdup(timestamptz_to_str(msgext_pushes_received_at(pushes))));
	set_text(arena, object, "server", pushes, Anum_inbox_server);
	set_text(arena, object, "push_id", pushes, Anum_inbox_push_id);
	set_text(arena, object, "type", pushes, Anum_inbox_type);
	set_json(arena, object, "payload", pushes, Anum_inbox_payload);
	set_json(arena, object, "headers", pushes, Anum_inbox_headers);
	return msgext_json_to_jsonb_whole(object);
}

void
msgext_pushes_check(const MsgFeed *feed)
{
	ListCell *cell;

	foreach (cell, msgext_event_filter_read(feed->filter)->servers)
		msgext_access_consume_as(feed->owner, msgext_access_server(lfirst(cell)));
}
