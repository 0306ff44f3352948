/*
 * feed_cursor.c
 *		How far a consumer has read the events: see feed_cursor.h.
 */
#include "core/feed_cursor.h"

#include <string.h>

void
msgext_feed_cursor_init(MsgFeedCursor *cursor, int64_t after)
{
	memset(cursor, 0, sizeof(*cursor));

	/* Before the first transaction: 0 is none, and no snapshot's. */
	cursor->done.xmin = cursor->done.xmax = 1;
	cursor->nmarks = 1;
	cursor->marks[0].id = after;
}

/* Half of the marks will do; the first must stay, and the newest are the most useful. */
static void
thin_out(MsgFeedCursor *cursor)
{
	int kept = 1;
	int i;

	for (i = 2; i < cursor->nmarks; i += 2)
		cursor->marks[kept++] = cursor->marks[i];
	cursor->nmarks = kept;
}

bool
msgext_feed_cursor_start(MsgFeedCursor *cursor, const MsgSnapshot *now,
						 const MsgFeedMark *mark)
{
	const MsgFeedMark *last = &cursor->marks[cursor->nmarks - 1];

	if (msgext_snapshot_equals(now, &cursor->done))
		return false;
	cursor->scan = *now;
	cursor->scanning = true;
	cursor->id = 0;
	if (mark->xid > last->xid && mark->id >= last->id)
	{
		if (cursor->nmarks == MSG_FEED_MARKS)
			thin_out(cursor);
		cursor->marks[cursor->nmarks++] = *mark;
	}
	return true;
}

int64_t
msgext_feed_cursor_from(const MsgFeedCursor *cursor)
{
	uint64_t first = cursor->done.xmax;
	int64_t from;
	int i;

	/* The first transaction that may have something new in this scan. */
	for (i = 0; i < cursor->done.nxip; i++)
	{
		if (msgext_snapshot_sees(&cursor->scan, cursor->done.xip[i]))
		{
			first = cursor->done.xip[i];
			break;
		}
	}
	from = cursor->marks[0].id;
	for (i = 1; i < cursor->nmarks && cursor->marks[i].xid <= first; i++)
		from = cursor->marks[i].id;
	return cursor->id > from ? cursor->id : from;
}

bool
msgext_feed_cursor_wants(const MsgFeedCursor *cursor, uint64_t xid)
{
	return msgext_snapshot_sees(&cursor->scan, xid) &&
		   !msgext_snapshot_sees(&cursor->done, xid);
}

MsgSnapshot
msgext_feed_cursor_finish(MsgFeedCursor *cursor)
{
	MsgSnapshot old = cursor->done;
	uint64_t oldest;
	int needed = 0;

	cursor->done = cursor->scan;
	memset(&cursor->scan, 0, sizeof(cursor->scan));
	cursor->scanning = false;
	cursor->id = 0;

	/* What holds for the oldest transaction that is still running holds for all. */
	oldest = cursor->done.nxip > 0 ? cursor->done.xip[0] : cursor->done.xmax;
	while (needed + 1 < cursor->nmarks && cursor->marks[needed + 1].xid <= oldest)
		needed++;
	cursor->nmarks -= needed;
	memmove(cursor->marks, cursor->marks + needed,
			(size_t) cursor->nmarks * sizeof(MsgFeedMark));
	return old;
}
