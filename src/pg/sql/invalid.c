/*
 * invalid.c
 *		A payload that its codec refused, and that is kept: see invalid.h.
 */
#include "postgres.h"

#include "utils/jsonb.h"

#include "pg/base/arena_pg.h"
#include "pg/base/json_pg.h"
#include "pg/base/text.h"
#include "pg/ipc/tally.h"
#include "pg/sql/invalid.h"
#include "pg/store/event.h"

/*
 * As much as a payload that can be sent as JSON or XML has at most. Nothing is kept of a
 * larger one: that must not cost the caller's transaction.
 */
#define KEEP_MAX (1024 * 1024)

#define MEMBER "invalid"

void
msgext_invalid_keep(MsgArena *arena, const MsgJson *message, MsgFragment *fragment)
{
	MsgBuf buf;

	msgext_buf_init(&buf, arena, 256);
	msgext_json_write(&buf, message);
	if (buf.len > KEEP_MAX)
	{
		msgext_buf_init(&buf, arena, 4);
		msgext_buf_puts(&buf, "{}");
	}
	fragment->bytes = buf.data;
	fragment->len = buf.len;
}

static const char *
told(const MsgError *error)
{
	return error->path[0] != '\0' ? psprintf("%s %s", error->path, error->text)
								  : error->text;
}

static const char *
code_of(const MsgError *error)
{
	return error->code[0] != '\0' ? error->code : NULL;
}

void
msgext_invalid_fill(const MsgError *error, TimestampTz now, MsgValues *row)
{
	MsgArena *arena = msgext_arena_pg_create(CurrentMemoryContext);
	MsgJson *detail = msgext_json_new(arena, MSG_JSON_OBJECT);
	MsgJson *invalid = msgext_json_new(arena, MSG_JSON_OBJECT);

	if (error->path[0] != '\0')
		msgext_json_set_text(arena, invalid, "path", error->path);
	msgext_json_set(detail, MEMBER, invalid);
	msgext_values_set(row, Anum_outbox_detail,
					  JsonbPGetDatum(msgext_json_to_jsonb(detail)));
	msgext_values_text(row, Anum_outbox_state, msgext_state_name(MSG_REJECTED));
	msgext_values_text(row, Anum_outbox_problem, msgext_state_name(MSG_REJECTED));
	msgext_values_time(row, Anum_outbox_finished_at, now);
	msgext_values_text(row, Anum_outbox_code, msgext_from_utf8(code_of(error)));
	msgext_values_text(row, Anum_outbox_error, msgext_from_utf8(told(error)));
}

void
msgext_invalid_tell(const MsgServer *server, int64 id, const MsgError *error)
{
	MsgTable *events = msgext_event_open();
	MsgEventRow event = {0};

	event.message_id = id;
	event.kind = "invalid";
	event.state = MSG_REJECTED;
	event.code = code_of(error);
	event.error = told(error);
	msgext_event_append(events, &event);
	msgext_table_close(events);
	msgext_counts_add(msgext_tally(server->oid), MSG_COUNT_REJECTED, 1);
}

bool
msgext_invalid_is(const MsgRow *row)
{
	JsonbValue value;

	return row->state == MSG_REJECTED && row->attempts == 0 &&
		   !row->nulls[Anum_outbox_detail - 1] &&
		   getKeyJsonValueFromContainer(
			   &DatumGetJsonbP(row->values[Anum_outbox_detail - 1])->root, MEMBER,
			   strlen(MEMBER), &value) != NULL;
}
