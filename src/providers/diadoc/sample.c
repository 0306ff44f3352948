/*
 * sample.c
 *		What the provider would answer, for tests: its own messages in protobuf, or a line
 *		of text.
 *
 * A message that was taken has one document; its ids are made of the sample's number.
 */
#include "providers/diadoc/diadoc.h"

#include <inttypes.h>
#include <string.h>

#include "providers/diadoc/document.h"
#include "providers/diadoc/schema.h"

#define PROTOBUF_HEADERS "Content-Type: application/x-protobuf\n"
#define TEXT_HEADERS "Content-Type: text/plain; charset=utf-8\n"

static MsgJson *
document(MsgArena *arena, const char *message, const char *entity,
		 const MsgSample *sample)
{
	MsgJson *json = msgext_json_new(arena, MSG_JSON_OBJECT);
	MsgBuf ticks;

	msgext_json_set_text(arena, json, "MessageId", message);
	msgext_json_set_text(arena, json, "EntityId", entity);
	msgext_buf_init(&ticks, arena, 32);
	msgext_buf_printf(&ticks, "%" PRId64,
					  DIADOC_EPOCH_TICKS + sample->at_us * DIADOC_TICKS_PER_US);
	msgext_json_set_text(arena, json, "CreationTimestampTicks", ticks.data);
	switch (sample->state)
	{
		case MSG_DELIVERED:
			msgext_json_set_text(arena, json, "DeliveryTimestampTicks", ticks.data);
			break;
		case MSG_SENT:
			msgext_json_set_text(arena, json, "SendTimestampTicks", ticks.data);
			break;
		case MSG_FAILED:
			msgext_json_set_text(arena, json, "RoamingNotificationStatus",
								 "RoamingNotificationStatusError");
			break;
		default:
			break;
	}
	return json;
}

static MsgJson *
message(MsgArena *arena, const char *id, const char *entity, const MsgSample *sample)
{
	MsgJson *json = msgext_json_new(arena, MSG_JSON_OBJECT);
	MsgJson *entities = msgext_json_new(arena, MSG_JSON_ARRAY);
	MsgJson *one = msgext_json_new(arena, MSG_JSON_OBJECT);

	msgext_json_set_text(arena, one, "EntityType", "Attachment");
	msgext_json_set_text(arena, one, "EntityId", entity);
	msgext_json_set(one, "DocumentInfo", document(arena, id, entity, sample));
	msgext_json_append(entities, one);
	msgext_json_set_text(arena, json, "MessageId", id);
	msgext_json_set(json, "Entities", entities);
	return json;
}

/* What the type requires and a sample does not care for has some value. */
static void
complete(MsgArena *arena, const ProtobufCMessageDescriptor *type, MsgJson *json)
{
	unsigned i;

	for (i = 0; i < type->n_fields; i++)
	{
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		const MsgJson *member = msgext_pb_member(json, field->name);
		const ProtobufCEnumDescriptor *words;
		MsgJson *value;

		if (member != NULL && field->type == PROTOBUF_C_TYPE_MESSAGE)
		{
			const MsgJson *each = member->type == MSG_JSON_ARRAY ? member->first : member;

			for (; each != NULL; each = each != member ? each->next : NULL)
				complete(arena, field->descriptor, (MsgJson *) each);
		}
		if (member != NULL || field->label != PROTOBUF_C_LABEL_REQUIRED)
			continue;
		switch (field->type)
		{
			case PROTOBUF_C_TYPE_STRING:
			case PROTOBUF_C_TYPE_BYTES:
				value = msgext_json_string(arena, "", 0);
				break;
			case PROTOBUF_C_TYPE_BOOL:
				value = msgext_json_new(arena, MSG_JSON_BOOL);
				break;
			case PROTOBUF_C_TYPE_MESSAGE:
				value = msgext_json_new(arena, MSG_JSON_OBJECT);
				complete(arena, field->descriptor, value);
				break;
			case PROTOBUF_C_TYPE_ENUM:
				words = field->descriptor;
				value = msgext_json_string(arena, words->values[0].name,
										   strlen(words->values[0].name));
				break;
			default:
				value = msgext_json_number(arena, "0");
				break;
		}
		msgext_json_set(json, field->name, value);
	}
}

