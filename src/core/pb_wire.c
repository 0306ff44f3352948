/*
 * pb_wire.c
 *		Protobuf's wire format: see pb_wire.h.
 */
#include "core/pb_wire.h"

#include <string.h>

#define NUMBER_MAX ((UINT32_C(1) << 29) - 1)

/* Groups within groups; nobody writes even one any more. */
#define GROUP_DEPTH 32

bool
msgext_pb_read_varint(PbWire *wire, uint64_t *value)
{
	const char *at = wire->at;
	uint64_t result = 0;
	int shift;

	/* Ten bytes hold 70 bits: as in every other reader, the upper six are lost. */
	for (shift = 0; shift < 70 && at < wire->end; shift += 7)
	{
		unsigned char c = (unsigned char) *at++;

		result |= (uint64_t) (c & 0x7F) << shift;
		if (c < 0x80)
		{
			wire->at = at;
			*value = result;
			return true;
		}
	}
	return false;
}

bool
msgext_pb_read_fixed(PbWire *wire, int bytes, uint64_t *value)
{
	int i;

	if (wire->end - wire->at < bytes)
		return false;
	*value = 0;
	for (i = 0; i < bytes; i++)
		*value |= (uint64_t) (unsigned char) wire->at[i] << (8 * i);
	wire->at += bytes;
	return true;
}

/* The number and wire type in front of a field; false when there is none. */
static bool
read_key(PbWire *wire, uint32_t *number, unsigned *type)
{
	uint64_t key;

	if (!msgext_pb_read_varint(wire, &key) || key >> 3 == 0 || key >> 3 > NUMBER_MAX)
		return false;
	*number = (uint32_t) (key >> 3);
	*type = (unsigned) (key & 7);
	return true;
}

static bool
read_value(PbWire *wire, unsigned type, PbWireField *field)
{
	uint64_t len;

	switch (type)
	{
		case PB_WIRE_VARINT:
			return msgext_pb_read_varint(wire, &field->value);
		case PB_WIRE_64BIT:
			return msgext_pb_read_fixed(wire, 8, &field->value);
		case PB_WIRE_32BIT:
			return msgext_pb_read_fixed(wire, 4, &field->value);
		case PB_WIRE_BYTES:
			if (!msgext_pb_read_varint(wire, &len) ||
				len > (uint64_t) (wire->end - wire->at))
				return false;
			field->bytes = wire->at;
			field->len = (size_t) len;
			wire->at += len;
			return true;
		default:
			return false;
	}
}

/* Passes over a group whose start has been read, and the groups within. */
static bool
skip_group(PbWire *wire, uint32_t number)
{
	uint32_t open[GROUP_DEPTH];
	int depth = 1;

	open[0] = number;
	while (depth > 0)
	{
		PbWireField inner;
		unsigned type;

		if (--*wire->fields < 0 || !read_key(wire, &inner.number, &type))
			return false;
		if (type == PB_WIRE_GROUP)
		{
			if (depth == GROUP_DEPTH)
				return false;
			open[depth++] = inner.number;
		}
		else if (type == PB_WIRE_GROUP + 1)
		{
			if (open[--depth] != inner.number)
				return false;
		}
		else if (!read_value(wire, type, &inner))
			return false;
	}
	return true;
}

int
msgext_pb_next(PbWire *wire, PbWireField *field)
{
	unsigned type;

	if (wire->at == wire->end)
		return 0;
	memset(field, 0, sizeof(*field));
	if (--*wire->fields < 0 || !read_key(wire, &field->number, &type))
		return -1;
	field->type = (PbWireType) type;
	if (type == PB_WIRE_GROUP)
		return skip_group(wire, field->number) ? 1 : -1;
	return read_value(wire, type, field) ? 1 : -1;
}

size_t
msgext_pb_varint_size(uint64_t value)
{
	size_t size = 1;

	while (value >= 0x80)
	{
		value >>= 7;
		size++;
	}
	return size;
}

char *
msgext_pb_put_varint(char *out, uint64_t value)
{
	while (value >= 0x80)
	{
		*out++ = (char) (value | 0x80);
		value >>= 7;
	}
	*out++ = (char) value;
	return out;
}

char *
msgext_pb_put_fixed(char *out, int bytes, uint64_t value)
{
	int i;

	for (i = 0; i < bytes; i++)
		*out++ = (char) (value >> (8 * i) & 0xFF);
	return out;
}
