/*
 * reference.c
 *		Messages by the provider's id: see reference.h.
 */
#include "postgres.h"

#include "foreign/foreign.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "pg/store/reference.h"

/* clang-format off */
#define REFERENCE_COLUMNS(C) \
	C(reference, server_oid) C(reference, provider_id) C(reference, message_id)
/* clang-format on */
MSG_COLUMN_NUMBERS(reference, REFERENCE_COLUMNS);
MSG_LAYOUT(reference, REFERENCE_COLUMNS);

static void
warn_of_duplicate(TupleTableSlot *row)
{
	Oid oid = msgext_column_oid(row, Anum_reference_server_oid);
	ForeignServer *server = GetForeignServerExtended(oid, FSV_MISSING_OK);

	ereport(WARNING, (errmsg("provider of server \"%s\" gave id \"%s\" twice",
							 server != NULL ? server->servername : "",
							 msgext_column_text(row, Anum_reference_provider_id)),
					  errdetail("Message " INT64_FORMAT " is the second.",
								msgext_column_int64(row, Anum_reference_message_id))));
}

MsgTable *
msgext_reference_open(bool writable)
{
	MsgTable *references = msgext_table_open(&reference_layout, writable);

	/* Only a dispatcher writes here, and there is one: nobody comes in between. */
	msgext_table_skip_duplicates(references, "reference_pkey", warn_of_duplicate);
	return references;
}

void
msgext_reference_add(MsgTable *references, Oid server, const char *provider_id,
					 int64 message)
{
	MsgValues row;

	msgext_values_init(&row);
	msgext_values_oid(&row, Anum_reference_server_oid, server);
	msgext_values_text(&row, Anum_reference_provider_id, provider_id);
	msgext_values_int64(&row, Anum_reference_message_id, message);
	msgext_table_gather(references, row.values, row.nulls);
}

int64
msgext_reference_find_dirty(MsgTable *references, Oid server, const char *provider_id,
							TransactionId *writer)
{
	ScanKeyData keys[2];
	SnapshotData dirty;
	MsgScan *scan;
	TupleTableSlot *slot;
	int64 message = 0;

	InitDirtySnapshot(dirty);
	*writer = InvalidTransactionId;
	msgext_key_oid(&keys[0], 1, BTEqualStrategyNumber, server);
	msgext_key_text(&keys[1], 2, BTEqualStrategyNumber, provider_id);
	scan = msgext_table_scan(references, "reference_pkey", &dirty, keys, 2);
	if ((slot = msgext_scan_next(scan)) != NULL)
	{
		message = msgext_column_int64(slot, Anum_reference_message_id);
		*writer = TransactionIdIsValid(dirty.xmin) ? dirty.xmin : dirty.xmax;
	}
	msgext_scan_end(scan);
	return message;
}

int64
msgext_reference_find(MsgTable *references, Oid server, const char *provider_id,
					  Snapshot snapshot)
{
	ScanKeyData keys[2];
	TupleTableSlot *slot;

	msgext_key_oid(&keys[0], 1, BTEqualStrategyNumber, server);
	msgext_key_text(&keys[1], 2, BTEqualStrategyNumber, provider_id);
	slot = msgext_table_find(references, "reference_pkey", snapshot, keys, 2);
	return slot == NULL ? 0 : msgext_column_int64(slot, Anum_reference_message_id);
}

int64
msgext_reference_message(TupleTableSlot *row)
{
	bool isnull;

	return DatumGetInt64(slot_getattr(row, Anum_reference_message_id, &isnull));
}

void
msgext_reference_remove(MsgTable *references, Oid server, const char *provider_id,
						int64 message)
{
	ScanKeyData keys[2];
	TupleTableSlot *slot;
	MsgScan *scan;

	msgext_key_oid(&keys[0], 1, BTEqualStrategyNumber, server);
	msgext_key_text(&keys[1], 2, BTEqualStrategyNumber, provider_id);
	scan = msgext_table_scan(references, "reference_pkey", GetActiveSnapshot(), keys, 2);
	slot = msgext_scan_next(scan);

	if (slot != NULL && msgext_column_int64(slot, Anum_reference_message_id) == message)
	{
		ItemPointerData tid = slot->tts_tid;

		msgext_table_delete(references, &tid, false);
	}
	msgext_scan_end(scan);
}
