/*
 * in_flight.c
 *		Messages under way, of all servers: see in_flight.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "pg/monitor/in_flight.h"
#include "pg/store/claim.h"
#include "pg/store/outbox.h"

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
	int lookups;
};

static void
count_one(MsgInFlight *in_flight, Oid server)
{
	bool known;
	Count *count = hash_search(in_flight->counts, &server, HASH_ENTER, &known);

	count->n = known ? count->n + 1 : 1;
}

static void
count_claim(MsgInFlight *in_flight, MsgTable *outbox, const MsgClaim *claim)
{
	int i;

	for (i = 0; i < claim->n && msgext_in_flight_is_exact(in_flight); i++)
	{
		MsgRow row;

		in_flight->lookups++;
		if (!msgext_outbox_find(outbox, claim->messages[i], GetActiveSnapshot(), &row))
			continue;
		if (row.state == MSG_QUEUED && row.attempts + 1 == claim->attempts[i])
			count_one(in_flight, row.server_oid);
		heap_freetuple(row.tuple);
	}
}

MsgInFlight *
msgext_in_flight_read(void)
{
	MsgInFlight *in_flight = palloc0(sizeof(MsgInFlight));
	MemoryContext before = CurrentMemoryContext;
	MemoryContext each =
		AllocSetContextCreate(before, "msgext claim", ALLOCSET_DEFAULT_SIZES);
	MsgTable *outbox = msgext_outbox_open(false);
	MsgTable *claims = msgext_claim_open(false);
	TableScanDesc scan = table_beginscan(claims->rel, GetActiveSnapshot(), 0, NULL);
	TupleTableSlot *slot = table_slot_create(claims->rel, NULL);
	HASHCTL control;

	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(Count);
	control.hcxt = before;
	in_flight->counts = hash_create("msgext messages in flight", 32, &control,
									HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	while (msgext_in_flight_is_exact(in_flight) &&
		   table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		MsgClaim claim;

		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(each);
		msgext_claim_read(slot, &claim);
		count_claim(in_flight, outbox, &claim);
		MemoryContextSwitchTo(before);
		MemoryContextReset(each);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	msgext_table_close(claims);
	msgext_table_close(outbox);
	MemoryContextDelete(each);
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
	return in_flight->lookups < LOOKUPS;
}
