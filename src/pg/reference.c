/*
 * reference.c
 *		Messages by the provider's id: see reference.h.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "pg/reference.h"

enum
{
	Anum_reference_server = 1,
	Anum_reference_provider_id,
	Anum_reference_message_id,
	Natts_reference = Anum_reference_message_id
};

MsgTable *
msgext_reference_open(bool writable)
{
	return msgext_table_open("reference", Natts_reference, writable);
}

static MsgScan *
begin_scan(MsgTable *references, Snapshot snapshot, const char *server,
		   const char *provider_id)
{
	ScanKeyData keys[2];

	msgext_key_text(&keys[0], 1, BTEqualStrategyNumber, server);
	msgext_key_text(&keys[1], 2, BTEqualStrategyNumber, provider_id);
	return msgext_scan_begin(references, "reference_pkey", snapshot, keys, 2);
}

bool
msgext_reference_add(MsgTable *references, const char *server, const char *provider_id,
					 int64 message)
{
	Datum values[Natts_reference];
	bool nulls[Natts_reference] = {false};

	values[Anum_reference_server - 1] = CStringGetTextDatum(server);
	values[Anum_reference_provider_id - 1] = CStringGetTextDatum(provider_id);
	values[Anum_reference_message_id - 1] = Int64GetDatum(message);

	/* Only a dispatcher writes here, and there is one: nobody comes in between. */
	return msgext_table_insert_alone(references, "reference_pkey", values, nulls);
}

int64
msgext_reference_find_dirty(MsgTable *references, const char *server,
							const char *provider_id, TransactionId *writer)
{
	SnapshotData dirty;
	MsgScan *scan;
	TupleTableSlot *slot;
	int64 message = 0;
	bool isnull;

	InitDirtySnapshot(dirty);
	*writer = InvalidTransactionId;
	scan = begin_scan(references, &dirty, server, provider_id);
	if ((slot = msgext_scan_next(scan)) != NULL)
	{
		message = DatumGetInt64(slot_getattr(slot, Anum_reference_message_id, &isnull));
		*writer = TransactionIdIsValid(dirty.xmin) ? dirty.xmin : dirty.xmax;
	}
	msgext_scan_end(scan);
	return message;
}
