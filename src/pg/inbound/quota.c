/*
 * quota.c
 *		How many callbacks are kept without a message: see quota.h.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/base/guc.h"
#include "pg/inbound/quota.h"

/*
 * A count is good for so long: other sessions raise it, and when it has reached the
 * limit, matching, retention and people lower it.
 */
#define COUNT_US USECS_PER_SEC

typedef struct Count
{
	Oid server; /* the hash key */
	int kept;
	bool full; /* when it was counted */
	TimestampTz counted_at;
} Count;

/* Of this process. */
static HTAB *counts = NULL;

static Count *
count_of(Oid server)
{
	Count *count;
	bool found;

	if (counts == NULL)
	{
		HASHCTL control;

		control.keysize = sizeof(Oid);
		control.entrysize = sizeof(Count);
		counts = hash_create("msgext unmatched callbacks", 16, &control,
							 HASH_ELEM | HASH_BLOBS);
	}
	count = hash_search(counts, &server, HASH_ENTER, &found);
	if (!found)
		count->counted_at = 0;
	return count;
}

/* Rows of the server in the index, up to max. */
static int
count_rows(MsgTable *callbacks, const char *index, Oid server, int max)
{
	Snapshot latest = RegisterSnapshot(GetLatestSnapshot());
	ScanKeyData key;
	MsgScan *scan;
	int n = 0;

	msgext_key_oid(&key, 1, BTEqualStrategyNumber, server);
	scan = msgext_table_scan(callbacks, index, latest, &key, 1);
	while (n < max && msgext_scan_next(scan) != NULL)
		n++;
	msgext_scan_end(scan);
	UnregisterSnapshot(latest);
	return n;
}

bool
msgext_quota_has_room(MsgTable *callbacks, Oid server)
{
	int max = msgext_max_unmatched_callbacks;
	Count *count = count_of(server);
	TimestampTz now = GetCurrentTimestamp();

	/*
	 * What this session has added may have been rolled back: no refusal without a look.
	 */
	if (count->counted_at == 0 || now >= count->counted_at + COUNT_US ||
		(count->kept >= max && !count->full))
	{
		count->kept = count_rows(callbacks, "callback_unmatched", server, max);
		count->kept +=
			count_rows(callbacks, "callback_unreadable", server, max - count->kept);
		count->full = count->kept >= max;
		count->counted_at = now;
	}
	return count->kept < max;
}

void
msgext_quota_take(Oid server)
{
	count_of(server)->kept++;
}
