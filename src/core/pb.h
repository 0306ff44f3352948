/*
 * pb.h
 *		Between JSON and protobuf, for any message type, by protobuf-c's descriptors.
 *
 * Strict in writing: every name, type, range, presence and required field is checked and
 * reported with its path. Lenient in reading: what a newer or careless writer does
 * differently (unknown fields, groups, unknown values of an enum, missing required
 * fields, another order, text that is no UTF-8, a nested message that cannot be read)
 * costs that field at most. Knows no provider, and nothing of protobuf-c but its
 * descriptors: no message is ever built as a C structure.
 *
 * The JSON is that of the protobuf documentation: names as in the schema or in
 * lowerCamelCase, enums by name or number, 64-bit integers as strings or numbers, bytes
 * as base64. Beyond it bytes may be {"part": n}: the n-th of the payload's parts, counted
 * from 1; or what core/describe.h tells of them, whose size and digest must be the part's.
 * Absent and null are the same; a default or an empty string that is there is
 * written.
 */
#ifndef MSGEXT_PB_H
#define MSGEXT_PB_H

#include <protobuf-c/protobuf-c.h>

#include "core/provider.h"

typedef struct MsgPbLimits
{
	size_t size; /* bytes of protobuf */
	int depth;	 /* of messages within messages */
	int values;	 /* that are kept; of fields that are passed, four times as many */
} MsgPbLimits;

/* 64 MiB, 32 levels, 100,000 values. */
extern const MsgPbLimits msgext_pb_usual;

/*
 * Writes payload->message as a message of this type; *out is then in the arena. Sizes are
 * computed first, so that a large part is copied once, to where it stays. False with path
 * and text of *error filled in when it is no such message; a part that the message does
 * not use is an error, too, for it would be lost without a word, unless it is a spare one.
 */
extern bool msgext_pb_encode(MsgArena *arena, const ProtobufCMessageDescriptor *type,
							 const MsgPayload *payload, const MsgPbLimits *limits,
							 MsgPart *out, MsgError *error);

/*
 * Reads a message into an object. keep, a list ended by NULL, names the fields that are
 * wanted with dots between the levels ("Entities.EntityId"); the name of a message stands
 * for all of it; NULL for everything. NULL with *error filled in when the bytes are no
 * protobuf at all or exceed a limit.
 */
extern MsgJson *msgext_pb_decode(MsgArena *arena, const ProtobufCMessageDescriptor *type,
								 const char *bytes, size_t len, const char *const *keep,
								 const MsgPbLimits *limits, MsgError *error);

/*
 * The same of all fields, for people: bytes are told by core/describe.h, as parts that are
 * counted in the order they stand in.
 */
extern MsgJson *msgext_pb_describe(MsgArena *arena,
								   const ProtobufCMessageDescriptor *type,
								   const char *bytes, size_t len,
								   const MsgPbLimits *limits, MsgError *error);

/* The bytes that it tells about, in that order; they lie where the message does. */
extern bool msgext_pb_parts(MsgArena *arena, const ProtobufCMessageDescriptor *type,
							const char *bytes, size_t len, const MsgPbLimits *limits,
							MsgPart **parts, int *n, MsgError *error);

/* The place in type->fields of the field of that name, in either spelling, or -1. */
extern int msgext_pb_find(const ProtobufCMessageDescriptor *type, const char *name,
						  size_t len);

/* The member of an object that is written as this field, in either spelling, or NULL. */
extern const MsgJson *msgext_pb_member(const MsgJson *object, const char *field);

/* Where in a payload something stands; spelled out only when it is refused. */
typedef struct MsgPbPlace
{
	const struct MsgPbPlace *up;
	const char *name;
	int index; /* -1 = not within a list */
} MsgPbPlace;

/* Fills in *error with place as its path; false, for "return". place may be NULL. */
extern bool msgext_pb_refuse(MsgArena *arena, MsgError *error, const MsgPbPlace *place,
							 const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Bytes from elsewhere as text: what is no UTF-8 becomes U+FFFD. */
extern const char *msgext_pb_text(MsgArena *arena, const char *bytes, size_t len,
								  size_t *text_len);

#endif /* MSGEXT_PB_H */
