/*
 * datum_json.c
 *		Values of SQL types as JSON: see datum_json.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/jsonfuncs.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "pg/base/compat.h"
#include "pg/base/datum_json.h"
#include "pg/base/json_pg.h"
#include "pg/base/pinned.h"

/* As large as a field of a row may be, for JSON that is kept as it was written. */
static const MsgJsonLimits json_limits = {
	.size = 256 * 1024 * 1024, .depth = 64, .nodes = 1000000};

/* A number as it is written, which is how it stays; what JSON has no number for is text. */
static MsgJson *
number_of(MsgArena *arena, const char *text)
{
	MsgJson *node;
	char last = text[strlen(text) - 1];

	if (last < '0' || last > '9')
		return msgext_json_of_text(arena, text, strlen(text));
	node = msgext_json_new(arena, MSG_JSON_NUMBER);
	node->len = strlen(text);
	node->text = msgext_strndup(arena, text, node->len);
	return node;
}

static MsgJson *
timestamptz_of(MsgArena *arena, TimestampTz at, pg_tz *zone)
{
	char text[MAXDATELEN + 1];
	struct pg_tm tm;
	const char *abbreviation;
	fsec_t fraction;
	int offset;

	if (TIMESTAMP_NOT_FINITE(at))
		EncodeSpecialTimestamp(at, text);
	else if (timestamp2tm(at, &offset, &tm, &fraction, &abbreviation, zone) == 0)
		EncodeDateTime(&tm, fraction, true, offset, abbreviation, USE_XSD_DATES, text);
	else
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
						errmsg("timestamp out of range")));
	return msgext_json_of_text(arena, text, strlen(text));
}

static MsgJson *
bytea_of(MsgArena *arena, bytea *value, bool bytes)
{
	size_t len = VARSIZE_ANY_EXHDR(value);
	MsgJson *node = msgext_json_new(arena, MSG_JSON_STRING);
	char *text;

	if (bytes)
	{
		node->text = msgext_strndup(arena, VARDATA_ANY(value), len);
		node->len = len;
		return node;
	}
	text = msgext_alloc(arena, len * 2 + 3);
	memcpy(text, "\\x", 2);
	hex_encode(VARDATA_ANY(value), len, text + 2);
	text[len * 2 + 2] = '\0';
	node->text = text;
	node->len = len * 2 + 2;
	return node;
}

/* An array's dimension, and those below it. */
static MsgJson *
dimension_of(MsgArena *arena, Datum **values, bool **nulls, int ndims, const int *dims,
			 Oid type, pg_tz *zone)
{
	MsgJson *list = msgext_json_new(arena, MSG_JSON_ARRAY);
	int i;

	for (i = 0; i < dims[0]; i++)
	{
		if (ndims > 1)
			msgext_json_append(list, dimension_of(arena, values, nulls, ndims - 1,
												  dims + 1, type, zone));
		else
		{
			msgext_json_append(
				list, **nulls ? msgext_json_new(arena, MSG_JSON_NULL)
							  : msgext_datum_json(arena, **values, type, zone, false));
			(*values)++;
			(*nulls)++;
		}
	}
	return list;
}

static MsgJson *
array_of(MsgArena *arena, Datum value, Oid element, pg_tz *zone)
{
	ArrayType *array = DatumGetArrayTypeP(value);
	int16 len;
	bool by_value;
	char align;
	Datum *values;
	bool *nulls;
	int n;

	if (ARR_NDIM(array) == 0)
		return msgext_json_new(arena, MSG_JSON_ARRAY);
	get_typlenbyvalalign(element, &len, &by_value, &align);
	deconstruct_array(array, element, len, by_value, align, &values, &nulls, &n);
	return dimension_of(arena, &values, &nulls, ARR_NDIM(array), ARR_DIMS(array), element,
						zone);
}

static MsgJson *
composite_of(MsgArena *arena, Datum value, pg_tz *zone)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(value);
	TupleDesc desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header),
											HeapTupleHeaderGetTypMod(header));
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header),
						   .t_data = header};
	MsgJson *object;

	ItemPointerSetInvalid(&tuple.t_self);
	ExecStoreHeapTuple(&tuple, slot, false);
	object = msgext_row_json(arena, slot, zone, NULL);
	ExecDropSingleTupleTableSlot(slot);
	ReleaseTupleDesc(desc);
	return object;
}

/* By the type's output function, which may look at any setting. */
static MsgJson *
output_of(MsgArena *arena, Datum value, Oid type, pg_tz *zone)
{
	Oid function;
	bool varlena;
	char *text;
	int nest;

	getTypeOutputInfo(type, &function, &varlena);
	nest = msgext_pin_settings(pg_get_timezone_name(zone));
	text = OidOutputFunctionCall(function, value);
	msgext_unpin_settings(nest);
	return msgext_json_of_text(arena, text, strlen(text));
}

