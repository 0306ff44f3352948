/*
 * pb_read.c
 *		From protobuf to JSON, leniently: see pb.h.
 */
#include "core/pb.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/describe.h"
#include "core/pb_wire.h"

#define PATH_MAX_LEN 256

/* What is not kept is walked over all the same. */
#define FIELDS_PER_VALUE 4

typedef struct Reader
{
	MsgArena *arena;
	const char *const *keep;
	const MsgPbLimits *limits;
	int values;
	int fields;	   /* that may still be passed; below 0 = there were too many */
	bool full;	   /* there were too many values */
	bool tells;	   /* bytes are not read but told about */
	int parts;	   /* that have been told about */
	MsgPart *told; /* these, or NULL where nobody wants them */
	int room;	   /* in told */
	char path[PATH_MAX_LEN];
} Reader;

/* How much of a field is wanted. */
typedef enum Wanted
{
	WANTED_NOT,
	WANTED_PART,
	WANTED_WHOLE
} Wanted;

static bool read_message(Reader *reader, const ProtobufCMessageDescriptor *type,
						 PbWire wire, int depth, size_t path_len, bool whole,
						 MsgJson *object);

/* Of the field whose path has just been put together. */
static Wanted
wanted(const Reader *reader, size_t path_len)
{
	const char *const *keep;

	for (keep = reader->keep; *keep != NULL; keep++)
	{
		if (strncmp(*keep, reader->path, path_len) != 0)
			continue;
		if ((*keep)[path_len] == '\0')
			return WANTED_WHOLE;
		if ((*keep)[path_len] == '.')
			return WANTED_PART;
	}
	return WANTED_NOT;
}

/* Appends a field's name to the path of its message; 0 when that gets too long. */
static size_t
extend_path(Reader *reader, size_t path_len, const char *name)
{
	size_t len = strlen(name);

	if (path_len + len + 2 > sizeof(reader->path))
		return 0;
	if (path_len > 0)
		reader->path[path_len++] = '.';
	memcpy(reader->path + path_len, name, len + 1);
	return path_len + len;
}

static MsgJson *
new_value(Reader *reader, MsgJsonType type)
{
	if (reader->values >= reader->limits->values)
	{
		reader->full = true;
		return NULL;
	}
	reader->values++;
	return msgext_json_new(reader->arena, type);
}

static MsgJson *
new_text(Reader *reader, MsgJsonType type, const char *text)
{
	MsgJson *node = new_value(reader, type);

	if (node != NULL)
	{
		node->text = msgext_strdup(reader->arena, text);
		node->len = strlen(text);
	}
	return node;
}

/* The shortest decimal number that reads as the same value. */
static MsgJson *
new_real(Reader *reader, double value, bool single)
{
	char text[40];
	int digits = single ? 6 : 15;

	if (isnan(value))
		return new_text(reader, MSG_JSON_STRING, "NaN");
	if (isinf(value))
		return new_text(reader, MSG_JSON_STRING, value < 0 ? "-Infinity" : "Infinity");
	do
		snprintf(text, sizeof(text), "%.*g", digits, value);
	while (digits++ < 17 &&
		   (single ? strtof(text, NULL) != (float) value : strtod(text, NULL) != value));
	return new_text(reader, MSG_JSON_NUMBER, text);
}

static MsgJson *
new_enum(Reader *reader, const ProtobufCEnumDescriptor *type, int32_t value)
{
	const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(type, value);
	char text[16];

	if (known != NULL)
		return new_text(reader, MSG_JSON_STRING, known->name);
	snprintf(text, sizeof(text), "%" PRId32, value);
	return new_text(reader, MSG_JSON_NUMBER, text);
}

static PbWireType
wire_type(ProtobufCType type)
{
	switch (type)
	{
		case PROTOBUF_C_TYPE_SFIXED32:
		case PROTOBUF_C_TYPE_FIXED32:
		case PROTOBUF_C_TYPE_FLOAT:
			return PB_WIRE_32BIT;
		case PROTOBUF_C_TYPE_SFIXED64:
		case PROTOBUF_C_TYPE_FIXED64:
		case PROTOBUF_C_TYPE_DOUBLE:
			return PB_WIRE_64BIT;
		case PROTOBUF_C_TYPE_STRING:
		case PROTOBUF_C_TYPE_BYTES:
		case PROTOBUF_C_TYPE_MESSAGE:
			return PB_WIRE_BYTES;
		default:
			return PB_WIRE_VARINT;
	}
}

