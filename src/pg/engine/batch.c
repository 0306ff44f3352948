/*
 * batch.c
 *		Which messages leave in one request, where a provider takes many.
 *
 * A request is filled from what is due in one turn, with messages of one server and one
 * sender, and never waits for more. When a provider refuses a request as a whole for the
 * sake of one message, its messages go out again in halves until the culprit is alone.
 * How small is remembered in memory only: a dispatcher that starts anew halves again.
 */
#include "postgres.h"

#include "pg/base/guc.h"
#include "pg/engine/engine.h"
#include "pg/engine/session.h"

/* A request is closed when it has as many bytes of fragments, or more. */
#define BATCH_BYTES (1024 * 1024)

/* With how many others may this message leave? Itself included. */
static int
portion_of(MsgDispatcher *dispatcher, const MsgUpstream *upstream, int64 id)
{
	int most = upstream->server->batch_size;
	MsgBatchLimit *portion;

	if (most == 1 || hash_get_num_entries(dispatcher->portions) == 0)
		return most;
	portion = hash_search(dispatcher->portions, &id, HASH_FIND, NULL);
	return portion != NULL ? Min(most, portion->most) : most;
}

/* A request of this turn that the message may join, or NULL. */
static MsgFlight *
find_open(MsgDispatcher *dispatcher, const MsgUpstream *upstream,
		  const MsgAccount *account, int most, bool poll)
{
	MsgFlight *flight;

	if (most == 1)
		return NULL;
	for (flight = dispatcher->fresh; flight != NULL; flight = flight->next)
	{
		if (flight->upstream == upstream && flight->account == account &&
			!flight->login && flight->poll == poll &&
			flight->n < Min(flight->most, most) && flight->bytes < BATCH_BYTES)
			return flight;
	}
	return NULL;
}

bool
msgext_batch_has_room(MsgDispatcher *dispatcher, MsgUpstream *upstream,
					  MsgAccount *account, int64 id, bool poll)
{
	if (upstream->in_flight < upstream->server->max_in_flight &&
		dispatcher->flights < msgext_max_in_flight)
		return true;
	return find_open(dispatcher, upstream, account, portion_of(dispatcher, upstream, id),
					 poll) != NULL;
}

MsgFlight *
msgext_batch_join(MsgDispatcher *dispatcher, MsgUpstream *upstream, MsgAccount *account,
				  const MsgRow *row, bool poll)
{
	int most = portion_of(dispatcher, upstream, row->id);
	MsgFlight *flight = find_open(dispatcher, upstream, account, most, poll);
	MsgUnderWay *entry;

	if (flight == NULL)
	{
		flight = msgext_flight_create(dispatcher, upstream, account);
		flight->poll = poll;
		flight->most = most;
		msgext_session_use(dispatcher, flight);
		flight->next = dispatcher->fresh;
		dispatcher->fresh = flight;
	}
	flight->most = Min(flight->most, most);
	msgext_flight_load(flight, row);
	entry = hash_search(dispatcher->under_way, &row->id, HASH_ENTER, NULL);
	entry->flight = flight;
	return flight;
}

void
msgext_batch_note_outcome(MsgDispatcher *dispatcher, const MsgFlight *flight, int64 id,
						  const MsgOutcome *outcome)
{
	MsgBatchLimit *portion;

	if (outcome->verdict == MSG_VERDICT_AGAIN && flight != NULL && flight->n > 1)
	{
		portion = hash_search(dispatcher->portions, &id, HASH_ENTER, NULL);
		portion->most = flight->n / 2;
	}
	else if (outcome->verdict != MSG_VERDICT_RETRY &&
			 outcome->verdict != MSG_VERDICT_UNSURE &&
			 hash_get_num_entries(dispatcher->portions) > 0)
		hash_search(dispatcher->portions, &id, HASH_REMOVE, NULL);
}
