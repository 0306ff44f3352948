/*
 * lane_cursor.c
 *		How far a lane has been read: see lane_cursor.h.
 */
#include "core/lane_cursor.h"

#include <stdlib.h>
#include <string.h>

static int
compare_xids(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *) a;
	uint64_t right = *(const uint64_t *) b;

	return (left > right) - (left < right);
}

bool
msgext_snapshot_sees(const MsgSnapshot *snapshot, uint64_t xid)
{
	return xid < snapshot->xmax &&
		   (snapshot->nxip == 0 || bsearch(&xid, snapshot->xip, (size_t) snapshot->nxip,
										   sizeof(uint64_t), compare_xids) == NULL);
}

bool
msgext_snapshot_equals(const MsgSnapshot *a, const MsgSnapshot *b)
{
	return a->xmax == b->xmax && a->nxip == b->nxip &&
		   (a->nxip == 0 ||
			memcmp(a->xip, b->xip, sizeof(uint64_t) * (size_t) a->nxip) == 0);
}

bool
msgext_lane_cursor_start(MsgLaneCursor *cursor, const MsgSnapshot *now)
{
	if (cursor->has_done && msgext_snapshot_equals(now, &cursor->done))
		return false;
	cursor->scan = *now;
	cursor->scanning = true;
	cursor->xid = 0;
	cursor->id = 0;
	return true;
}

static bool
one_transaction(MsgLaneRange *range, uint64_t xid, int64_t after)
{
	range->one = true;
	range->from = xid;
	range->before = 0;
	range->after = after;
	return true;
}

bool
msgext_lane_cursor_range(MsgLaneCursor *cursor, MsgLaneRange *range)
{
	uint64_t from = cursor->has_done ? cursor->done.xmax : 0;
	int i;

	/* The rest of the transaction in which reading stopped. */
	if (cursor->xid != 0 && cursor->id != INT64_MAX)
		return one_transaction(range, cursor->xid, cursor->id);

	/* Transactions that were running in done and have ended since. */
	for (i = 0; cursor->has_done && i < cursor->done.nxip; i++)
	{
		uint64_t xid = cursor->done.xip[i];

		if (xid > cursor->xid && msgext_snapshot_sees(&cursor->scan, xid))
		{
			cursor->xid = xid;
			cursor->id = 0;
			return one_transaction(range, xid, 0);
		}
	}

	/* Transactions that began after done. */
	if (from < cursor->xid + 1)
		from = cursor->xid + 1;
	range->one = false;
	range->from = from;
	range->before = cursor->scan.xmax;
	range->after = 0;
	return from < cursor->scan.xmax;
}

bool
msgext_lane_cursor_wants(const MsgLaneCursor *cursor, uint64_t xid)
{
	return msgext_snapshot_sees(&cursor->scan, xid);
}

void
msgext_lane_cursor_pass(MsgLaneCursor *cursor, uint64_t xid, int64_t id)
{
	cursor->xid = xid;
	cursor->id = id;
}

void
msgext_lane_cursor_pass_range(MsgLaneCursor *cursor, const MsgLaneRange *range)
{
	if (!range->one)
		cursor->xid = cursor->scan.xmax;
	cursor->id = INT64_MAX;
}

MsgSnapshot
msgext_lane_cursor_finish(MsgLaneCursor *cursor)
{
	MsgSnapshot old = cursor->done;

	cursor->done = cursor->scan;
	cursor->has_done = true;
	memset(&cursor->scan, 0, sizeof(cursor->scan));
	cursor->scanning = false;
	cursor->xid = 0;
	cursor->id = 0;
	return old;
}

bool
msgext_lane_cursor_has_passed(const MsgLaneCursor *cursor, uint64_t xid, int64_t id)
{
	if (cursor->has_done && msgext_snapshot_sees(&cursor->done, xid))
		return true;
	if (!cursor->scanning || !msgext_snapshot_sees(&cursor->scan, xid))
		return false;
	return xid < cursor->xid || (xid == cursor->xid && id <= cursor->id);
}
