/*
 * wire.h
 *		The protobuf wire format: fields read one after another, fields written.
 *
 * Knows no message types: what a field number means is its user's business. Knows
 * nothing of HTTP either.
 */
#ifndef SIMULATOR_WIRE_H
#define SIMULATOR_WIRE_H

#include "buf.h"

typedef enum WireType
{
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_BYTES = 2,
	WIRE_GROUP = 3,
	WIRE_GROUP_END = 4,
	WIRE_FIXED32 = 5
} WireType;

/* What is left to be read. */
typedef struct Wire
{
	const unsigned char *at;
	const unsigned char *end;
} Wire;

typedef struct WireField
{
	uint32_t number;
	WireType type;
	uint64_t value;	  /* of numbers */
	const char *data; /* of bytes, not NUL-terminated */
	size_t len;
} WireField;

typedef enum WireResult
{
	WIRE_END,
	WIRE_FIELD,
	WIRE_BROKEN
} WireResult;

extern Wire wire_of(const char *data, size_t len);

/* A group is passed over as a whole and comes back without a value. */
extern WireResult wire_next(Wire *wire, WireField *field);

extern void wire_put_number(Buf *out, uint32_t number, uint64_t value);
extern void wire_put_fixed64(Buf *out, uint32_t number, uint64_t value);
extern void wire_put_fixed32(Buf *out, uint32_t number, uint32_t value);
extern void wire_put_bytes(Buf *out, uint32_t number, const char *data, size_t len);
extern void wire_put_text(Buf *out, uint32_t number, const char *text);

/* A message inside of another; inner is emptied for its next use. */
extern void wire_put_message(Buf *out, uint32_t number, Buf *inner);

/* A group around one number: nobody writes them any more, readers must pass over them. */
extern void wire_put_group(Buf *out, uint32_t number, uint64_t value);

#endif /* SIMULATOR_WIRE_H */
