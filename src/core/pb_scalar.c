/*
 * pb_scalar.c
 *		One JSON value as a protobuf value: numbers, truth values, enums, text, bytes.
 *
 * Owns forms and ranges. See pb_plan.h for what becomes of the result.
 */
#include "core/pb_form.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "core/pb_wire.h"
#include "core/sha256.h"

/*
 * A whole number, or a string that spells one: sign and magnitude. A fraction of zeros is
 * forgiven, since to JSON 1.0 is 1; an exponent is not.
 */
static bool
read_whole(const MsgJson *json, bool *negative, uint64_t *magnitude)
{
	const char *at = json->text;
	const char *end;
	const char *digits;

	if (json->type != MSG_JSON_NUMBER && json->type != MSG_JSON_STRING)
		return false;
	end = at + json->len;
	*negative = at < end && *at == '-';
	at += *negative;
	digits = at;
	*magnitude = 0;
	for (; at < end && *at >= '0' && *at <= '9'; at++)
	{
		if (__builtin_mul_overflow(*magnitude, UINT64_C(10), magnitude) ||
			__builtin_add_overflow(*magnitude, (uint64_t) (*at - '0'), magnitude))
			return false;
	}
	if (at == digits || (*digits == '0' && at - digits > 1))
		return false;
	if (json->type == MSG_JSON_NUMBER && at < end && *at == '.')
	{
		for (at++; at < end && *at == '0'; at++)
			;
	}
	return at == end;
}

static bool
read_signed(PbPlan *plan, const MsgPbPlace *place, const MsgJson *json, int64_t max,
			int64_t *value)
{
	bool negative;
	uint64_t magnitude;

	/* The smallest is one further from zero than the largest. */
	if (!read_whole(json, &negative, &magnitude) ||
		magnitude > (uint64_t) max + (negative ? 1 : 0))
		return PB_FAIL(plan, place, "must be a whole number from %" PRId64 " to %" PRId64,
					   -max - 1, max);
	*value = (int64_t) (negative ? -magnitude : magnitude);
	return true;
}

static bool
read_unsigned(PbPlan *plan, const MsgPbPlace *place, const MsgJson *json, uint64_t max,
			  uint64_t *value)
{
	bool negative;

	if (!read_whole(json, &negative, value) || *value > max || (negative && *value > 0))
		return PB_FAIL(plan, place, "must be a whole number from 0 to %" PRIu64, max);
	return true;
}

static bool
read_real(PbPlan *plan, const MsgPbPlace *place, const MsgJson *json, double max,
		  double *value)
{
	if (json->type == MSG_JSON_NUMBER)
	{
		/* Both the server and the tests run with the numbers of the C locale. */
		*value = strtod(json->text, NULL);
		if (fabs(*value) <= max)
			return true;
	}
	else if (msgext_json_equals(json, "NaN"))
	{
		*value = NAN;
		return true;
	}
	else if (msgext_json_equals(json, "Infinity") ||
			 msgext_json_equals(json, "-Infinity"))
	{
		*value = json->text[0] == '-' ? -INFINITY : INFINITY;
		return true;
	}
	return PB_FAIL(plan, place, "must be a number between %g and %g", -max, max);
}

/* proto2 has closed enums: a number that is not listed is as wrong as such a name. */
static bool
read_enum(PbPlan *plan, const MsgPbPlace *place, const ProtobufCEnumDescriptor *type,
		  const MsgJson *json, int64_t *value)
{
	const ProtobufCEnumValue *found = NULL;
	bool negative;
	uint64_t magnitude;
	char names[128] = "";
	unsigned i;

	if (read_whole(json, &negative, &magnitude))
	{
		if (magnitude <= INT32_MAX)
			found = protobuf_c_enum_descriptor_get_value(
				type, negative ? -(int) magnitude : (int) magnitude);
	}
	else if (json->type == MSG_JSON_STRING && strlen(json->text) == json->len)
		found = protobuf_c_enum_descriptor_get_value_by_name(type, json->text);
	if (found != NULL)
	{
		*value = found->value;
		return true;
	}
	for (i = 0; i < type->n_values; i++)
	{
		size_t len = strlen(names);

		if (len + strlen(type->values[i].name) + 8 > sizeof(names))
		{
			strcpy(names + len, " ...");
			break;
		}
		snprintf(names + len, sizeof(names) - len, "%s%s", len > 0 ? ", " : "",
				 type->values[i].name);
	}
	return PB_FAIL(plan, place, "must be one of %s", names);
}

