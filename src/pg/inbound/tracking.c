/*
 * tracking.c
 *		Applying reports of a message's fate: see tracking.h.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"

#include "core/cascade.h"
#include "pg/base/arena_pg.h"
#include "pg/base/clock.h"
#include "pg/base/json_pg.h"
#include "pg/base/text.h"
#include "pg/catalog/server.h"
#include "pg/inbound/tracking.h"
#include "pg/ipc/notify.h"
#include "pg/store/event.h"
#include "pg/store/lane.h"
#include "pg/store/origin.h"
#include "pg/store/reminder.h"

#define STATUS_MAX 256
#define ERROR_MAX 2048

/* So many events of what was pushed a message has, and beside them those that move it. */
#define PUSHED_MAX 100

static void
append_event(MsgTable *events, const MsgRow *row, const MsgEvent *report,
			 const char *kind, MsgState state)
{
	MsgEventRow event = {0};

	event.message_id = row->id;
	event.kind = kind;
	event.attempt = row->attempts;
	event.state = state;
	event.channel = report->channel;
	event.status = report->status;
	event.code = report->code;
	event.error = report->error;
	event.reported_at = msgext_from_unix_us(report->at_us);
	event.answer = report->raw;
	event.answer_len = report->raw_len;
	msgext_event_append(events, &event);
}

/*
 * Nothing leads to a message of which nobody could tell, but people. As new work of its lane
 * it is found, and its status asked for.
 */
static void
find_again(const MsgRow *row, MsgChange *change)
{
	msgext_change_set(
		change, Anum_outbox_xid,
		UInt64GetDatum(U64FromFullTransactionId(GetTopFullTransactionId())));
	msgext_notify_at_commit(
		msgext_notify_news_of_lane(msgext_lane_hash(row->server_oid, row->priority)));
}

/* What reports have made of a message, one after the other: of so many at most. */
typedef struct Told
{
	MsgJson *detail;
	MsgState states[64]; /* after each of them */
	bool news[64];
	int n;
} Told;

static void
apply_reports(const MsgRow *row, const MsgEvent *reports, Told *told, MsgChange *change,
			  MsgTracking *tracking)
{
	MsgArena *arena = msgext_arena_pg_create(CurrentMemoryContext);
	char *channels = msgext_row_text(row, Anum_outbox_channels);
	const MsgEvent *report;

	told->n = 0;
	told->detail = msgext_row_detail(arena, row);
	for (report = reports; report != NULL && told->n < lengthof(told->states);
		 report = report->next)
	{
		MsgState before = tracking->state;
		MsgCascade effect = msgext_cascade_apply(arena, channels, report, before,
												 &told->detail, &tracking->state);
		bool news = effect != MSG_CASCADE_NOTHING;

		if (news && (tracking->state != before || !tracking->changed))
		{
			/* The words of the report that moved the message last. */
			msgext_change_text(change, Anum_outbox_provider_status,
							   msgext_clean_text(report->status, STATUS_MAX));
			msgext_change_text(change, Anum_outbox_code,
							   msgext_clean_text(report->code, STATUS_MAX));
			msgext_change_text(change, Anum_outbox_error,
							   msgext_clean_text(report->error, ERROR_MAX));
		}
		tracking->changed |= news;
		tracking->moved |= effect == MSG_CASCADE_MOVES;
		told->news[told->n] = news;
		told->states[told->n++] = tracking->state;
	}
}

static void
fill_change(const MsgRow *row, const MsgTracking *tracking, const Told *told,
			TimestampTz next, MsgChange *change)
{
	if (tracking->changed)
	{
		/* What a queued message waited for is over. */
		if (row->state == MSG_QUEUED && tracking->state != MSG_QUEUED)
			msgext_change_null(change, Anum_outbox_waiting);
		msgext_change_set(change, Anum_outbox_detail,
						  PointerGetDatum(msgext_json_to_jsonb(told->detail)));
		msgext_change_state(change, tracking->state);
	}
	if (row->state == MSG_UNKNOWN && tracking->state != MSG_UNKNOWN)
		find_again(row, change);
	if (msgext_state_is_final(tracking->state))
	{
		if (row->nulls[Anum_outbox_finished_at - 1])
			msgext_change_time(change, Anum_outbox_finished_at, msgext_clock());
		msgext_change_null(change, Anum_outbox_next_attempt_at);
	}
	else if (next != row->next_attempt_at)
		msgext_change_time(change, Anum_outbox_next_attempt_at, next);
}

TM_Result
msgext_track(MsgTable *outbox, MsgTable *events, const MsgRow *row,
			 const MsgEvent *reports, const char *kind, bool pushed, TimestampTz next,
			 bool wait, MsgTracking *tracking)
{
	const MsgEvent *report = reports;
	MsgChange change;
	TM_Result result;
	Told told;
	int i;

	tracking->state = row->state;
	tracking->changed = false;
	tracking->moved = false;
	msgext_change_init(&change);
	apply_reports(row, reports, &told, &change, tracking);
	tracking->kept = !pushed || tracking->moved ||
					 msgext_event_has_room(events, row->id, kind, PUSHED_MAX);
	if (!tracking->kept)
		return TM_Ok;
	fill_change(row, tracking, &told, next, &change);
	result = msgext_outbox_update(outbox, row, &change, wait);
	if (result != TM_Ok)
		return result;
	if (row->state == MSG_UNKNOWN && tracking->state != MSG_UNKNOWN)
		msgext_reminder_forget_unknown(row->server_oid, row->created_at, row->id);
	for (i = 0; i < told.n; i++, report = report->next)
		if (told.news[i] || pushed)
			append_event(events, row, report, kind, told.states[i]);
	return TM_Ok;
}

/* Is its status asked for, now or some day? */
static bool
is_followed(const MsgRow *row)
{
	if (row->next_attempt_at == 0)
		return false;

	/* The server of a restored copy's message is known when it has been adopted. */
	return row->origin != msgext_origin() || msgext_server_may_poll(row->server_oid);
}

TimestampTz
msgext_track_ended_at(const MsgRow *row)
{
	if (row->finished_at != 0)
		return row->finished_at;

	/* What nobody asks about any more counts as over, a day's callbacks past. */
	if ((row->state == MSG_ACCEPTED || row->state == MSG_SENT) && !is_followed(row))
		return row->accepted_at;
	return 0;
}
