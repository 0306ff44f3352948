/*
 * set_back.c
 *		How long a message waits that was queued or set aside by a clock that was ahead: see
 *		set_back.h.
 */
#include "postgres.h"

#include "utils/snapmgr.h"

#include "pg/base/clock.h"
#include "pg/engine/set_back.h"
#include "pg/store/event.h"
#include "pg/store/template_version.h"

TimestampTz
msgext_set_back_until(MsgTurn *turn, const MsgRow *row)
{
	TimestampTz now = turn->now;
	TimestampTz since;

	if (!msgext_clock_was_ahead(row->next_attempt_at, now) ||
		row->next_attempt_at == row->send_after)
		return 0;
	since = msgext_event_last_at(events_of(turn), row->id);
	if (since == 0)
		since = row->queued_at;
	if (!msgext_clock_was_ahead(since, now))
		return 0;
	return now + Max(row->next_attempt_at - since, 0);
}

bool
msgext_set_back_reckoned(const MsgRow *row, TimestampTz now)
{
	return row->send_after > now && !row->nulls[Anum_outbox_template - 1] &&
		   msgext_clock_was_ahead(row->queued_at, now);
}

/* Where nobody can tell any more, it may have had them. */
static bool
has_quiet_hours(const MsgRow *row)
{
	MsgTable *templates = msgext_template_version_open(false);
	MsgTemplateVersion version;
	bool found = msgext_template_version_find(templates,
											  msgext_row_text(row, Anum_outbox_template),
											  GetActiveSnapshot(), &version);

	msgext_table_close(templates);
	return !found || version.quiet_hours != NULL;
}

TimestampTz
msgext_set_back_reckon(const MsgRow *row, TimestampTz now, MsgChange *change)
{
	int64 ahead = row->queued_at - now;

	/* They end at a time of the day, which whole days do not change. */
	if (has_quiet_hours(row))
		ahead -= ahead % USECS_PER_DAY;
	msgext_change_time(change, Anum_outbox_queued_at, now);
	msgext_change_time(change, Anum_outbox_send_after, row->send_after - ahead);
	if (row->expires_at != 0)
		msgext_change_time(change, Anum_outbox_expires_at, row->expires_at - ahead);
	return row->send_after - ahead;
}
