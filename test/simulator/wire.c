/*
 * wire.c
 *		Reading and writing the protobuf wire format: see wire.h.
 */
#include <string.h>

#include "wire.h"

#define NUMBER_MAX ((1u << 29) - 1)
#define GROUPS_MAX 16

Wire
wire_of(const char *data, size_t len)
{
	Wire wire = {(const unsigned char *) data, (const unsigned char *) data + len};

	return wire;
}

static bool
read_varint(Wire *wire, uint64_t *value)
{
	int shift;

	*value = 0;
	for (shift = 0; shift < 64 && wire->at < wire->end; shift += 7)
	{
		unsigned char byte = *wire->at++;

		*value |= (uint64_t) (byte & 0x7F) << shift;
		if ((byte & 0x80) == 0)
			return shift < 63 || byte <= 1;
	}
	return false;
}

static bool
read_fixed(Wire *wire, int bytes, uint64_t *value)
{
	int i;

	if (wire->end - wire->at < bytes)
		return false;
	*value = 0;
	for (i = bytes - 1; i >= 0; i--)
		*value = *value << 8 | wire->at[i];
	wire->at += bytes;
	return true;
}

/*
 * One tag and what follows it; the start and the end of a group are fields of their own.
 */
static WireResult
read_one(Wire *wire, WireField *field)
{
	uint64_t tag;

	if (wire->at == wire->end)
		return WIRE_END;
	memset(field, 0, sizeof(*field));
	if (!read_varint(wire, &tag) || tag >> 3 == 0 || tag >> 3 > NUMBER_MAX)
		return WIRE_BROKEN;
	field->number = (uint32_t) (tag >> 3);
	field->type = (WireType) (tag & 7);
	switch (field->type)
	{
		case WIRE_VARINT:
			return read_varint(wire, &field->value) ? WIRE_FIELD : WIRE_BROKEN;
		case WIRE_FIXED64:
			return read_fixed(wire, 8, &field->value) ? WIRE_FIELD : WIRE_BROKEN;
		case WIRE_FIXED32:
			return read_fixed(wire, 4, &field->value) ? WIRE_FIELD : WIRE_BROKEN;
		case WIRE_BYTES:
			if (!read_varint(wire, &field->value) ||
				field->value > (uint64_t) (wire->end - wire->at))
				return WIRE_BROKEN;
			field->data = (const char *) wire->at;
			field->len = (size_t) field->value;
			wire->at += field->len;
			return WIRE_FIELD;
		case WIRE_GROUP:
		case WIRE_GROUP_END:
			return WIRE_FIELD;
	}
	return WIRE_BROKEN;
}

static bool
pass_group(Wire *wire, uint32_t number)
{
	uint32_t open[GROUPS_MAX] = {number};
	int depth = 1;
	WireField field;

	while (depth > 0)
	{
		if (read_one(wire, &field) != WIRE_FIELD)
			return false;
		if (field.type == WIRE_GROUP)
		{
			if (depth == GROUPS_MAX)
				return false;
			open[depth++] = field.number;
		}
		else if (field.type == WIRE_GROUP_END && field.number != open[--depth])
			return false;
	}
	return true;
}

WireResult
wire_next(Wire *wire, WireField *field)
{
	WireResult result = read_one(wire, field);

	if (result != WIRE_FIELD)
		return result;
	if (field->type == WIRE_GROUP_END ||
		(field->type == WIRE_GROUP && !pass_group(wire, field->number)))
		return WIRE_BROKEN;
	return WIRE_FIELD;
}

static void
put_varint(Buf *out, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		buf_putc(out, (char) (value | 0x80));
	buf_putc(out, (char) value);
}

static void
put_tag(Buf *out, uint32_t number, WireType type)
{
	put_varint(out, (uint64_t) number << 3 | type);
}

static void
put_fixed(Buf *out, int bytes, uint64_t value)
{
	for (; bytes > 0; bytes--, value >>= 8)
		buf_putc(out, (char) (value & 0xFF));
}

void
wire_put_number(Buf *out, uint32_t number, uint64_t value)
{
	put_tag(out, number, WIRE_VARINT);
	put_varint(out, value);
}

void
wire_put_fixed64(Buf *out, uint32_t number, uint64_t value)
{
	put_tag(out, number, WIRE_FIXED64);
	put_fixed(out, 8, value);
}

void
wire_put_fixed32(Buf *out, uint32_t number, uint32_t value)
{
	put_tag(out, number, WIRE_FIXED32);
	put_fixed(out, 4, value);
}

void
wire_put_bytes(Buf *out, uint32_t number, const char *data, size_t len)
{
	put_tag(out, number, WIRE_BYTES);
	put_varint(out, len);
	buf_append(out, data, len);
}

void
wire_put_text(Buf *out, uint32_t number, const char *text)
{
	wire_put_bytes(out, number, text, strlen(text));
}

void
wire_put_message(Buf *out, uint32_t number, Buf *inner)
{
	wire_put_bytes(out, number, inner->data, inner->len);
	buf_clear(inner);
}

void
wire_put_group(Buf *out, uint32_t number, uint64_t value)
{
	put_tag(out, number, WIRE_GROUP);
	wire_put_number(out, 1, value);
	put_tag(out, number, WIRE_GROUP_END);
}