/* Is the part what a description says of it, as far as it says something? */
static bool
is_as_described(const MsgJson *json, const MsgPart *part)
{
	const MsgJson *size = msgext_json_get(json, "bytes");
	const MsgJson *digest = msgext_json_get(json, "sha256");
	char real[MSG_SHA256_HEX + 1];
	int64_t n;

	if (size != NULL &&
		(!msgext_json_int64(size, false, &n) || n < 0 || (uint64_t) n != part->len))
		return false;
	if (digest == NULL)
		return true;
	msgext_sha256_hex(part->bytes, part->len, real);
	return digest->type == MSG_JSON_STRING && digest->len == MSG_SHA256_HEX &&
		   memcmp(digest->text, real, MSG_SHA256_HEX) == 0;
}

/* {"part": n}, or with the size and the digest of a description. */
static bool
read_part(PbPlan *plan, const MsgPbPlace *place, const MsgJson *json, PbStep *step)
{
	const MsgJson *number = msgext_json_get(json, "part");
	int nparts = plan->payload->nparts;
	const MsgJson *member;
	const MsgPart *part;
	int64_t n;

	for (member = json->first; member != NULL; member = member->next)
		if (!msgext_json_is_named(member, "part") &&
			!msgext_json_is_named(member, "bytes") &&
			!msgext_json_is_named(member, "sha256"))
			number = NULL;
	if (number == NULL)
		return PB_FAIL(plan, place, "must be base64 or {\"part\": number}");
	if (!msgext_json_int64(number, false, &n) || n < 1 || n > nparts)
		return PB_FAIL(plan, place,
					   "must name one of the %d parts, which are counted from 1", nparts);
	part = &plan->payload->parts[n - 1];
	if (part->bytes == NULL)
		return PB_FAIL(plan, place, "names part %d, which is null", (int) n);
	if (!is_as_described(json, part))
		return PB_FAIL(plan, place, "names part %d, which has another size or digest",
					   (int) n);
	step->form = PB_BYTES;
	step->bytes = part->bytes;
	step->len = step->size = part->len;
	plan->used[n - 1] = true;
	return true;
}

static bool
read_bytes(PbPlan *plan, const MsgPbPlace *place, const MsgJson *json, PbStep *step)
{
	if (json->type == MSG_JSON_OBJECT)
		return read_part(plan, place, json, step);
	if (json->type != MSG_JSON_STRING ||
		!msgext_base64_size(json->text, json->len, &step->size))
		return PB_FAIL(plan, place, "must be base64 or {\"part\": number}");
	step->form = PB_BASE64;
	step->bytes = json->text;
	step->len = json->len;
	return true;
}

static bool
read_text(PbPlan *plan, const MsgPbPlace *place, const MsgJson *json, PbStep *step)
{
	if (json->type != MSG_JSON_STRING)
		return PB_FAIL(plan, place, "must be a string");
	step->form = PB_BYTES;
	step->bytes = json->text;
	step->len = step->size = json->len;
	return true;
}

static void
set_number(PbStep *step, PbForm form, uint64_t number)
{
	step->form = form;
	step->number = number;
	step->size = form == PB_VARINT	  ? msgext_pb_varint_size(number)
				 : form == PB_FIXED32 ? 4
									  : 8;
}