MsgJson *
msgext_datum_json(MsgArena *arena, Datum value, Oid type, pg_tz *zone, bool bytes)
{
	char digits[MAXDATELEN + 1];
	MsgJson *node;
	text *string;
	Oid element;

	switch (type)
	{
		case BOOLOID:
			node = msgext_json_new(arena, MSG_JSON_BOOL);
			node->truth = DatumGetBool(value);
			return node;
		case INT2OID:
			pg_itoa(DatumGetInt16(value), digits);
			return number_of(arena, digits);
		case INT4OID:
			pg_ltoa(DatumGetInt32(value), digits);
			return number_of(arena, digits);
		case INT8OID:
			pg_lltoa(DatumGetInt64(value), digits);
			return number_of(arena, digits);
		case FLOAT4OID:
			float_to_shortest_decimal_buf(DatumGetFloat4(value), digits);
			return number_of(arena, digits);
		case FLOAT8OID:
			double_to_shortest_decimal_buf(DatumGetFloat8(value), digits);
			return number_of(arena, digits);
		case NUMERICOID:
			return number_of(arena,
							 DatumGetCString(DirectFunctionCall1(numeric_out, value)));
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			string = DatumGetTextPP(value);
			return msgext_json_of_text(arena, VARDATA_ANY(string),
									   VARSIZE_ANY_EXHDR(string));
		case NAMEOID:
			return msgext_json_of_text(arena, NameStr(*DatumGetName(value)),
									   strlen(NameStr(*DatumGetName(value))));
		case UUIDOID:
		{
			const char *uuid = DatumGetCString(DirectFunctionCall1(uuid_out, value));

			return msgext_json_of_text(arena, uuid, strlen(uuid));
		}
		case TIMESTAMPTZOID:
			return timestamptz_of(arena, DatumGetTimestampTz(value), zone);
		case DATEOID:
		case TIMEOID:
		case TIMETZOID:
		case TIMESTAMPOID:
			JsonEncodeDateTime(digits, value, type, NULL);
			return msgext_json_of_text(arena, digits, strlen(digits));
		case BYTEAOID:
			return bytea_of(arena, DatumGetByteaPP(value), bytes);
		case JSONBOID:
			return msgext_json_from_jsonb(arena, DatumGetJsonbP(value));
		case JSONOID:
		{
			MsgJson *written;
			MsgError ignored;

			string = DatumGetTextPP(value);
			node = msgext_json_of_text(arena, VARDATA_ANY(string),
									   VARSIZE_ANY_EXHDR(string));
			written =
				msgext_json_parse(arena, node->text, node->len, &json_limits, &ignored);
			return written != NULL ? written : node;
		}
		default:
			break;
	}
	check_stack_depth();
	if (type_is_rowtype(type))
		return composite_of(arena, value, zone);
	element = get_element_type(type);
	if (OidIsValid(element))
		return array_of(arena, value, element, zone);
	if (getBaseType(type) != type)
		return msgext_datum_json(arena, value, getBaseType(type), zone, bytes);
	return output_of(arena, value, type, zone);
}

MsgJson *
msgext_slot_json(MsgArena *arena, TupleTableSlot *slot, AttrNumber column, pg_tz *zone,
				 bool bytes)
{
	bool isnull;
	Datum value = slot_getattr(slot, column, &isnull);

	return isnull ? msgext_json_new(arena, MSG_JSON_NULL)
				  : msgext_datum_json(
						arena, value,
						TupleDescAttr(slot->tts_tupleDescriptor, column - 1)->atttypid,
						zone, bytes);
}

MsgJson *
msgext_row_json(MsgArena *arena, TupleTableSlot *slot, pg_tz *zone, const bool *leave_out)
{
	TupleDesc desc = slot->tts_tupleDescriptor;
	MsgJson *object = msgext_json_new(arena, MSG_JSON_OBJECT);
	int i;

	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);
		const MsgJson *name;
		MsgJson *value;

		if (column->attisdropped || (leave_out != NULL && leave_out[i]))
			continue;
		name = msgext_json_of_text(arena, NameStr(column->attname),
								   strlen(NameStr(column->attname)));
		value = msgext_slot_json(arena, slot, (AttrNumber) (i + 1), zone, false);
		value->name = name->text;
		value->name_len = name->len;

		/* A table has each name once. */
		msgext_json_append(object, value);
	}
	return object;
}
