/*
 * limiter.c
 *		Rate limits: see limiter.h.
 *
 * Knows the senders; the arithmetic of a window is core/rate's.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "pg/engine/limiter.h"

/* Senders remembered at a time; beyond it those that rest are forgotten. */
#define BUCKETS_MAX 10000

/* The dispatcher writes down its last claim this often. */
#define LAST_CLAIM_SLACK_US (1500 * 1000)

#define KEY_MAX 192

typedef struct Bucket
{
	char key[KEY_MAX];
	MsgRateWindow window;
	bool claimed; /* something of it, in the turn that is under way */
	slist_node node;
} Bucket;

struct MsgLimiter
{
	MemoryContext context;
	HTAB *buckets;
	slist_head claimed;
};

MsgLimiter *
msgext_limiter_create(MemoryContext context)
{
	MsgLimiter *limiter = MemoryContextAlloc(context, sizeof(MsgLimiter));
	HASHCTL control;

	control.keysize = KEY_MAX;
	control.entrysize = sizeof(Bucket);
	control.hcxt = context;
	limiter->context = context;
	slist_init(&limiter->claimed);
	limiter->buckets = hash_create("msgext rate limits", 64, &control,
								   HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	return limiter;
}

/* Forgets senders whose window is empty by now. */
static void
forget_resting(MsgLimiter *limiter, TimestampTz now)
{
	HASH_SEQ_STATUS scan;
	Bucket *bucket;

	hash_seq_init(&scan, limiter->buckets);
	while ((bucket = hash_seq_search(&scan)) != NULL)
	{
		if (!bucket->claimed && msgext_rate_rests(&bucket->window, now))
		{
			pfree(bucket->window.times);
			hash_search(limiter->buckets, bucket->key, HASH_REMOVE, NULL);
		}
	}
}

static Bucket *
find_bucket(MsgLimiter *limiter, const char *server, const char *key, const MsgRate *rate,
			TimestampTz now, TimestampTz last_claim)
{
	char name[KEY_MAX];
	Bucket *bucket;
	MsgRateWindow *window;
	TimestampTz last = 0;
	bool found;

	snprintf(name, sizeof(name), "%s/%s", server, key != NULL ? key : "");
	if (hash_get_num_entries(limiter->buckets) > BUCKETS_MAX)
		forget_resting(limiter, now);
	bucket = hash_search(limiter->buckets, name, HASH_ENTER, &found);
	window = &bucket->window;
	if (found && window->rate.count == rate->count && window->rate.per_ms == rate->per_ms)
		return bucket;
	if (found)
	{
		last = msgext_rate_newest(window);
		pfree(window->times);
	}
	else
	{
		bucket->claimed = false;
		if (last_claim != 0)
			last = Min(last_claim + LAST_CLAIM_SLACK_US, now);
	}
	msgext_rate_start(
		window, rate,
		MemoryContextAlloc(limiter->context, sizeof(int64_t) * msgext_rate_entries(rate)),
		last);
	return bucket;
}

bool
msgext_limiter_take(MsgLimiter *limiter, const char *server, const char *key,
					const MsgRate *rate, TimestampTz now, TimestampTz last_claim,
					TimestampTz *until)
{
	Bucket *bucket = find_bucket(limiter, server, key, rate, now, last_claim);
	int64_t until_us = 0;
	bool may = msgext_rate_take(&bucket->window, now, &until_us);

	if (may && !bucket->claimed)
	{
		bucket->claimed = true;
		slist_push_head(&limiter->claimed, &bucket->node);
	}
	*until = until_us;
	return may;
}

void
msgext_limiter_leave(MsgLimiter *limiter, TimestampTz claimed_at, TimestampTz now)
{
	while (!slist_is_empty(&limiter->claimed))
	{
		Bucket *bucket =
			slist_container(Bucket, node, slist_pop_head_node(&limiter->claimed));

		bucket->claimed = false;
		msgext_rate_leave(&bucket->window, claimed_at, now);
	}
}

void
msgext_limiter_restore(MsgLimiter *limiter, const char *server, const char *key,
					   const MsgRate *rate, TimestampTz at)
{
	int64_t until_us;

	(void) msgext_rate_take(&find_bucket(limiter, server, key, rate, at, 0)->window, at,
							&until_us);
}

bool
msgext_limiter_reserve(MsgLimiter *limiter, const char *server, const char *key,
					   const MsgRate *rate, TimestampTz now, TimestampTz *at)
{
	int64_t at_us;
	bool lines_up = msgext_rate_reserve(
		&find_bucket(limiter, server, key, rate, now, 0)->window, now, &at_us);

	*at = at_us;
	return lines_up;
}
