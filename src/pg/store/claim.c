/*
 * claim.c
 *		Batches of messages whose requests may be on the wire: see claim.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "pg/base/compat.h"
#include "pg/store/claim.h"
#include "pg/store/relation.h"

/* clang-format off */
#define CLAIM_COLUMNS(C) \
	C(claim, id) C(claim, claimed_at) C(claim, messages) C(claim, attempts) \
	C(claim, created_at)
/* clang-format on */
MSG_COLUMN_NUMBERS(claim, CLAIM_COLUMNS);
MSG_LAYOUT(claim, CLAIM_COLUMNS);

/* A sub-object of the table that stands for the fence; no SQL command locks it. */
#define LOCK_FENCE 2

static void
fence_tag(LOCKTAG *tag)
{
	SET_LOCKTAG_OBJECT(*tag, MyDatabaseId, RelationRelationId,
					   msgext_relation_oid("claim"), LOCK_FENCE);
}

#ifdef USE_ASSERT_CHECKING
static bool
fence_is_held(void)
{
	LOCKTAG tag;

	fence_tag(&tag);
	return msgext_lock_held_by_me(&tag, ExclusiveLock);
}
#endif

MsgTable *
msgext_claim_open(bool writable)
{
	return msgext_table_open(&claim_layout, writable);
}

void
msgext_claim_add(MsgTable *claims, int64 id, TimestampTz at, int n, const int64 *messages,
				 const int32 *attempts, const TimestampTz *created)
{
	Datum *message_datums = palloc(n * sizeof(Datum));
	Datum *attempt_datums = palloc(n * sizeof(Datum));
	Datum *created_datums = palloc(n * sizeof(Datum));
	MsgValues row;
	int i;

	Assert(n > 0);
	Assert(fence_is_held());
	for (i = 0; i < n; i++)
	{
		message_datums[i] = Int64GetDatum(messages[i]);
		attempt_datums[i] = Int32GetDatum(attempts[i]);
		created_datums[i] = TimestampTzGetDatum(created[i]);
	}
	msgext_values_init(&row);
	msgext_values_int64(&row, Anum_claim_id, id);
	msgext_values_time(&row, Anum_claim_claimed_at, at);
	msgext_values_set(&row, Anum_claim_messages,
					  PointerGetDatum(construct_array(message_datums, n, INT8OID, 8,
													  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)));
	msgext_values_set(&row, Anum_claim_attempts,
					  PointerGetDatum(construct_array(attempt_datums, n, INT4OID, 4, true,
													  TYPALIGN_INT)));
	msgext_values_set(
		&row, Anum_claim_created_at,
		PointerGetDatum(construct_array(created_datums, n, TIMESTAMPTZOID, 8,
										FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)));
	msgext_table_insert(claims, row.values, row.nulls);
}

void
msgext_claim_read(TupleTableSlot *slot, MsgClaim *claim)
{
	Datum *datums;
	bool isnull;
	int n;
	int i;

	claim->id = DatumGetInt64(slot_getattr(slot, Anum_claim_id, &isnull));
	deconstruct_array(
		DatumGetArrayTypeP(slot_getattr(slot, Anum_claim_messages, &isnull)), INT8OID, 8,
		FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &datums, NULL, &claim->n);
	claim->messages = palloc(claim->n * sizeof(int64));
	for (i = 0; i < claim->n; i++)
		claim->messages[i] = DatumGetInt64(datums[i]);
	deconstruct_array(
		DatumGetArrayTypeP(slot_getattr(slot, Anum_claim_attempts, &isnull)), INT4OID, 4,
		true, TYPALIGN_INT, &datums, NULL, &n);
	claim->n = Min(claim->n, n);
	claim->attempts = palloc(n * sizeof(int32));
	for (i = 0; i < n; i++)
		claim->attempts[i] = DatumGetInt32(datums[i]);
	deconstruct_array(
		DatumGetArrayTypeP(slot_getattr(slot, Anum_claim_created_at, &isnull)),
		TIMESTAMPTZOID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &datums, NULL, &n);
	claim->n = Min(claim->n, n);
	claim->created = palloc(n * sizeof(TimestampTz));
	for (i = 0; i < n; i++)
		claim->created[i] = DatumGetTimestampTz(datums[i]);
}

void
msgext_claim_remove(MsgTable *claims, int64 id)
{
	ScanKeyData key;

	msgext_key_int64(&key, 1, BTEqualStrategyNumber, id);
	msgext_table_delete_all(
		claims, msgext_table_scan(claims, "claim_pkey", GetActiveSnapshot(), &key, 1),
		true);
}

List *
msgext_claim_list(MsgTable *claims)
{
	TableScanDesc scan = table_beginscan(claims->rel, GetActiveSnapshot(), 0, NULL);
	TupleTableSlot *slot = table_slot_create(claims->rel, NULL);
	List *list = NIL;

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		MsgClaim *claim = palloc(sizeof(MsgClaim));

		msgext_claim_read(slot, claim);
		list = lappend(list, claim);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	return list;
}

bool
msgext_claim_exists(MsgTable *claims, Snapshot snapshot, int64 message, int32 attempt)
{
	TableScanDesc scan = table_beginscan(claims->rel, snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(claims->rel, NULL);
	bool found = false;

	while (!found && table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		MsgClaim claim;
		int i;

		msgext_claim_read(slot, &claim);
		for (i = 0; i < claim.n && !found; i++)
			found = claim.messages[i] == message && claim.attempts[i] == attempt;
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	return found;
}

void
msgext_claim_fence_hold(void)
{
	LOCKTAG tag;

	fence_tag(&tag);
	Assert(IsTransactionState());
	LockAcquire(&tag, ExclusiveLock, false, false);
}

void
msgext_claim_fence_block(void)
{
	LOCKTAG tag;

	/* He who holds it would wait for nobody. */
	Assert(!fence_is_held());
	fence_tag(&tag);
	LockAcquire(&tag, ShareLock, false, false);
}

void
msgext_claim_fence_unblock(void)
{
	LOCKTAG tag;

	fence_tag(&tag);
	LockRelease(&tag, ShareLock, false);
}

void
msgext_claim_fence_wait(void)
{
	msgext_claim_fence_block();
	msgext_claim_fence_unblock();
}
