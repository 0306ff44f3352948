/*
 * pb_form.h
 *		The steps of a plan: what will stand on the wire, in order, and the reading of a
 *		single value into one. Shared by the converter's files only.
 *
 * A step points into the JSON tree and the parts and holds no bytes of its own.
 */
#ifndef MSGEXT_PB_FORM_H
#define MSGEXT_PB_FORM_H

#include "core/pb.h"

typedef enum PbForm
{
	PB_VARINT,
	PB_FIXED32,
	PB_FIXED64,
	PB_BYTES,	 /* len bytes at bytes */
	PB_BASE64,	 /* what the len characters at bytes stand for */
	PB_CONTAINER /* a message or a packed list: the steps that follow */
} PbForm;

typedef struct PbStep
{
	uint32_t key; /* number and wire type; 0 = none: an element of a packed list */
	PbForm form;
	uint64_t number;
	const char *bytes;
	size_t len;
	size_t size; /* behind the key, but for a length */
} PbStep;

#define PB_STEPS 128

typedef struct PbSteps
{
	struct PbSteps *next;
	int count;
	PbStep steps[PB_STEPS];
} PbSteps;

typedef struct PbPlan
{
	MsgArena *arena;
	const MsgPayload *payload;
	const MsgPbLimits *limits;
	MsgError *error;
	PbSteps *first;
	PbSteps *last;
	int values;
	bool *used; /* by part */
	size_t size;
} PbPlan;

/* Refuses what stands at place; false, for "return". */
#define PB_FAIL(plan, place, ...)                                                        \
	msgext_pb_refuse((plan)->arena, (plan)->error, place, __VA_ARGS__)

/* Reads a value of any type but a message into step: form, contents and size. */
extern bool msgext_pb_scalar(PbPlan *plan, const MsgPbPlace *place,
							 const ProtobufCFieldDescriptor *field, const MsgJson *json,
							 PbStep *step);

#endif /* MSGEXT_PB_FORM_H */
