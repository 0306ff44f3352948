/*
 * origin.c
 *		Which database this is: see origin.h.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xlog.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/snapmgr.h"

#include "pg/base/extension.h"
#include "pg/store/origin.h"
#include "pg/store/table.h"

#define ORIGIN_COLUMNS(C) C(origin, origin)
MSG_COLUMN_NUMBERS(origin, ORIGIN_COLUMNS);
MSG_LAYOUT(origin, ORIGIN_COLUMNS);

/* Written by CREATE EXTENSION msgext_test (sql/test), which knows no digest. */
#define ORIGIN_TEST MSG_ORIGIN_NONE

int64
msgext_origin(void)
{
	static Oid known = InvalidOid; /* the extension that it is known for */
	static int64 origin;
	uint64 system = GetSystemIdentifier();
	uint64 ids[] = {MyDatabaseId, msgext_extension_oid()};

	if (ids[1] != known)
		origin = (int64) hash_combine64(
			hash_bytes_extended((unsigned char *) &system, sizeof(system), 0),
			hash_bytes_extended((unsigned char *) ids, sizeof(ids), 0));
	known = ids[1];
	return origin;
}

void
msgext_origin_record(void)
{
	MsgTable *origin = msgext_table_open(&origin_layout, true);
	MsgValues row;

	msgext_values_init(&row);
	msgext_values_int64(&row, Anum_origin_origin, msgext_origin());
	msgext_table_insert(origin, row.values, row.nulls);
	msgext_table_close(origin);
}

void
msgext_origin_read(MsgOrigins *origins)
{
	MsgTable *origin = msgext_table_open(&origin_layout, false);
	TableScanDesc scan = table_beginscan(origin->rel, GetActiveSnapshot(), 0, NULL);
	TupleTableSlot *slot = table_slot_create(origin->rel, NULL);
	int64 here = msgext_origin();

	memset(origins, 0, sizeof(*origins));
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		int64 value = msgext_column_int64(slot, Anum_origin_origin);

		origins->test |= value == ORIGIN_TEST;
		origins->foreign |= value != here && value != ORIGIN_TEST;
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	msgext_table_close(origin);
}

bool
msgext_origin_is_foreign(void)
{
	MsgOrigins origins;

	msgext_origin_read(&origins);
	return origins.foreign;
}
