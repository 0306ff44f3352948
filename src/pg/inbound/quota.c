/*
 * quota.c
 *		How many callbacks are kept without a message: see quota.h.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/base/clock.h"
#include "pg/base/guc.h"
#include "pg/inbound/quota.h"

/*
 * A look is good for so long: matching, retention and people make room, and a setting may
 * be another one.
 */
#define LOOK_US USECS_PER_SEC

/*
 * All sessions that there can be may look at the same moment: together they may take a
 * quarter of the room that they find, and near the limit one each.
 */
#define SHARE(room) Max((room) / (4 * MaxBackends), 1)

typedef struct Key
{
	Oid server;
	MsgQuota quota;
} Key;

typedef struct Count
{
	Key key;   /* the hash key */
	int max;   /* the setting, when it was counted */
	int left;  /* so many more without another look */
	bool full; /* when it was counted */
	TimestampTz counted_at;
} Count;

/* What is counted is in these indexes. */
static const char *const indexes[][3] = {
	[MSG_QUOTA_CALLBACKS] = {"callback_unmatched", "callback_unreadable", NULL},
	[MSG_QUOTA_INBOX] = {"inbox_open", NULL},
};

/* Of this process. */
static HTAB *counts = NULL;

static Count *
count_of(MsgQuota quota, Oid server)
{
	Key key = {server, quota};
	Count *count;
	bool found;

	if (counts == NULL)
	{
		HASHCTL control;

		control.keysize = sizeof(Key);
		control.entrysize = sizeof(Count);
		counts = hash_create("msgext unmatched callbacks", 16, &control,
							 HASH_ELEM | HASH_BLOBS);
	}
	count = hash_search(counts, &key, HASH_ENTER, &found);
	if (!found)
		count->counted_at = 0;
	return count;
}

/* Rows of the server in the index, up to max; those that nobody has committed yet too. */
static int
count_rows(MsgTable *table, const char *index, Oid server, int max)
{
	SnapshotData dirty;
	ScanKeyData key;
	MsgScan *scan;
	int n = 0;

	InitDirtySnapshot(dirty);
	msgext_key_oid(&key, 1, BTEqualStrategyNumber, server);
	scan = msgext_table_scan(table, index, &dirty, &key, 1);
	while (n < max && msgext_scan_next(scan) != NULL)
		n++;
	msgext_scan_end(scan);
	return n;
}

bool
msgext_quota_has_room(MsgQuota quota, MsgTable *table, Oid server)
{
	int max = msgext_max_unmatched_callbacks;
	Count *count = count_of(quota, server);
	TimestampTz now = GetCurrentTimestamp();

	if (!msgext_clock_within(count->counted_at, LOOK_US, now) || count->max != max ||
		(count->left <= 0 && !count->full))
	{
		const char *const *index = indexes[quota];
		int room = max;

		for (; *index != NULL; index++)
			room -= count_rows(table, *index, server, room);
		count->max = max;
		count->full = room <= 0;
		count->left = count->full ? 0 : SHARE(room);
		count->counted_at = now;
	}
	return count->left > 0;
}

void
msgext_quota_take(MsgQuota quota, Oid server)
{
	count_of(quota, server)->left--;
}
