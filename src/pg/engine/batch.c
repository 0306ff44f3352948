/*
 * batch.c
 *		Which messages leave together, in one request and under one claim: see batch.h.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "pg/base/guc.h"
#include "pg/engine/batch.h"
#include "pg/store/claim.h"

/* A request is closed when it has as many bytes of fragments, or more. */
#define BATCH_BYTES (1024 * 1024)

/* A message of a request that was refused as a whole. */
typedef struct BatchLimit
{
	int64 message; /* the hash key */
	int most;	   /* messages its next request may have */
} BatchLimit;

void
msgext_batches_init(MsgBatches *batches, MemoryContext context)
{
	HASHCTL control;

	memset(batches, 0, sizeof(*batches));
	batches->context = context;
	control.keysize = sizeof(int64);
	control.entrysize = sizeof(BatchLimit);
	control.hcxt = context;
	batches->limits = hash_create("msgext batch limits", 64, &control,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* With how many others may this message leave? Itself included. */
static int
most_with(const MsgBatches *batches, const MsgUpstream *upstream, int64 message)
{
	int most = upstream->server->batch_size;
	BatchLimit *limit;

	if (most == 1 || hash_get_num_entries(batches->limits) == 0)
		return most;
	limit = hash_search(batches->limits, &message, HASH_FIND, NULL);
	return limit != NULL ? Min(most, limit->most) : most;
}

/* A request of this turn that the message may join, or NULL. */
static MsgFlight *
find_open(MsgFlights *flights, const MsgUpstream *upstream, const MsgAccount *account,
		  int most, MsgFlightKind kind)
{
	dlist_iter iter;

	if (most == 1)
		return NULL;
	dlist_reverse_foreach(iter, &flights->fresh)
	{
		MsgFlight *flight = dlist_container(MsgFlight, node, iter.cur);

		if (flight->upstream == upstream && flight->account == account &&
			flight->kind == kind && flight->n < Min(flight->most, most) &&
			flight->bytes < BATCH_BYTES)
			return flight;
	}
	return NULL;
}

bool
msgext_batch_has_room(const MsgBatches *batches, MsgFlights *flights,
					  MsgUpstream *upstream, const MsgAccount *account, int64 message,
					  MsgFlightKind kind)
{
	if (upstream->in_flight < upstream->server->max_in_flight &&
		flights->count < msgext_max_in_flight)
		return true;
	return find_open(flights, upstream, account, most_with(batches, upstream, message),
					 kind) != NULL;
}

MsgFlight *
msgext_batch_join(MsgBatches *batches, MsgFlights *flights, MsgSessions *sessions,
				  MsgUpstream *upstream, MsgAccount *account, const MsgRow *row,
				  MsgFlightKind kind)
{
	int most = most_with(batches, upstream, row->id);
	MsgFlight *flight = find_open(flights, upstream, account, most, kind);

	if (flight == NULL)
	{
		flight = msgext_flight_create(flights, kind, upstream, account);
		flight->most = most;
		msgext_session_use(sessions, flight);
	}
	flight->most = Min(flight->most, most);
	msgext_flight_load(flights, flight, row);
	return flight;
}

void
msgext_batch_claim(MsgBatches *batches, MsgFlight *flight, TimestampTz now)
{
	Assert(flight->kind == MSG_FLIGHT_SEND);
	if (batches->open == NULL)
	{
		batches->open = MemoryContextAllocZero(batches->context, sizeof(MsgOpenClaim));
		batches->last_claim = Max(batches->last_claim + 1, (int64) now);
		batches->open->id = batches->last_claim;
	}
	batches->open->left++;
	flight->claim = batches->open;
}

void
msgext_batch_write_claim(MsgBatches *batches, MsgTurn *turn, MsgFlights *flights)
{
	MsgOpenClaim *claim = batches->open;
	dlist_iter iter;
	int64 *messages;
	int32 *attempts;
	TimestampTz *created;
	int n = 0;

	if (claim == NULL)
		return;
	messages = palloc(sizeof(int64) * claim->left);
	attempts = palloc(sizeof(int32) * claim->left);
	created = palloc(sizeof(TimestampTz) * claim->left);
	dlist_foreach(iter, &flights->fresh)
	{
		const MsgFlight *flight = dlist_container(MsgFlight, node, iter.cur);
		int i;

		for (i = 0; i < flight->n && flight->claim == claim; i++)
		{
			messages[n] = flight->jobs[i].id;
			attempts[n] = flight->jobs[i].attempt;
			created[n] = flight->rows[i].created_at;
			n++;
		}
	}
	Assert(n == claim->left);
	msgext_claim_add(claims_of(turn), claim->id, turn->now, n, messages, attempts,
					 created);
}

void
msgext_batch_settle(MsgOpenClaim *claim)
{
	Assert(claim->left > 0);
	claim->recorded_now = 0;
	if (--claim->left == 0)
		pfree(claim);
}

void
msgext_batch_note_outcome(MsgBatches *batches, const MsgFlight *flight, int64 message,
						  const MsgOutcome *outcome)
{
	BatchLimit *limit;

	if (outcome->verdict == MSG_VERDICT_SPLIT && flight != NULL && flight->n > 1)
	{
		limit = hash_search(batches->limits, &message, HASH_ENTER, NULL);
		limit->most = flight->n / 2;
	}
	else if (outcome->verdict != MSG_VERDICT_RETRY &&
			 outcome->verdict != MSG_VERDICT_UNSURE &&
			 hash_get_num_entries(batches->limits) > 0)
		hash_search(batches->limits, &message, HASH_REMOVE, NULL);
}
