/*
 * pb_wire.h
 *		Protobuf's wire format: varints, and walking over the fields of a message whose
 *		type need not be known.
 */
#ifndef MSGEXT_PB_WIRE_H
#define MSGEXT_PB_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum PbWireType
{
	PB_WIRE_VARINT = 0,
	PB_WIRE_64BIT = 1,
	PB_WIRE_BYTES = 2,
	PB_WIRE_GROUP = 3, /* its end, 4, is never returned */
	PB_WIRE_32BIT = 5
} PbWireType;

typedef struct PbWireField
{
	uint32_t number;
	PbWireType type;
	uint64_t value;	   /* but of BYTES and GROUP */
	const char *bytes; /* of BYTES */
	size_t len;
} PbWireField;

typedef struct PbWire
{
	const char *at;
	const char *end;
	int *fields; /* that msgext_pb_next may still pass, shared with wires within */
} PbWire;

/*
 * 1 = *field is the next one, 0 = there is none, -1 = these bytes are no protobuf, or
 * *wire->fields were passed.
 */
extern int msgext_pb_next(PbWire *wire, PbWireField *field);

/* False at the end, and when there is no whole value. */
extern bool msgext_pb_read_varint(PbWire *wire, uint64_t *value);
extern bool msgext_pb_read_fixed(PbWire *wire, int bytes, uint64_t *value);

extern size_t msgext_pb_varint_size(uint64_t value);
/* Both return where the next byte goes. */
extern char *msgext_pb_put_varint(char *out, uint64_t value);
extern char *msgext_pb_put_fixed(char *out, int bytes, uint64_t value);

#endif /* MSGEXT_PB_WIRE_H */