static bool
put(MsgArena *arena, const ProtobufCMessageDescriptor *type, MsgJson *json,
	MsgReply *reply, MsgError *error)
{
	MsgPayload payload = {.message = json};
	MsgPart out;

	complete(arena, type, json);
	if (!msgext_pb_encode(arena, type, &payload, &msgext_pb_usual, &out, error))
		return false;
	msgext_reply(reply, 200, PROTOBUF_HEADERS, "");
	reply->body = out.bytes;
	reply->body_len = out.len;
	return true;
}

static const char *
guid(MsgArena *arena, int kind, int64_t number)
{
	MsgBuf id;

	msgext_buf_init(&id, arena, 40);
	msgext_buf_printf(&id, "%08x-0000-4000-8000-%012" PRIx64, (unsigned) kind,
					  (uint64_t) number & UINT64_C(0xFFFFFFFFFFFF));
	return id.data;
}

/* A refusal is told by its status; the code stands in a header of its own. */
static void
answer_error(MsgArena *arena, const MsgSample *sample, MsgReply *reply)
{
	MsgBuf headers;
	int status = 400;

	if (sample->verdict == MSG_VERDICT_RETRY)
		status = 429;
	else if (sample->verdict == MSG_VERDICT_PAUSE)
		status = 402;
	else if (sample->verdict == MSG_VERDICT_PAUSE_ACCOUNT)
		status = 401;
	msgext_buf_init(&headers, arena, 128);
	msgext_buf_puts(&headers, TEXT_HEADERS);
	if (sample->code != NULL)
		msgext_buf_printf(&headers, "X-Diadoc-ErrorCode: %s\n", sample->code);
	msgext_reply(reply, status, headers.data, "a sample");
}

static bool
answer_status(MsgArena *arena, const MsgJob *job, const MsgSample *sample,
			  MsgReply *reply, MsgError *error)
{
	const char *entity = msgext_diadoc_single(job);

	if (job->provider_id == NULL)
		return msgext_error(error, "", "", "the message has no id at the provider");
	if (sample->state != MSG_ACCEPTED && sample->state != MSG_SENT &&
		sample->state != MSG_DELIVERED && sample->state != MSG_FAILED)
		return msgext_error(error, "", "status", "the provider has no such status");
	if (entity != NULL)
		return put(arena, DIADOC_DOCUMENT,
				   document(arena, job->provider_id, entity, sample), reply, error);
	return put(arena, DIADOC_MESSAGE,
			   message(arena, job->provider_id, guid(arena, 2, 1), sample), reply, error);
}

bool
msgext_diadoc_sample_reply(MsgArena *arena, const MsgConn *conn, MsgSampleKind kind,
						   const MsgJob *jobs, const MsgSample *samples, int n,
						   MsgReply *reply, MsgError *error)
{
	MsgSample taken = samples[0];

	(void) conn;
	if (n != 1)
		return msgext_error(error, "", "", "an answer is about one message, not %d", n);
	if (samples[0].code != NULL && strpbrk(samples[0].code, "\r\n") != NULL)
		return msgext_error(error, "", "code", "a header cannot carry the code");
	switch (kind)
	{
		case MSG_SAMPLE_STATUS:
			return answer_status(arena, &jobs[0], &samples[0], reply, error);
		case MSG_SAMPLE_PUSH:
			return msgext_error(error, "", "", "the provider pushes nothing");
		default:
			break;
	}
	if (samples[0].verdict != MSG_VERDICT_ACCEPTED)
	{
		answer_error(arena, &samples[0], reply);
		return true;
	}

	/* Under the same operationId a repeat gets the first call's answer. */
	taken.state = MSG_ACCEPTED;
	return put(arena, DIADOC_MESSAGE,
			   message(arena, guid(arena, 1, samples[0].number),
					   guid(arena, 2, samples[0].number), &taken),
			   reply, error);
}
