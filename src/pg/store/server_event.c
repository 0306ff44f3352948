/*
 * server_event.c
 *		What happened to servers: see server_event.h.
 */
#include "postgres.h"

#include "pg/base/clock.h"
#include "pg/store/server_event.h"

/* clang-format off */
#define SERVER_EVENT_COLUMNS(C) \
	C(server_event, at) C(server_event, server_oid) C(server_event, server) \
	C(server_event, kind) C(server_event, actor) C(server_event, reason) \
	C(server_event, detail)
/* clang-format on */
MSG_COLUMN_NUMBERS(server_event, SERVER_EVENT_COLUMNS);
MSG_LAYOUT(server_event, SERVER_EVENT_COLUMNS);

MsgTable *
msgext_server_event_open(void)
{
	return msgext_table_open(&server_event_layout, true);
}

TimestampTz
msgext_server_event_at(TupleTableSlot *row)
{
	return msgext_column_time(row, Anum_server_event_at);
}

void
msgext_server_event_append(const MsgServerEvent *event)
{
	MsgTable *events = msgext_server_event_open();
	MsgValues row;

	msgext_values_init(&row);
	msgext_values_time(&row, Anum_server_event_at, msgext_clock());
	msgext_values_oid(&row, Anum_server_event_server_oid, event->server);
	msgext_values_text(&row, Anum_server_event_server, event->name);
	msgext_values_text(&row, Anum_server_event_kind, event->kind);
	msgext_values_text(&row, Anum_server_event_actor, event->actor);
	msgext_values_text(&row, Anum_server_event_reason, event->reason);
	if (event->detail != NULL)
		msgext_values_set(&row, Anum_server_event_detail, JsonbPGetDatum(event->detail));
	msgext_table_insert(events, row.values, row.nulls);
	msgext_table_close(events);
}
