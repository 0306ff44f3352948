/*
 * template_version.c
 *		Versions of templates: see template_version.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/snapmgr.h"

#include "pg/store/template_version.h"

/* clang-format off */
#define TEMPLATE_COLUMNS(C) \
	C(template, name) C(template, version) C(template, created_at) \
	C(template, created_by) C(template, priority) C(template, message) \
	C(template, lookup) C(template, operation_id) C(template, on_conflict) \
	C(template, skip_when_null) C(template, on_invalid) C(template, expires_in) \
	C(template, debounce) C(template, max_wait) C(template, quiet_hours) \
	C(template, time_zone)
/* clang-format on */
MSG_COLUMN_NUMBERS(template, TEMPLATE_COLUMNS);
MSG_LAYOUT(template, TEMPLATE_COLUMNS);

MsgTable *
msgext_template_version_open(bool writable)
{
	return msgext_table_open(&template_layout, writable);
}

/* A copy of what lies in the page, detoasted. */
static void *
varlena_in(TupleTableSlot *slot, AttrNumber column)
{
	bool isnull;
	Datum value = slot_getattr(slot, column, &isnull);

	return isnull ? NULL : PG_DETOAST_DATUM_COPY(value);
}

static Interval *
interval_in_slot(TupleTableSlot *slot, AttrNumber column)
{
	bool isnull;
	Datum value = slot_getattr(slot, column, &isnull);

	return isnull ? NULL : DatumGetIntervalP(datumCopy(value, false, sizeof(Interval)));
}

static void
read_version(TupleTableSlot *slot, MsgTemplateVersion *version)
{
	bool isnull;

	slot_getallattrs(slot);
	version->name = msgext_column_text(slot, Anum_template_name);
	version->version = msgext_column_int32(slot, Anum_template_version);
	version->created_at = msgext_column_time(slot, Anum_template_created_at);
	version->created_by = msgext_column_text(slot, Anum_template_created_by);
	version->priority =
		DatumGetInt16(slot_getattr(slot, Anum_template_priority, &isnull));
	version->message = varlena_in(slot, Anum_template_message);
	version->lookup = msgext_column_text(slot, Anum_template_lookup);
	version->operation_id = msgext_column_text(slot, Anum_template_operation_id);
	version->on_conflict = msgext_column_text(slot, Anum_template_on_conflict);
	version->skip_when_null = varlena_in(slot, Anum_template_skip_when_null);
	version->on_invalid = msgext_column_text(slot, Anum_template_on_invalid);
	version->expires_in = interval_in_slot(slot, Anum_template_expires_in);
	version->debounce = interval_in_slot(slot, Anum_template_debounce);
	version->max_wait = interval_in_slot(slot, Anum_template_max_wait);
	version->quiet_hours = msgext_column_text(slot, Anum_template_quiet_hours);
	version->time_zone = msgext_column_text(slot, Anum_template_time_zone);
}

/* The highest number of that name, or 0. */
static int32
highest(MsgTable *templates, const char *name, Snapshot snapshot)
{
	int32 number = 0;
	TupleTableSlot *slot;
	ScanKeyData key;
	MsgScan *scan;

	msgext_key_text(&key, 1, BTEqualStrategyNumber, name);
	scan = msgext_table_scan(templates, "template_pkey", snapshot, &key, 1);
	while ((slot = msgext_scan_next(scan)) != NULL)
		number = msgext_column_int32(slot, Anum_template_version);
	msgext_scan_end(scan);
	return number;
}

bool
msgext_template_version_find(MsgTable *templates, const char *name, Snapshot snapshot,
							 MsgTemplateVersion *version)
{
	TupleTableSlot *slot;
	ScanKeyData keys[2];
	MsgScan *scan;
	bool found;

	msgext_key_text(&keys[0], 1, BTEqualStrategyNumber, name);
	msgext_key_int32(&keys[1], 2, BTEqualStrategyNumber,
					 highest(templates, name, snapshot));
	scan = msgext_table_scan(templates, "template_pkey", snapshot, keys, 2);
	found = (slot = msgext_scan_next(scan)) != NULL;
	if (found)
		read_version(slot, version);
	msgext_scan_end(scan);
	return found;
}

static bool
same_text(const char *one, const char *other)
{
	return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

static bool
same_varlena(const void *one, const void *other)
{
	if (one == NULL || other == NULL)
		return one == other;
	return VARSIZE(one) == VARSIZE(other) && memcmp(one, other, VARSIZE(one)) == 0;
}

/* As it is written: a day is not 24 hours. */
static bool
same_interval(const Interval *one, const Interval *other)
{
	if (one == NULL || other == NULL)
		return one == other;
	return one->month == other->month && one->day == other->day &&
		   one->time == other->time;
}

bool
msgext_template_version_same(const MsgTemplateVersion *one,
							 const MsgTemplateVersion *other)
{
	return one->priority == other->priority &&
		   same_varlena(one->message, other->message) &&
		   same_text(one->lookup, other->lookup) &&
		   same_text(one->operation_id, other->operation_id) &&
		   same_text(one->on_conflict, other->on_conflict) &&
		   same_varlena(one->skip_when_null, other->skip_when_null) &&
		   same_text(one->on_invalid, other->on_invalid) &&
		   same_interval(one->expires_in, other->expires_in) &&
		   same_interval(one->debounce, other->debounce) &&
		   same_interval(one->max_wait, other->max_wait) &&
		   same_text(one->quiet_hours, other->quiet_hours) &&
		   same_text(one->time_zone, other->time_zone);
}

static void
set_pointer(MsgValues *row, AttrNumber column, const void *value)
{
	if (value != NULL)
		msgext_values_set(row, column, PointerGetDatum(value));
}

void
msgext_template_version_add(MsgTable *templates, const MsgTemplateVersion *version)
{
	MsgValues row;

	msgext_values_init(&row);
	msgext_values_text(&row, Anum_template_name, version->name);
	msgext_values_int32(&row, Anum_template_version, version->version);
	msgext_values_time(&row, Anum_template_created_at, version->created_at);
	msgext_values_text(&row, Anum_template_created_by, version->created_by);
	msgext_values_int16(&row, Anum_template_priority, version->priority);
	set_pointer(&row, Anum_template_message, version->message);
	msgext_values_text(&row, Anum_template_lookup, version->lookup);
	msgext_values_text(&row, Anum_template_operation_id, version->operation_id);
	msgext_values_text(&row, Anum_template_on_conflict, version->on_conflict);
	set_pointer(&row, Anum_template_skip_when_null, version->skip_when_null);
	msgext_values_text(&row, Anum_template_on_invalid, version->on_invalid);
	set_pointer(&row, Anum_template_expires_in, version->expires_in);
	set_pointer(&row, Anum_template_debounce, version->debounce);
	set_pointer(&row, Anum_template_max_wait, version->max_wait);
	msgext_values_text(&row, Anum_template_quiet_hours, version->quiet_hours);
	msgext_values_text(&row, Anum_template_time_zone, version->time_zone);
	msgext_table_insert(templates, row.values, row.nulls);
	CommandCounterIncrement();
}

void
msgext_template_version_remove(MsgTable *templates, const char *name)
{
	Snapshot latest = RegisterSnapshot(GetLatestSnapshot());
	ScanKeyData key;

	msgext_key_text(&key, 1, BTEqualStrategyNumber, name);
	msgext_table_delete_all(
		templates, msgext_table_scan(templates, "template_pkey", latest, &key, 1), true);
	UnregisterSnapshot(latest);
	CommandCounterIncrement();
}
