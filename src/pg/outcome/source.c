/*
 * source.c
 *		What a handler is run for: see source.h.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "pg/base/arena_pg.h"
#include "pg/base/json_pg.h"
#include "pg/base/text.h"
#include "pg/outcome/event_filter.h"
#include "pg/outcome/pushes.h"
#include "pg/outcome/reader.h"
#include "pg/outcome/source.h"

struct MsgSource
{
	MsgFeed *feed;
	MsgPushes *pushes; /* or NULL, and then: */
	MsgReader *reader;
	MsgReading reading;
};

MsgSource *
msgext_source_open(MsgFeed *feed)
{
	MsgSource *source = palloc0(sizeof(MsgSource));

	source->feed = feed;
	if (msgext_event_filter_read(feed->filter)->pushes)
		source->pushes = msgext_pushes_open(feed, true);
	else
		source->reader = msgext_reader_open(feed, MSG_READER_LOOKS);
	return source;
}

void
msgext_source_close(MsgSource *source)
{
	if (source->pushes != NULL)
		msgext_pushes_close(source->pushes);
	else
		msgext_reader_close(source->reader);
	pfree(source);
}

bool
msgext_source_next(MsgSource *source, int64 *id)
{
	if (source->pushes != NULL)
		return msgext_pushes_next(source->pushes, id);
	if (!msgext_reader_next(source->reader, &source->reading))
		return false;
	*id = source->reading.id;
	return true;
}

bool
msgext_source_take(MsgSource *source)
{
	return source->pushes == NULL || msgext_pushes_take(source->pushes);
}

void
msgext_source_pass(MsgSource *source)
{
	if (source->pushes == NULL)
		source->feed->cursor.id = source->reading.id;
}

bool
msgext_source_is_worth_a_write(const MsgSource *source)
{
	return source->pushes == NULL && msgext_reader_is_worth_a_write(source->reader);
}

bool
msgext_source_skip(MsgFeed *feed, int64 id)
{
	MsgPushes *pushes;
	int64 open;
	bool found = false;

	if (!msgext_event_filter_read(feed->filter)->pushes)
	{
		found = msgext_reader_is_open(feed, id);
		if (found)
			feed->cursor.id = id;
		return found;
	}
	pushes = msgext_pushes_open(feed, true);
	while (!found && msgext_pushes_next(pushes, &open) && open <= id)
		found = open == id && msgext_pushes_take(pushes);
	msgext_pushes_close(pushes);
	return found;
}

static void
set_number(MsgArena *arena, MsgJson *object, const char *name, int64 value)
{
	msgext_json_set(object, name,
					msgext_json_number(arena, psprintf(INT64_FORMAT, value)));
}

static void
set_text(MsgArena *arena, MsgJson *object, const char *name, const char *value)
{
	if (value != NULL)
		msgext_json_set_text(arena, object, name, msgext_to_utf8(value));
}

static void
set_column_number(MsgArena *arena, MsgJson *object, const char *name,
				  TupleTableSlot *slot, AttrNumber column, bool is_long)
{
	bool isnull;
	Datum value = slot_getattr(slot, column, &isnull);

	if (!isnull)
		set_number(arena, object, name,
				   is_long ? DatumGetInt64(value) : DatumGetInt32(value));
}

static void
set_column_time(MsgArena *arena, MsgJson *object, const char *name, TupleTableSlot *slot,
				AttrNumber column)
{
	bool isnull;
	Datum value = slot_getattr(slot, column, &isnull);

	if (!isnull)
		set_text(arena, object, name,
				 psprintf("%s", timestamptz_to_str(DatumGetTimestampTz(value))));
}

static Jsonb *
describe_event(const MsgReading *reading)
{
	static const struct
	{
		const char *name;
		AttrNumber column;
	} texts[] = {
		{"kind", Anum_event_kind},		 {"state", Anum_event_state},
		{"channel", Anum_event_channel}, {"status", Anum_event_status},
		{"code", Anum_event_code},		 {"error", Anum_event_error},
		{"actor", Anum_event_actor},	 {"reason", Anum_event_reason},
	};
	MsgArena *arena = msgext_arena_pg_create(CurrentMemoryContext);
	MsgJson *object = msgext_json_new(arena, MSG_JSON_OBJECT);
	const MsgRow *message = &reading->message;
	TupleTableSlot *slot = reading->event;
	int i;

	set_number(arena, object, "position", reading->id);
	set_number(arena, object, "message_id", message->id);
	set_column_time(arena, object, "at", slot, Anum_event_at);
	for (i = 0; i < lengthof(texts); i++)
		set_text(arena, object, texts[i].name, msgext_column_text(slot, texts[i].column));
	set_column_number(arena, object, "attempt", slot, Anum_event_attempt, false);
	set_column_number(arena, object, "http_status", slot, Anum_event_http_status, false);
	set_column_number(arena, object, "related", slot, Anum_event_related, true);
	set_column_time(arena, object, "reported_at", slot, Anum_event_reported_at);
	set_text(arena, object, "server", msgext_row_text(message, Anum_outbox_server));
	set_text(arena, object, "operation_id",
			 msgext_row_text(message, Anum_outbox_operation_id));
	if (!message->nulls[Anum_outbox_ref - 1])
		msgext_json_set(object, "ref",
						msgext_json_from_jsonb(
							arena, DatumGetJsonbP(message->values[Anum_outbox_ref - 1])));
	return msgext_json_to_jsonb_whole(object);
}

Jsonb *
msgext_source_describe(MsgSource *source)
{
	return source->pushes != NULL ? msgext_pushes_describe(source->pushes)
								  : describe_event(&source->reading);
}
