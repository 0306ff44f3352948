/*
 * home.c
 *		Which database this is: see home.h.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xlog.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/snapmgr.h"

#include "pg/store/origin.h"
#include "pg/store/table.h"

int64
msgext_home(void)
{
	static bool known = false; /* a process has one database */
	static int64 home;
	uint64 system = GetSystemIdentifier();
	uint64 database = MyDatabaseId;

	if (!known)
		home = (int64) hash_combine64(
			hash_bytes_extended((unsigned char *) &system, sizeof(system), 0),
			hash_bytes_extended((unsigned char *) &database, sizeof(database), 0));
	known = true;
	return home;
}

void
msgext_home_record(void)
{
	MsgTable *home = msgext_table_open("home", 1, true);
	Datum value = Int64GetDatum(msgext_home());
	bool isnull = false;

	msgext_table_insert(home, &value, &isnull);
	msgext_table_close(home);
}

bool
msgext_home_is_copy(void)
{
	MsgTable *home = msgext_table_open("home", 1, false);
	TableScanDesc scan = table_beginscan(home->rel, GetActiveSnapshot(), 0, NULL);
	TupleTableSlot *slot = table_slot_create(home->rel, NULL);
	int64 here = msgext_home();
	bool copy = false;
	bool isnull;

	while (!copy && table_scan_getnextslot(scan, ForwardScanDirection, slot))
		copy = DatumGetInt64(slot_getattr(slot, 1, &isnull)) != here;
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	msgext_table_close(home);
	return copy;
}
