/*
 * pb_plan.c
 *		Checking a JSON tree as a message of a type, and measuring it: see pb_plan.h.
 *
 * Owns names, presence, lists and limits; single values are pb_scalar.c's. Fields come
 * out in the order of their numbers, whatever the order of the members.
 */
#include "core/pb_plan.h"

#include <string.h>

#include "core/pb_wire.h"

static bool plan_message(PbPlan *plan, const MsgPbPlace *place, int depth,
						 const ProtobufCMessageDescriptor *type, const MsgJson *json,
						 size_t *size);

/* NULL, with *error filled in, when there are too many. */
static PbStep *
new_step(PbPlan *plan, const MsgPbPlace *place, uint32_t key)
{
	PbStep *step;

	if (plan->values >= plan->limits->values)
	{
		PB_FAIL(plan, place, "is one of more than %d values", plan->limits->values);
		return NULL;
	}
	if (plan->last == NULL || plan->last->count == PB_STEPS)
	{
		PbSteps *steps = msgext_alloc(plan->arena, sizeof(PbSteps));

		steps->next = NULL;
		steps->count = 0;
		if (plan->last != NULL)
			plan->last->next = steps;
		else
			plan->first = steps;
		plan->last = steps;
	}
	plan->values++;
	step = &plan->last->steps[plan->last->count++];
	memset(step, 0, sizeof(*step));
	step->key = key;
	return step;
}

/* Adds to the size of what step is in; key, length and contents. */
static bool
add_size(PbPlan *plan, const MsgPbPlace *place, const PbStep *step, size_t *size)
{
	if (step->key != 0)
		*size += msgext_pb_varint_size(step->key);
	if (step->form >= PB_BYTES)
		*size += msgext_pb_varint_size(step->size);
	*size += step->size;
	if (*size > plan->limits->size)
		return PB_FAIL(plan, place, "makes the message larger than %zu bytes",
					   plan->limits->size);
	return true;
}

static uint32_t
key_of(const ProtobufCFieldDescriptor *field, bool packed)
{
	PbWireType type = PB_WIRE_VARINT;

	switch (field->type)
	{
		case PROTOBUF_C_TYPE_SFIXED32:
		case PROTOBUF_C_TYPE_FIXED32:
		case PROTOBUF_C_TYPE_FLOAT:
			type = PB_WIRE_32BIT;
			break;
		case PROTOBUF_C_TYPE_SFIXED64:
		case PROTOBUF_C_TYPE_FIXED64:
		case PROTOBUF_C_TYPE_DOUBLE:
			type = PB_WIRE_64BIT;
			break;
		case PROTOBUF_C_TYPE_STRING:
		case PROTOBUF_C_TYPE_BYTES:
		case PROTOBUF_C_TYPE_MESSAGE:
			type = PB_WIRE_BYTES;
			break;
		default:
			break;
	}
	return field->id << 3 | (packed ? PB_WIRE_BYTES : type);
}

/* One value, of a field that is no list or of an element of one. */
static bool
plan_value(PbPlan *plan, const MsgPbPlace *place, int depth,
		   const ProtobufCFieldDescriptor *field, uint32_t key, const MsgJson *json,
		   size_t *size)
{
	PbStep *step = new_step(plan, place, key);

	if (step == NULL)
		return false;
	if (field->type != PROTOBUF_C_TYPE_MESSAGE)
		return msgext_pb_scalar(plan, place, field, json, step) &&
			   add_size(plan, place, step, size);
	step->form = PB_CONTAINER;
	return plan_message(plan, place, depth + 1, field->descriptor, json, &step->size) &&
		   add_size(plan, place, step, size);
}

