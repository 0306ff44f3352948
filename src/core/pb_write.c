/*
 * pb_write.c
 *		From a plan to bytes: see pb.h and pb_plan.h.
 */
#include "core/pb.h"

#include <string.h>

#include "core/base64.h"
#include "core/pb_plan.h"
#include "core/pb_wire.h"

static char *
write_step(const PbStep *step, char *out)
{
	if (step->key != 0)
		out = msgext_pb_put_varint(out, step->key);
	switch (step->form)
	{
		case PB_VARINT:
			return msgext_pb_put_varint(out, step->number);
		case PB_FIXED32:
			return msgext_pb_put_fixed(out, 4, step->number);
		case PB_FIXED64:
			return msgext_pb_put_fixed(out, 8, step->number);
		case PB_CONTAINER:
			return msgext_pb_put_varint(out, step->size);
		case PB_BYTES:
			out = msgext_pb_put_varint(out, step->size);
			if (step->size > 0)
				memcpy(out, step->bytes, step->size);
			return out + step->size;
		case PB_BASE64:
			out = msgext_pb_put_varint(out, step->size);
			msgext_base64_decode(step->bytes, step->len, out);
			return out + step->size;
	}
	return out;
}

bool
msgext_pb_encode(MsgArena *arena, const ProtobufCMessageDescriptor *type,
				 const MsgPayload *payload, const MsgPbLimits *limits, MsgPart *out,
				 MsgError *error)
{
	PbPlan plan = {.arena = arena, .payload = payload, .limits = limits, .error = error};
	const PbSteps *steps;
	char *start;
	char *at;
	int i;

	if (!msgext_pb_plan(&plan, type))
		return false;
	start = at = msgext_alloc(arena, plan.size + 1);
	for (steps = plan.first; steps != NULL; steps = steps->next)
	{
		for (i = 0; i < steps->count; i++)
			at = write_step(&steps->steps[i], at);
	}
	*at = '\0';
	out->bytes = start;
	out->len = plan.size;
	return true;
}
