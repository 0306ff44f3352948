/*
 * values.c
 *		A row to be written, column by column: see values.h.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "pg/base/bytes.h"
#include "pg/store/values.h"

void
msgext_values_init(MsgValues *row)
{
	memset(row->values, 0, sizeof(row->values));
	memset(row->nulls, true, sizeof(row->nulls));
	row->used = 0;
}

void
msgext_values_set(MsgValues *row, AttrNumber column, Datum value)
{
	Assert(column >= 1 && column <= MSG_COLUMNS_MAX);
	row->values[column - 1] = value;
	row->nulls[column - 1] = false;
}

static void
set_null(MsgValues *row, AttrNumber column)
{
	row->values[column - 1] = (Datum) 0;
	row->nulls[column - 1] = true;
}

void
msgext_values_text(MsgValues *row, AttrNumber column, const char *value)
{
	size_t len;
	size_t size;
	char *text;

	if (value == NULL)
	{
		set_null(row, column);
		return;
	}
	len = strlen(value);
	size = len + VARHDRSZ_SHORT;
	if (size > VARATT_SHORT_MAX || size > MSG_VALUES_ROOM - row->used)
	{
		msgext_values_set(row, column, CStringGetTextDatum(value));
		return;
	}

	/* In the form it has in a tuple. */
	text = row->room + row->used;
	row->used += size;
	SET_VARSIZE_SHORT(text, size);
	memcpy(VARDATA_SHORT(text), value, len);
	msgext_values_set(row, column, PointerGetDatum(text));
}

void
msgext_values_time(MsgValues *row, AttrNumber column, TimestampTz value)
{
	if (value == 0)
		set_null(row, column);
	else
		msgext_values_set(row, column, TimestampTzGetDatum(value));
}

void
msgext_values_oid(MsgValues *row, AttrNumber column, Oid value)
{
	msgext_values_set(row, column, ObjectIdGetDatum(value));
}

void
msgext_values_bool(MsgValues *row, AttrNumber column, bool value)
{
	msgext_values_set(row, column, BoolGetDatum(value));
}

void
msgext_values_int16(MsgValues *row, AttrNumber column, int16 value)
{
	msgext_values_set(row, column, Int16GetDatum(value));
}

void
msgext_values_int32(MsgValues *row, AttrNumber column, int32 value)
{
	msgext_values_set(row, column, Int32GetDatum(value));
}

void
msgext_values_int64(MsgValues *row, AttrNumber column, int64 value)
{
	msgext_values_set(row, column, Int64GetDatum(value));
}

void
msgext_values_xid8(MsgValues *row, AttrNumber column, uint64 value)
{
	msgext_values_set(row, column,
					  FullTransactionIdGetDatum(FullTransactionIdFromU64(value)));
}

void
msgext_values_bytes(MsgValues *row, AttrNumber column, const void *bytes, size_t len)
{
	msgext_values_set(row, column, PointerGetDatum(msgext_bytes(bytes, len)));
}
