/*
 * pb_plan.h
 *		A message on its way from JSON to protobuf: checked, measured, not yet written.
 */
#ifndef MSGEXT_PB_PLAN_H
#define MSGEXT_PB_PLAN_H

#include "core/pb_form.h"

/* Checks a payload as a message of this type and fills in the plan. */
extern bool msgext_pb_plan(PbPlan *plan, const ProtobufCMessageDescriptor *type);

#endif /* MSGEXT_PB_PLAN_H */
