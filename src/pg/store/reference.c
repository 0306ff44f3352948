/*
 * reference.c
 *		Messages by the provider's id: see reference.h.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "pg/store/reference.h"

enum
{
	Anum_reference_server = 1,
	Anum_reference_provider_id,
	Anum_reference_message_id,
	Natts_reference = Anum_reference_message_id
};

static void
warn_of_twin(TupleTableSlot *row)
{
	bool isnull;
	Datum server = slot_getattr(row, Anum_reference_server, &isnull);
	Datum id = slot_getattr(row, Anum_reference_provider_id, &isnull);
	Datum message = slot_getattr(row, Anum_reference_message_id, &isnull);

	ereport(WARNING, (errmsg("provider of server \"%s\" gave id \"%s\" twice",
							 TextDatumGetCString(server), TextDatumGetCString(id)),
					  errdetail("Message " INT64_FORMAT " is the second.",
								DatumGetInt64(message))));
}

MsgTable *
msgext_reference_open(bool writable)
{
	MsgTable *references = msgext_table_open("reference", Natts_reference, writable);

	/* Only a dispatcher writes here, and there is one: nobody comes in between. */
	msgext_table_expect_twins(references, "reference_pkey", warn_of_twin);
	return references;
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

void
msgext_reference_add(MsgTable *references, const char *server, const char *provider_id,
					 int64 message)
{
	Datum values[Natts_reference];
	bool nulls[Natts_reference] = {false};

	values[Anum_reference_server - 1] = CStringGetTextDatum(server);
	values[Anum_reference_provider_id - 1] = CStringGetTextDatum(provider_id);
	values[Anum_reference_message_id - 1] = Int64GetDatum(message);
	msgext_table_gather(references, values, nulls);
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
