/*
 * values.h
 *		A row to be written, column by column: what has not been set is NULL.
 *
 * Short texts lie in the row itself, which must not be copied; what else is not passed by
 * value lies in the memory context that is current when it is set.
 */
#ifndef MSGEXT_VALUES_H
#define MSGEXT_VALUES_H

#include "postgres.h"

#include "access/attnum.h"
#include "datatype/timestamp.h"

/* As many as the widest table has. */
#define MSG_COLUMNS_MAX 48

/* For the names, states and keys of a message, which are short. */
#define MSG_VALUES_ROOM 256

typedef struct MsgValues
{
	Datum values[MSG_COLUMNS_MAX];
	bool nulls[MSG_COLUMNS_MAX];
	size_t used; /* of room */
	char room[MSG_VALUES_ROOM];
} MsgValues;

extern void msgext_values_init(MsgValues *row);
extern void msgext_values_set(MsgValues *row, AttrNumber column, Datum value);

/* NULL, and the time 0, set the column to NULL. */
extern void msgext_values_text(MsgValues *row, AttrNumber column, const char *value);
extern void msgext_values_time(MsgValues *row, AttrNumber column, TimestampTz value);

extern void msgext_values_oid(MsgValues *row, AttrNumber column, Oid value);
extern void msgext_values_bool(MsgValues *row, AttrNumber column, bool value);
extern void msgext_values_int16(MsgValues *row, AttrNumber column, int16 value);
extern void msgext_values_int32(MsgValues *row, AttrNumber column, int32 value);
extern void msgext_values_int64(MsgValues *row, AttrNumber column, int64 value);
extern void msgext_values_xid8(MsgValues *row, AttrNumber column, uint64 value);
extern void msgext_values_bytes(MsgValues *row, AttrNumber column, const void *bytes,
								size_t len);

#endif /* MSGEXT_VALUES_H */
