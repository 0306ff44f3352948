/*
 * in_flight.c
 *		Messages under way, of all servers: see in_flight.h.
 */
#include "postgres.h"

#include "utils/hsearch.h"

#include "pg/monitor/in_flight.h"
#include "pg/store/outbox.h"
#include "pg/store/under_way.h"

/* So many are looked up. */
#define LOOKUPS 10000

typedef struct Count
{
	Oid server; /* key */
	int64 n;
} Count;

struct MsgInFlight
{
	HTAB *counts;
	bool exact;
};

MsgInFlight *
msgext_in_flight_read(void)
{
	MsgInFlight *in_flight = palloc0(sizeof(MsgInFlight));
	MsgUnderWay *under_way = msgext_under_way_begin();
	TupleTableSlot *row;
	HASHCTL control;

	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(Count);
	control.hcxt = CurrentMemoryContext;
	in_flight->counts = hash_create("msgext messages in flight", 32, &control,
									HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	while (msgext_under_way_lookups(under_way) < LOOKUPS &&
		   (row = msgext_under_way_next(under_way)) != NULL)
	{
		Oid server = msgext_column_oid(row, Anum_outbox_server_oid);
		bool known;
		Count *count = hash_search(in_flight->counts, &server, HASH_ENTER, &known);

		count->n = known ? count->n + 1 : 1;
	}
	in_flight->exact = msgext_under_way_lookups(under_way) < LOOKUPS;
	msgext_under_way_end(under_way);
	return in_flight;
}

int64
msgext_in_flight_of(const MsgInFlight *in_flight, Oid server)
{
	const Count *count = hash_search(in_flight->counts, &server, HASH_FIND, NULL);

	return count != NULL ? count->n : 0;
}

bool
msgext_in_flight_is_exact(const MsgInFlight *in_flight)
{
	return in_flight->exact;
}