static uint64_t
zigzag(int64_t value)
{
	return (uint64_t) value << 1 ^ (uint64_t) (value >> 63);
}

bool
msgext_pb_scalar(PbPlan *plan, const MsgPbPlace *place,
				 const ProtobufCFieldDescriptor *field, const MsgJson *json, PbStep *step)
{
	int64_t number;
	uint64_t natural;
	double real;
	float single;
	uint32_t bits;
	bool read = false;

	switch (field->type)
	{
		case PROTOBUF_C_TYPE_INT32:
		case PROTOBUF_C_TYPE_SINT32:
		case PROTOBUF_C_TYPE_SFIXED32:
			read = read_signed(plan, place, json, INT32_MAX, &number);
			break;
		case PROTOBUF_C_TYPE_INT64:
		case PROTOBUF_C_TYPE_SINT64:
		case PROTOBUF_C_TYPE_SFIXED64:
			read = read_signed(plan, place, json, INT64_MAX, &number);
			break;
		case PROTOBUF_C_TYPE_UINT32:
		case PROTOBUF_C_TYPE_FIXED32:
			read = read_unsigned(plan, place, json, UINT32_MAX, &natural);
			break;
		case PROTOBUF_C_TYPE_UINT64:
		case PROTOBUF_C_TYPE_FIXED64:
			read = read_unsigned(plan, place, json, UINT64_MAX, &natural);
			break;
		case PROTOBUF_C_TYPE_FLOAT:
			read = read_real(plan, place, json, FLT_MAX, &real);
			break;
		case PROTOBUF_C_TYPE_DOUBLE:
			read = read_real(plan, place, json, DBL_MAX, &real);
			break;
		case PROTOBUF_C_TYPE_ENUM:
			read = read_enum(plan, place, field->descriptor, json, &number);
			break;
		case PROTOBUF_C_TYPE_BOOL:
			read = json->type == MSG_JSON_BOOL;
			if (!read)
				PB_FAIL(plan, place, "must be true or false");
			break;
		case PROTOBUF_C_TYPE_STRING:
			return read_text(plan, place, json, step);
		case PROTOBUF_C_TYPE_BYTES:
			return read_bytes(plan, place, json, step);
		case PROTOBUF_C_TYPE_MESSAGE:
			break;
	}
	if (!read)
		return false;

	switch (field->type)
	{
		case PROTOBUF_C_TYPE_SINT32:
		case PROTOBUF_C_TYPE_SINT64:
			set_number(step, PB_VARINT, zigzag(number));
			break;
		case PROTOBUF_C_TYPE_SFIXED32:
			set_number(step, PB_FIXED32, (uint64_t) number);
			break;
		case PROTOBUF_C_TYPE_SFIXED64:
			set_number(step, PB_FIXED64, (uint64_t) number);
			break;
		case PROTOBUF_C_TYPE_UINT32:
		case PROTOBUF_C_TYPE_UINT64:
			set_number(step, PB_VARINT, natural);
			break;
		case PROTOBUF_C_TYPE_FIXED32:
			set_number(step, PB_FIXED32, natural);
			break;
		case PROTOBUF_C_TYPE_FIXED64:
			set_number(step, PB_FIXED64, natural);
			break;
		case PROTOBUF_C_TYPE_FLOAT:
			single = (float) real;
			memcpy(&bits, &single, sizeof(bits));
			set_number(step, PB_FIXED32, bits);
			break;
		case PROTOBUF_C_TYPE_DOUBLE:
			memcpy(&natural, &real, sizeof(natural));
			set_number(step, PB_FIXED64, natural);
			break;
		case PROTOBUF_C_TYPE_BOOL:
			set_number(step, PB_VARINT, json->truth);
			break;
		default:
			/* A negative int32 is written as a negative int64: ten bytes. */
			set_number(step, PB_VARINT, (uint64_t) number);
			break;
	}
	return true;
}