static MsgJson *
new_number(Reader *reader, const ProtobufCFieldDescriptor *field, uint64_t value)
{
	MsgJsonType type = MSG_JSON_NUMBER;
	char text[32];
	MsgJson *node;
	uint32_t bits = (uint32_t) value;
	float single;
	double real;

	switch (field->type)
	{
		case PROTOBUF_C_TYPE_INT32:
		case PROTOBUF_C_TYPE_SFIXED32:
			snprintf(text, sizeof(text), "%" PRId32, (int32_t) bits);
			break;
		case PROTOBUF_C_TYPE_SINT32:
			snprintf(text, sizeof(text), "%" PRId32, (int32_t) (bits >> 1 ^ -(bits & 1)));
			break;
		case PROTOBUF_C_TYPE_UINT32:
		case PROTOBUF_C_TYPE_FIXED32:
			snprintf(text, sizeof(text), "%" PRIu32, bits);
			break;

			/* Most readers of JSON lose digits of 64-bit numbers: hence strings. */
		case PROTOBUF_C_TYPE_INT64:
		case PROTOBUF_C_TYPE_SFIXED64:
			type = MSG_JSON_STRING;
			snprintf(text, sizeof(text), "%" PRId64, (int64_t) value);
			break;
		case PROTOBUF_C_TYPE_SINT64:
			type = MSG_JSON_STRING;
			snprintf(text, sizeof(text), "%" PRId64,
					 (int64_t) (value >> 1 ^ -(value & 1)));
			break;
		case PROTOBUF_C_TYPE_UINT64:
		case PROTOBUF_C_TYPE_FIXED64:
			type = MSG_JSON_STRING;
			snprintf(text, sizeof(text), "%" PRIu64, value);
			break;
		case PROTOBUF_C_TYPE_FLOAT:
			memcpy(&single, &bits, sizeof(single));
			return new_real(reader, single, true);
		case PROTOBUF_C_TYPE_DOUBLE:
			memcpy(&real, &value, sizeof(real));
			return new_real(reader, real, false);
		case PROTOBUF_C_TYPE_ENUM:
			return new_enum(reader, field->descriptor, (int32_t) bits);
		default:
			node = new_value(reader, MSG_JSON_BOOL);
			if (node != NULL)
				node->truth = value != 0;
			return node;
	}
	return new_text(reader, type, text);
}

static MsgJson *
tell_bytes(Reader *reader, const char *bytes, size_t len)
{
	if (reader->parts == reader->room && reader->told != NULL)
	{
		MsgPart *more =
			msgext_alloc(reader->arena, 2 * (size_t) reader->room * sizeof(MsgPart));

		memcpy(more, reader->told, (size_t) reader->room * sizeof(MsgPart));
		reader->told = more;
		reader->room *= 2;
	}
	if (reader->told != NULL)
	{
		reader->told[reader->parts].bytes = bytes;
		reader->told[reader->parts].len = len;
	}
	return msgext_describe_bytes(reader->arena, ++reader->parts, bytes, len);
}

static MsgJson *
new_bytes(Reader *reader, bool text, const char *bytes, size_t len)
{
	MsgJson *node = new_value(reader, MSG_JSON_STRING);
	MsgBuf base64;

	if (node == NULL)
		return NULL;
	if (!text && reader->tells)
		return tell_bytes(reader, bytes, len);
	if (text)
	{
		node->text = msgext_pb_text(reader->arena, bytes, len, &node->len);
		return node;
	}
	msgext_buf_init(&base64, reader->arena, len / 3 * 4 + 4);
	msgext_buf_base64(&base64, bytes, len);
	node->text = base64.data;
	node->len = base64.len;
	return node;
}

/* Puts a value where it belongs: into the field's list, or in place of an earlier one. */
static void
put_value(Reader *reader, const ProtobufCFieldDescriptor *field, MsgJson *object,
		  MsgJson *value)
{
	MsgJson *list;

	if (value == NULL)
		return;
	if (field->label != PROTOBUF_C_LABEL_REPEATED)
	{
		msgext_json_set(object, field->name, value);
		return;
	}
	list = (MsgJson *) msgext_json_get(object, field->name);
	if (list == NULL)
	{
		list = new_value(reader, MSG_JSON_ARRAY);
		if (list == NULL)
			return;
		msgext_json_set(object, field->name, list);
	}
	msgext_json_append(list, value);
}

static void
read_packed(Reader *reader, const ProtobufCFieldDescriptor *field, PbWire wire,
			MsgJson *object)
{
	PbWireType type = wire_type(field->type);
	uint64_t value;

	while (!reader->full &&
		   (type == PB_WIRE_VARINT
				? msgext_pb_read_varint(&wire, &value)
				: msgext_pb_read_fixed(&wire, type == PB_WIRE_32BIT ? 4 : 8, &value)))
		put_value(reader, field, object, new_number(reader, field, value));
}