static bool
plan_list(PbPlan *plan, MsgPbPlace *place, int depth,
		  const ProtobufCFieldDescriptor *field, const MsgJson *json, size_t *size)
{
	bool packed = (field->flags & PROTOBUF_C_FIELD_FLAG_PACKED) != 0;
	const MsgJson *element;
	PbStep *list = NULL;

	if (json->type != MSG_JSON_ARRAY)
		return PB_FAIL(plan, place, "must be a list");
	if (packed && json->first != NULL)
	{
		list = new_step(plan, place, key_of(field, true));
		if (list == NULL)
			return false;
		list->form = PB_CONTAINER;
	}
	place->index = 0;
	for (element = json->first; element != NULL; element = element->next)
	{
		if (element->type == MSG_JSON_NULL)
			return PB_FAIL(plan, place, "is null, which no element may be");
		if (!plan_value(plan, place, depth, field, packed ? 0 : key_of(field, false),
						element, packed ? &list->size : size))
			return false;
		place->index++;
	}
	place->index = -1;
	return list == NULL || add_size(plan, place, list, size);
}

/* Sorts the members of json by field. */
static bool
sort_members(PbPlan *plan, const MsgPbPlace *place,
			 const ProtobufCMessageDescriptor *type, const MsgJson *json,
			 const MsgJson **members)
{
	const MsgJson *member;

	for (member = json->first; member != NULL; member = member->next)
	{
		MsgPbPlace here = {place, member->name, -1};
		int i = msgext_pb_find(type, member->name, member->name_len);

		if (i < 0)
			return PB_FAIL(plan, &here, "is no field of %s", type->short_name);
		if (members[i] != NULL)
			return PB_FAIL(plan, &here, "is there twice");
		members[i] = member;
	}
	return true;
}

/* Is another field of the same oneof there? */
static bool
check_oneof(PbPlan *plan, const MsgPbPlace *place, const ProtobufCMessageDescriptor *type,
			const MsgJson **members, unsigned i)
{
	unsigned other;

	if ((type->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0)
		return true;
	for (other = 0; other < i; other++)
	{
		if ((type->fields[other].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
			type->fields[other].quantifier_offset == type->fields[i].quantifier_offset &&
			members[other] != NULL && members[other]->type != MSG_JSON_NULL)
			return PB_FAIL(plan, place, "excludes %s, which is there too",
						   type->fields[other].name);
	}
	return true;
}

static bool
plan_message(PbPlan *plan, const MsgPbPlace *place, int depth,
			 const ProtobufCMessageDescriptor *type, const MsgJson *json, size_t *size)
{
	const MsgJson **members;
	unsigned i;

	if (json->type != MSG_JSON_OBJECT)
		return PB_FAIL(plan, place, "must be an object");
	if (depth > plan->limits->depth)
		return PB_FAIL(plan, place, "is nested deeper than %d levels",
					   plan->limits->depth);
	members = msgext_alloc0(plan->arena, (type->n_fields + 1) * sizeof(MsgJson *));
	if (!sort_members(plan, place, type, json, members))
		return false;
	for (i = 0; i < type->n_fields; i++)
	{
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		MsgPbPlace here = {place, field->name, -1};
		const MsgJson *member = members[i];

		if (member == NULL || member->type == MSG_JSON_NULL)
		{
			if (field->label == PROTOBUF_C_LABEL_REQUIRED)
				return PB_FAIL(plan, &here, "is missing");
			continue;
		}
		if (!check_oneof(plan, &here, type, members, i))
			return false;
		if (field->label == PROTOBUF_C_LABEL_REPEATED
				? !plan_list(plan, &here, depth, field, member, size)
				: !plan_value(plan, &here, depth, field, key_of(field, false), member,
							  size))
			return false;
	}
	return true;
}

bool
msgext_pb_plan(PbPlan *plan, const ProtobufCMessageDescriptor *type)
{
	int nparts = plan->payload->nparts;
	int i;

	plan->used = msgext_alloc0(plan->arena, (size_t) nparts + 1);
	if (!plan_message(plan, NULL, 1, type, plan->payload->message, &plan->size))
		return false;
	for (i = 0; i < nparts && !plan->payload->spare_parts; i++)
	{
		if (!plan->used[i])
			return msgext_error(plan->error, "", "parts",
								"hold %d elements, of which the message does not use "
								"number %d",
								nparts, i + 1);
	}
	return true;
}
