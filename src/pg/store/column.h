/*
 * column.h
 *		A column of a row that was read, as values.h writes it: what is NULL is 0, false
 *		or NULL.
 *
 * Texts are in the current memory context. Owns no row, and knows no column.
 */
#ifndef MSGEXT_COLUMN_H
#define MSGEXT_COLUMN_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

static inline bool
msgext_column_bool(TupleTableSlot *row, AttrNumber column)
{
	bool isnull;
	Datum value = slot_getattr(row, column, &isnull);

	return isnull ? false : DatumGetBool(value);
}

static inline int32
msgext_column_int32(TupleTableSlot *row, AttrNumber column)
{
	bool isnull;
	Datum value = slot_getattr(row, column, &isnull);

	return isnull ? 0 : DatumGetInt32(value);
}

static inline int64
msgext_column_int64(TupleTableSlot *row, AttrNumber column)
{
	bool isnull;
	Datum value = slot_getattr(row, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

static inline Oid
msgext_column_oid(TupleTableSlot *row, AttrNumber column)
{
	bool isnull;
	Datum value = slot_getattr(row, column, &isnull);

	return isnull ? InvalidOid : DatumGetObjectId(value);
}

static inline TimestampTz
msgext_column_time(TupleTableSlot *row, AttrNumber column)
{
	bool isnull;
	Datum value = slot_getattr(row, column, &isnull);

	return isnull ? 0 : DatumGetTimestampTz(value);
}

static inline char *
msgext_column_text(TupleTableSlot *row, AttrNumber column)
{
	bool isnull;
	Datum value = slot_getattr(row, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

#endif /* MSGEXT_COLUMN_H */