/* A field that was written in two pieces is both of them together, says the format. */
static void
read_nested(Reader *reader, const ProtobufCFieldDescriptor *field, PbWire wire, int depth,
			size_t path_len, bool whole, MsgJson *object)
{
	MsgJson *nested = NULL;
	bool earlier;

	if (depth >= reader->limits->depth)
		return;
	if (field->label != PROTOBUF_C_LABEL_REPEATED)
		nested = (MsgJson *) msgext_json_get(object, field->name);
	earlier = nested != NULL;
	if (!earlier && (nested = new_value(reader, MSG_JSON_OBJECT)) == NULL)
		return;
	if (read_message(reader, field->descriptor, wire, depth + 1, path_len, whole,
					 nested) &&
		!earlier)
		put_value(reader, field, object, nested);
}

static void
read_field(Reader *reader, const ProtobufCFieldDescriptor *field,
		   const PbWireField *found, int depth, size_t path_len, bool whole,
		   MsgJson *object)
{
	PbWire inner = {.fields = &reader->fields};

	if (found->type == PB_WIRE_BYTES)
	{
		inner.at = found->bytes;
		inner.end = found->bytes + found->len;
	}
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
	{
		if (found->type == PB_WIRE_BYTES)
			read_nested(reader, field, inner, depth, path_len, whole, object);
	}
	else if (found->type == wire_type(field->type))
		put_value(reader, field, object,
				  found->type == PB_WIRE_BYTES
					  ? new_bytes(reader, field->type == PROTOBUF_C_TYPE_STRING,
								  found->bytes, found->len)
					  : new_number(reader, field, found->value));
	else if (found->type == PB_WIRE_BYTES && field->label == PROTOBUF_C_LABEL_REPEATED)
		read_packed(reader, field, inner, object);

	/* Any other wire type is another field that has taken over the number. */
}

static bool
read_message(Reader *reader, const ProtobufCMessageDescriptor *type, PbWire wire,
			 int depth, size_t path_len, bool whole, MsgJson *object)
{
	PbWireField found;
	int more;

	while ((more = msgext_pb_next(&wire, &found)) > 0 && !reader->full)
	{
		const ProtobufCFieldDescriptor *field =
			protobuf_c_message_descriptor_get_field(type, found.number);
		size_t extended = 0;
		Wanted want = WANTED_WHOLE;

		if (field == NULL)
			continue;
		if (!whole)
		{
			extended = extend_path(reader, path_len, field->name);
			want = extended > 0 ? wanted(reader, extended) : WANTED_NOT;
		}
		if (want != WANTED_NOT)
			read_field(reader, field, &found, depth, extended, want == WANTED_WHOLE,
					   object);
	}
	return more == 0;
}

static MsgJson *
read_whole(Reader *reader, const ProtobufCMessageDescriptor *type, const char *bytes,
		   size_t len, MsgError *error)
{
	const MsgPbLimits *limits = reader->limits;
	PbWire wire = {
		.at = bytes, .end = len > 0 ? bytes + len : bytes, .fields = &reader->fields};
	MsgJson *object = msgext_json_new(reader->arena, MSG_JSON_OBJECT);
	bool read;

	if (len > limits->size)
	{
		msgext_error(error, "", "", "has %zu bytes, more than %zu", len, limits->size);
		return NULL;
	}
	reader->fields = FIELDS_PER_VALUE * limits->values;
	read = read_message(reader, type, wire, 1, 0, reader->keep == NULL, object);
	if (reader->full || reader->fields < 0)
	{
		msgext_error(error, "", "", "has more than %d values", limits->values);
		return NULL;
	}
	if (!read)
	{
		msgext_error(error, "", "", "is no protobuf of type %s", type->short_name);
		return NULL;
	}
	return object;
}

MsgJson *
msgext_pb_decode(MsgArena *arena, const ProtobufCMessageDescriptor *type,
				 const char *bytes, size_t len, const char *const *keep,
				 const MsgPbLimits *limits, MsgError *error)
{
	Reader reader = {.arena = arena, .keep = keep, .limits = limits};

	return read_whole(&reader, type, bytes, len, error);
}

MsgJson *
msgext_pb_describe(MsgArena *arena, const ProtobufCMessageDescriptor *type,
				   const char *bytes, size_t len, const MsgPbLimits *limits,
				   MsgError *error)
{
	Reader reader = {.arena = arena, .limits = limits, .tells = true};

	return read_whole(&reader, type, bytes, len, error);
}

bool
msgext_pb_parts(MsgArena *arena, const ProtobufCMessageDescriptor *type,
				const char *bytes, size_t len, const MsgPbLimits *limits, MsgPart **parts,
				int *n, MsgError *error)
{
	Reader reader = {.arena = arena, .limits = limits, .tells = true, .room = 8};

	reader.told = msgext_alloc(arena, (size_t) reader.room * sizeof(MsgPart));
	if (read_whole(&reader, type, bytes, len, error) == NULL)
		return false;
	*parts = reader.told;
	*n = reader.parts;
	return true;
}
