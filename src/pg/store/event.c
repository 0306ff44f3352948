/*
 * event.c
 *		The timeline of messages: see event.h.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "utils/snapmgr.h"

#include "pg/base/clock.h"
#include "pg/base/json_pg.h"
#include "pg/base/text.h"
#include "pg/store/event.h"
#include "pg/store/event_id.h"

MSG_LAYOUT(event, EVENT_COLUMNS);

#define SHORT_TEXT_MAX 256
#define ERROR_TEXT_MAX 2048

/* Events of one message that are looked at to count those of a kind. */
#define LOOK_MAX 1000

MsgTable *
msgext_event_open(void)
{
	return msgext_table_open(&event_layout, true);
}

MsgTable *
msgext_event_open_read(void)
{
	return msgext_table_open(&event_layout, false);
}

static void
set_text(MsgValues *row, AttrNumber column, const char *text, size_t max)
{
	msgext_values_text(row, column, msgext_clean_text(text, max));
}

void
msgext_event_append(MsgTable *events, const MsgEventRow *event)
{
	MsgValues row;

	Assert(event->message_id > 0 && event->kind != NULL);
	msgext_values_init(&row);
	msgext_values_int64(&row, Anum_event_id, msgext_event_next_id(events));
	msgext_values_xid8(&row, Anum_event_xid,
					   U64FromFullTransactionId(GetTopFullTransactionId()));
	msgext_values_int64(&row, Anum_event_message_id, event->message_id);
	msgext_values_time(&row, Anum_event_at, event->at != 0 ? event->at : msgext_clock());
	msgext_values_text(&row, Anum_event_kind, event->kind);
	if (event->attempt > 0)
		msgext_values_int32(&row, Anum_event_attempt, event->attempt);
	msgext_values_text(&row, Anum_event_state, msgext_state_name(event->state));
	set_text(&row, Anum_event_channel, event->channel, SHORT_TEXT_MAX);
	set_text(&row, Anum_event_status, event->status, SHORT_TEXT_MAX);
	set_text(&row, Anum_event_code, event->code, SHORT_TEXT_MAX);
	set_text(&row, Anum_event_error, event->error, ERROR_TEXT_MAX);
	if (event->http_status > 0)
		msgext_values_int32(&row, Anum_event_http_status, event->http_status);
	msgext_values_time(&row, Anum_event_reported_at, event->reported_at);
	if (event->related != 0)
		msgext_values_int64(&row, Anum_event_related, event->related);
	msgext_values_text(&row, Anum_event_actor, event->actor);
	set_text(&row, Anum_event_reason, event->reason, ERROR_TEXT_MAX);
	if (event->answer_len > 0)
		msgext_values_bytes(&row, Anum_event_answer, event->answer,
							msgext_whole_characters(event->answer, event->answer_len,
													MSG_EVENT_ANSWER_MAX));
	if (event->headers != NULL)
		msgext_values_set(&row, Anum_event_headers,
						  JsonbPGetDatum(msgext_json_to_jsonb(event->headers)));
	msgext_table_gather(events, row.values, row.nulls);
}

static MsgScan *
begin_scan(MsgTable *events, int64 message, Snapshot snapshot)
{
	ScanKeyData key;

	msgext_key_int64(&key, 1, BTEqualStrategyNumber, message);
	return msgext_table_scan(events, "event_message", snapshot, &key, 1);
}

TimestampTz
msgext_event_last_at(MsgTable *events, int64 message)
{
	MsgScan *scan = begin_scan(events, message, GetActiveSnapshot());
	TimestampTz last = 0;
	TupleTableSlot *slot;

	while ((slot = msgext_scan_next(scan)) != NULL)
	{
		TimestampTz at = msgext_column_time(slot, Anum_event_at);

		last = last == 0 ? at : Max(last, at);
	}
	msgext_scan_end(scan);
	return last;
}

bool
msgext_event_has_room(MsgTable *events, int64 message, const char *kind, int max)
{
	Snapshot latest = RegisterSnapshot(GetLatestSnapshot());
	MsgScan *scan = begin_scan(events, message, latest);
	int left = LOOK_MAX;
	TupleTableSlot *slot;

	while (max > 0 && left-- > 0 && (slot = msgext_scan_next(scan)) != NULL)
	{
		char *one = msgext_column_text(slot, Anum_event_kind);

		max -= strcmp(one, kind) == 0;
		pfree(one);
	}
	msgext_scan_end(scan);
	UnregisterSnapshot(latest);
	return max > 0 && left >= 0;
}

int64
msgext_event_blank(MsgTable *events, int64 message)
{
	static int texts[] = {Anum_event_error, Anum_event_reason, Anum_event_answer,
						  Anum_event_headers};
	Datum values[lengthof(texts)] = {0};
	bool nulls[] = {true, true, true, true};
	Snapshot latest = RegisterSnapshot(GetLatestSnapshot());
	MsgScan *scan = begin_scan(events, message, latest);
	int64 blanked = 0;
	TupleTableSlot *slot;

	while ((slot = msgext_scan_next(scan)) != NULL)
	{
		HeapTuple row;

		if (slot_attisnull(slot, Anum_event_error) &&
			slot_attisnull(slot, Anum_event_reason) &&
			slot_attisnull(slot, Anum_event_answer) &&
			slot_attisnull(slot, Anum_event_headers))
			continue;
		row = ExecCopySlotHeapTuple(slot);
		blanked += msgext_table_update(
					   events, &row->t_self,
					   heap_modify_tuple_by_cols(row, RelationGetDescr(events->rel),
												 lengthof(texts), texts, values, nulls),
					   true) == TM_Ok;
		heap_freetuple(row);
	}
	msgext_scan_end(scan);
	UnregisterSnapshot(latest);
	return blanked;
}

void
msgext_event_remove(MsgTable *events, int64 message)
{
	msgext_table_delete_all(events, begin_scan(events, message, GetActiveSnapshot()),
							false);
}
