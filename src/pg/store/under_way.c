/*
 * under_way.c
 *		Messages under way, and their rows: see under_way.h.
 *
 * Owns in which order rows are read: claim by claim, each in the order of ids, for a claim's
 * messages are mostly neighbours, and to find one by itself is to read four pages.
 */
#include "postgres.h"

#include "access/itup.h"
#include "access/tableam.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "pg/store/claim.h"
#include "pg/store/outbox.h"
#include "pg/store/under_way.h"

/* Entries of less than a page: to pass them costs no more than to begin anew behind them. */
#define NEAR 300

/* A message of a claim, and the attempt it was claimed for. */
typedef struct Claimed
{
	int64 message;
	int32 attempt;
} Claimed;

struct MsgUnderWay
{
	MsgTable *claims;
	TableScanDesc claim_scan;
	TupleTableSlot *claim_slot;
	MemoryContext of_claim; /* what is in it lasts until the next claim is read */
	Claimed *claimed;
	int n;
	int next;
	int64 lookups;

	MsgTable *outbox;
	MsgScan *ids;	  /* entries of outbox_pkey; NULL before the first */
	IndexTuple entry; /* where it stands; NULL: behind the last */
};

MsgUnderWay *
msgext_under_way_begin(void)
{
	MsgUnderWay *under_way = palloc0(sizeof(MsgUnderWay));

	under_way->claims = msgext_claim_open(false);
	under_way->claim_scan =
		table_beginscan(under_way->claims->rel, GetActiveSnapshot(), 0, NULL);
	under_way->claim_slot = table_slot_create(under_way->claims->rel, NULL);
	under_way->of_claim = AllocSetContextCreate(CurrentMemoryContext, "msgext claim",
												ALLOCSET_DEFAULT_SIZES);
	under_way->outbox = msgext_outbox_open(false);
	return under_way;
}

void
msgext_under_way_end(MsgUnderWay *under_way)
{
	if (under_way->ids != NULL)
		msgext_scan_end(under_way->ids);
	msgext_table_close(under_way->outbox);
	table_endscan(under_way->claim_scan);
	ExecDropSingleTupleTableSlot(under_way->claim_slot);
	msgext_table_close(under_way->claims);
	MemoryContextDelete(under_way->of_claim);
	pfree(under_way);
}

static int
compare(const void *a, const void *b)
{
	int64 left = ((const Claimed *) a)->message;
	int64 right = ((const Claimed *) b)->message;

	return (left > right) - (left < right);
}

static bool
read_claim(MsgUnderWay *under_way)
{
	MemoryContext before;
	MsgClaim claim;
	int i;

	CHECK_FOR_INTERRUPTS();
	if (!table_scan_getnextslot(under_way->claim_scan, ForwardScanDirection,
								under_way->claim_slot))
		return false;
	MemoryContextReset(under_way->of_claim);
	before = MemoryContextSwitchTo(under_way->of_claim);
	msgext_claim_read(under_way->claim_slot, &claim);
	under_way->claimed = palloc(claim.n * sizeof(Claimed));
	for (i = 0; i < claim.n; i++)
		under_way->claimed[i] = (Claimed){claim.messages[i], claim.attempts[i]};
	qsort(under_way->claimed, claim.n, sizeof(Claimed), compare);
	under_way->n = claim.n;
	under_way->next = 0;
	MemoryContextSwitchTo(before);
	return true;
}

static int64
entry_id(const MsgUnderWay *under_way)
{
	bool isnull;

	return DatumGetInt64(index_getattr(under_way->entry, 1,
									   RelationGetDescr(under_way->ids->index), &isnull));
}

/*
 * Goes to the first entry of that id or a later one; anew where it stands at one of that id,
 * as behind the message's earlier claim: its row is fetched once.
 */
static void
go_to(MsgUnderWay *under_way, int64 message)
{
	ScanKeyData from;

	if (under_way->entry == NULL || entry_id(under_way) >= message ||
		message - entry_id(under_way) > NEAR)
	{
		msgext_key_int64(&from, 1, BTGreaterEqualStrategyNumber, message);
		if (under_way->ids == NULL)
			under_way->ids = msgext_table_entries(under_way->outbox, "outbox_pkey",
												  GetActiveSnapshot(), &from, 1);
		else
			msgext_scan_again(under_way->ids, &from, 1);
		under_way->entry = msgext_scan_next_entry(under_way->ids);
	}
	while (under_way->entry != NULL && entry_id(under_way) < message)
		under_way->entry = msgext_scan_next_entry(under_way->ids);
}

/* An id has an entry for each version that is no HOT update of the one before. */
static TupleTableSlot *
find_row(MsgUnderWay *under_way, int64 message)
{
	TupleTableSlot *row = NULL;

	go_to(under_way, message);
	while (under_way->entry != NULL && entry_id(under_way) == message)
	{
		row = msgext_scan_row(under_way->ids);
		if (row != NULL)
			break;
		under_way->entry = msgext_scan_next_entry(under_way->ids);
	}
	return row;
}

/* A claim stays until all of its messages are recorded. */
static bool
is_recorded(TupleTableSlot *row, int32 attempt)
{
	int32 attempts = msgext_column_int32(row, Anum_outbox_attempts);
	char *state = msgext_column_text(row, Anum_outbox_state);
	bool queued = strcmp(state, msgext_state_name(MSG_QUEUED)) == 0;

	pfree(state);
	return !queued || attempts + 1 != attempt;
}

TupleTableSlot *
msgext_under_way_next(MsgUnderWay *under_way)
{
	for (;;)
	{
		const Claimed *claimed;
		TupleTableSlot *row;

		while (under_way->next == under_way->n)
			if (!read_claim(under_way))
				return NULL;
		claimed = &under_way->claimed[under_way->next++];
		under_way->lookups++;
		row = find_row(under_way, claimed->message);
		if (row != NULL && !is_recorded(row, claimed->attempt))
			return row;
	}
}

int64
msgext_under_way_lookups(const MsgUnderWay *under_way)
{
	return under_way->lookups;
}
