/*
 * datum_json.h
 *		Values of SQL types as JSON, as a template or a row's image shows them.
 *
 * What a value looks like depends on its type alone, not on the session's settings
 * (DateStyle, TimeZone and their kind), and no cast or function of a user's is called.
 */
#ifndef MSGEXT_DATUM_JSON_H
#define MSGEXT_DATUM_JSON_H

#include "postgres.h"

#include "core/json.h"
#include "executor/tuptable.h"
#include "pgtime.h"

/*
 * The value in the arena, its texts in UTF-8. Numbers, truth values, JSON, arrays and
 * composites are what they are, all else is text: times in ISO 8601, those with a zone in
 * the one given. bytes: of a bytea its bytes as the text of a string, else it is \x and
 * hexadecimal digits.
 */
extern MsgJson *msgext_datum_json(MsgArena *arena, Datum value, Oid type, pg_tz *zone,
								  bool bytes);

/* A column of a row; null where it is NULL. */
extern MsgJson *msgext_slot_json(MsgArena *arena, TupleTableSlot *slot, AttrNumber column,
								 pg_tz *zone, bool bytes);

/* An object of a row's columns: all, those listed in columns, or all but those. */
extern MsgJson *msgext_row_json(MsgArena *arena, TupleTableSlot *slot, pg_tz *zone,
								const bool *leave_out);

#endif /* MSGEXT_DATUM_JSON_H */
