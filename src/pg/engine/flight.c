/*
 * flight.c
 *		One request, from claim to answer: see flight.h.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "pg/base/arena_pg.h"
#include "pg/base/clock.h"
#include "pg/base/text.h"
#include "pg/engine/flight.h"

/* A context of this size, reused, holds an ordinary message with its request. */
#define FLIGHT_BLOCK_SIZE 4096

typedef struct UnderWay
{
	int64 message; /* the hash key */
	const MsgFlight *flight;
} UnderWay;

void
msgext_flights_init(MsgFlights *flights, MemoryContext context)
{
	HASHCTL control;

	memset(flights, 0, sizeof(*flights));
	flights->context = context;
	dlist_init(&flights->fresh);
	dlist_init(&flights->sent);
	dlist_init(&flights->landed);
	dlist_init(&flights->spare);
	control.keysize = sizeof(int64);
	control.entrysize = sizeof(UnderWay);
	control.hcxt = context;
	flights->under_way = hash_create("msgext messages under way", 1024, &control,
									 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static void
unpin_all(dlist_head *list)
{
	dlist_iter iter;

	dlist_foreach(iter, list)
		msgext_server_unpin(dlist_container(MsgFlight, node, iter.cur)->server);
}

void
msgext_flights_release(MsgFlights *flights)
{
	unpin_all(&flights->fresh);
	unpin_all(&flights->sent);
	unpin_all(&flights->landed);
}

/* A context that another flight has left, or a new one. */
static MemoryContext
take_context(MsgFlights *flights)
{
	MemoryContext context;

	if (dlist_is_empty(&flights->spare))
		return AllocSetContextCreate(flights->context, "msgext flight", 0,
									 FLIGHT_BLOCK_SIZE, ALLOCSET_DEFAULT_MAXSIZE);
	context =
		dlist_container(MsgFlight, node, dlist_pop_head_node(&flights->spare))->context;
	MemoryContextReset(context);
	return context;
}

MsgFlight *
msgext_flight_create(MsgFlights *flights, MsgFlightKind kind, MsgUpstream *upstream,
					 MsgAccount *account)
{
	MemoryContext context = take_context(flights);
	MemoryContext before = MemoryContextSwitchTo(context);
	MsgFlight *flight = palloc0(sizeof(MsgFlight));

	flight->context = context;
	flight->arena = msgext_arena_pg_create(context);
	flight->kind = kind;
	flight->upstream = upstream;
	flight->server = upstream->server;
	flight->account = account;
	flight->most = 1;
	MemoryContextSwitchTo(before);

	/* No error from here on: pinned, counted and in its list, or none of it. */
	msgext_server_pin(flight->server);
	dlist_push_tail(&flights->fresh, &flight->node);
	flights->count++;
	upstream->in_flight++;
	return flight;
}

/* An array of the flight with room for more elements, the new ones zeroed. */
static void *
grow(MsgFlight *flight, void *array, size_t size, int room)
{
	char *grown = MemoryContextAllocZero(flight->context, size * room);

	if (array == NULL)
		return grown;
	memcpy(grown, array, size * flight->n);
	pfree(array);
	return grown;
}

int
msgext_flight_add(MsgFlight *flight)
{
	if (flight->n == flight->room)
	{
		int room = flight->room == 0 ? 1 : Min(flight->room * 4, flight->most);

		flight->jobs = grow(flight, flight->jobs, sizeof(MsgJob), room);
		flight->outcomes = grow(flight, flight->outcomes, sizeof(MsgOutcome), room);
		flight->settled = grow(flight, flight->settled, sizeof(MsgSettled), room);
		flight->reminders = grow(flight, flight->reminders, sizeof(MsgReminder), room);
		flight->rows = grow(flight, flight->rows, sizeof(MsgRowIdentity), room);
		flight->room = room;
	}
	return flight->n++;
}

static void
fill_job(MsgFlight *flight, MsgJob *job, const MsgRow *row)
{
	bool send = flight->kind == MSG_FLIGHT_SEND;
	bytea *payload;

	job->id = row->id;
	job->created_us = msgext_unix_us(row->created_at);
	job->accepted_us = msgext_unix_us(row->accepted_at);
	job->key = msgext_to_utf8(msgext_row_key(row));
	job->attempt = send ? row->attempts + 1 : row->attempts;
	job->maybe_sent = row->maybe_sent;
	job->provider_id = msgext_to_utf8(msgext_row_text(row, Anum_outbox_provider_id));
	job->channels = msgext_row_text(row, Anum_outbox_channels);
	job->detail = msgext_row_detail(flight->arena, row);
	if (!send)
		return;
	payload = msgext_row_payload(row);
	job->fragment_len = VARSIZE_ANY_EXHDR(payload);
	job->fragment =
		msgext_strndup(flight->arena, VARDATA_ANY(payload), job->fragment_len);
	flight->bytes += job->fragment_len;
}

void
msgext_flight_load(MsgFlights *flights, MsgFlight *flight, const MsgRow *row)
{
	MemoryContext before = MemoryContextSwitchTo(flight->context);
	int i = msgext_flight_add(flight);
	UnderWay *entry;

	flight->rows[i] = msgext_row_identity(row);
	if (row->expires_at != 0 &&
		(flight->expires_at == 0 || row->expires_at < flight->expires_at))
		flight->expires_at = row->expires_at;
	fill_job(flight, &flight->jobs[i], row);
	entry = hash_search(flights->under_way, &row->id, HASH_ENTER, NULL);
	entry->flight = flight;
	MemoryContextSwitchTo(before);
}

void
msgext_flight_land(MsgFlights *flights, MsgFlight *flight)
{
	Assert(flight->upstream->in_flight > 0);
	flight->upstream->in_flight--;
	dlist_delete(&flight->node);
	dlist_push_tail(&flights->landed, &flight->node);
	flights->nlanded++;
	flights->record_at = 0;
}

void
msgext_flight_free(MsgFlights *flights, MsgFlight *flight)
{
	int i;

	Assert(flights->count > 0);
	for (i = 0; i < flight->n; i++)
		if (flight->settled[i] != MSG_SETTLED_DONE)
			msgext_flights_forget(flights, flight->jobs[i].id);
	msgext_server_unpin(flight->server);
	flights->count--;
	dlist_delete(&flight->node);

	/* A large one goes back to the system, the others wait for their next message. */
	if (MemoryContextMemAllocated(flight->context, false) > 4 * FLIGHT_BLOCK_SIZE)
		MemoryContextDelete(flight->context);
	else
		dlist_push_head(&flights->spare, &flight->node);
}

const MsgFlight *
msgext_flights_find(const MsgFlights *flights, int64 message)
{
	const UnderWay *entry = hash_search(flights->under_way, &message, HASH_FIND, NULL);

	return entry != NULL ? entry->flight : NULL;
}

void
msgext_flights_forget(MsgFlights *flights, int64 message)
{
	hash_search(flights->under_way, &message, HASH_REMOVE, NULL);
}

void
msgext_flight_set_outcomes(MsgFlight *flight, MsgVerdict verdict, const char *text)
{
	int i;

	memset(&flight->login_answer, 0, sizeof(MsgLogin));
	flight->login_answer.verdict = verdict;
	flight->login_answer.retry_after_ms = -1;
	flight->login_answer.text = text;
	for (i = 0; i < flight->n; i++)
	{
		memset(&flight->outcomes[i], 0, sizeof(MsgOutcome));
		flight->outcomes[i].verdict = verdict;
		flight->outcomes[i].retry_after_ms = -1;
		flight->outcomes[i].text = text;
	}
}
