/*
 * pb_plan.h
 *		A message on its way from JSON to protobuf: checked, measured, not yet written.
 *
 * A plan is the list of what will stand on the wire, in order. It points into the JSON
 * tree and the parts and holds no bytes of its own. Shared by the converter's files only.
 */
#ifndef MSGEXT_PB_PLAN_H
#define MSGEXT_PB_PLAN_H

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

/* Checks a payload as a message of this type and fills in the plan. */
extern bool msgext_pb_plan(PbPlan *plan, const ProtobufCMessageDescriptor *type);

/* Refuses what stands at place; false, for "return". */
#define PB_FAIL(plan, place, ...)                                                        \
	msgext_pb_refuse((plan)->arena, (plan)->error, place, __VA_ARGS__)

/* Reads a value of any type but a message into step: form, contents and size. */
extern bool msgext_pb_scalar(PbPlan *plan, const MsgPbPlace *place,
							 const ProtobufCFieldDescriptor *field, const MsgJson *json,
							 PbStep *step);

/* The place in type->fields of the field of that name, in either spelling, or -1. */
extern int msgext_pb_find(const ProtobufCMessageDescriptor *type, const char *name,
						  size_t len);

#endif /* MSGEXT_PB_PLAN_H */
