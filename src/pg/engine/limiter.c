/*
 * limiter.c
 *		Rate limits: see limiter.h.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "pg/engine/limiter.h"

/* A window of more is kept in coarser steps, never looser. */
#define WINDOW_MAX 10000

/* How many messages of one sender are set aside; beyond it their lane stands still. */
#define QUEUE_MAX 1000

/* Senders remembered at a time; beyond it those that rest are forgotten. */
#define BUCKETS_MAX 10000

/* Longest window that is taken for full when a dispatcher starts. */
#define RESTART_WINDOW_MS 60000

/* The dispatcher writes down its last claim this often. */
#define LAST_CLAIM_SLACK_MS 1500

#define KEY_MAX 192

typedef struct Bucket
{
	char key[KEY_MAX];
	MsgRate rate;
	int count; /* entries of times, of period_ms together */
	int64 period_ms;
	int next;			  /* oldest entry: overwritten by the next message */
	TimestampTz *times;	  /* when the last count messages left */
	TimestampTz line_end; /* when the last of those that wait has its turn */
} Bucket;

struct MsgLimiter
{
	MemoryContext context;
	HTAB *buckets;
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
		int newest = (bucket->next + bucket->count - 1) % bucket->count;

		if (bucket->times[newest] + bucket->period_ms * 1000 < now)
		{
			pfree(bucket->times);
			hash_search(limiter->buckets, bucket->key, HASH_REMOVE, NULL);
		}
	}
}

static void
start_bucket(MsgLimiter *limiter, Bucket *bucket, const MsgRate *rate, TimestampTz now,
			 TimestampTz last_claim)
{
	int64 scale = (rate->count + WINDOW_MAX - 1) / WINDOW_MAX;
	int i;

	bucket->rate = *rate;
	bucket->count = (int) (rate->count / scale);
	bucket->period_ms = rate->per_ms / scale;
	bucket->next = 0;
	bucket->line_end = 0;
	bucket->times =
		MemoryContextAllocZero(limiter->context, sizeof(TimestampTz) * bucket->count);
	if (last_claim == 0)
		return;
	last_claim += LAST_CLAIM_SLACK_MS * 1000;
	for (i = 0; i < bucket->count; i++)
	{
		/*
		 * A short window is taken for full. To do so for a day's would stop the sender
		 * for a day: that one is taken for evenly used.
		 */
		if (bucket->period_ms <= RESTART_WINDOW_MS)
			bucket->times[i] = Min(last_claim, now);
		else
			bucket->times[i] = Min(last_claim, now) - bucket->period_ms * 1000 /
														  bucket->count *
														  (bucket->count - i);
	}
}

static Bucket *
find_bucket(MsgLimiter *limiter, const char *server, const char *key, const MsgRate *rate,
			TimestampTz now, TimestampTz last_claim)
{
	char name[KEY_MAX];
	Bucket *bucket;
	bool found;

	snprintf(name, sizeof(name), "%s/%s", server, key != NULL ? key : "");
	if (hash_get_num_entries(limiter->buckets) > BUCKETS_MAX)
		forget_resting(limiter, now);
	bucket = hash_search(limiter->buckets, name, HASH_ENTER, &found);
	if (found &&
		(bucket->rate.count != rate->count || bucket->rate.per_ms != rate->per_ms))
	{
		TimestampTz newest =
			bucket->times[(bucket->next + bucket->count - 1) % bucket->count];

		pfree(bucket->times);
		start_bucket(limiter, bucket, rate, now, newest);
	}
	else if (!found)
		start_bucket(limiter, bucket, rate, now, last_claim);
	return bucket;
}

bool
msgext_limiter_take(MsgLimiter *limiter, const char *server, const char *key,
					const MsgRate *rate, TimestampTz now, TimestampTz last_claim,
					TimestampTz *until)
{
	Bucket *bucket = find_bucket(limiter, server, key, rate, now, last_claim);
	TimestampTz free_at = bucket->times[bucket->next] + bucket->period_ms * 1000;

	if (bucket->times[bucket->next] != 0 && free_at > now)
	{
		*until = free_at;
		return false;
	}
	bucket->times[bucket->next] = now;
	bucket->next = (bucket->next + 1) % bucket->count;
	return true;
}

bool
msgext_limiter_reserve(MsgLimiter *limiter, const char *server, const char *key,
					   const MsgRate *rate, TimestampTz now, TimestampTz *at)
{
	Bucket *bucket = find_bucket(limiter, server, key, rate, now, 0);
	int64 step = Max(bucket->period_ms * 1000 / bucket->count, 1);
	TimestampTz next = Max(bucket->times[bucket->next] + bucket->period_ms * 1000, now);

	next = Max(next, bucket->line_end + step);
	if (next > now + QUEUE_MAX * step + bucket->period_ms * 1000)
	{
		*at = next;
		return false;
	}
	bucket->line_end = next;
	*at = next;
	return true;
}
