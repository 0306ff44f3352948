/*
 * document.c
 *		Reading documents out of answers: see document.h.
 */
#include "providers/diadoc/document.h"

#include <string.h>

#include "core/ascii.h"
#include "core/timestamp.h"

/* The end of the year 9999, which is as far as the text form reaches. */
#define TIME_MAX_US INT64_C(253402300799999999)

const MsgPbLimits msgext_diadoc_answer_limits = {
	.size = 256 * 1024 * 1024, .depth = 16, .values = 200000};

/* Each is looked for among those that were sent, which are forty. */
#define DOCUMENTS_MAX 1000

const char *const msgext_diadoc_message_fields[] = {
	"MessageId",
	"TimestampTicks",
	"FromBoxId",
	"IsDraft",
	"MessageType",
	"Entities.EntityType",
	"Entities.EntityId",
	"Entities.ParentEntityId",
	DIADOC_DOCUMENT_FIELDS("Entities.DocumentInfo."),
	NULL};

const char *
msgext_diadoc_string(const MsgJson *object, const char *name)
{
	const MsgJson *member = msgext_json_get(object, name);

	if (!msgext_json_is(member, MSG_JSON_STRING) || member->len == 0 ||
		strlen(member->text) != member->len)
		return NULL;
	return member->text;
}

bool
msgext_diadoc_is_guid(const char *text)
{
	int digits = 0;
	int hyphens = 0;

	for (; *text != '\0'; text++)
	{
		if (*text == '-')
		{
			/* 8-4-4-4-12 */
			if (digits != 8 + 4 * hyphens || hyphens++ == 4)
				return false;
		}
		else if (msgext_hex_digit(*text) >= 0)
			digits++;
		else
			return false;
	}
	return digits == 32 && (hyphens == 0 || hyphens == 4);
}

int64_t
msgext_diadoc_time(const MsgJson *object, const char *name)
{
	const MsgJson *member = msgext_json_get(object, name);
	int64_t ticks;

	if (!msgext_json_int64(member, true, &ticks) || ticks <= DIADOC_EPOCH_TICKS)
		return 0;
	ticks = (ticks - DIADOC_EPOCH_TICKS) / DIADOC_TICKS_PER_US;
	return ticks <= TIME_MAX_US ? ticks : 0;
}

/*
 * "Signatures are verified after PostMessage": a bad one is no HTTP error but shows here,
 * later. What the provider's page says of each field is what decides, delivery first.
 */
void
msgext_diadoc_document(const MsgJson *json, DiadocDocument *document)
{
	const MsgJson *signature = msgext_json_get(json, "SenderSignatureStatus");
	const MsgJson *roaming = msgext_json_get(json, "RoamingNotificationStatus");
	int64_t sent_us = msgext_diadoc_time(json, "SendTimestampTicks");
	int64_t delivered_us = msgext_diadoc_time(json, "DeliveryTimestampTicks");

	memset(document, 0, sizeof(*document));
	document->entity_id = msgext_diadoc_string(json, "EntityId");
	document->custom_id = msgext_diadoc_string(json, "CustomDocumentId");
	document->recipient = msgext_diadoc_string(json, "RecipientResponseStatus");
	document->text = msgext_diadoc_string(
		msgext_json_get(msgext_json_get(json, "DocflowStatus"), "PrimaryStatus"),
		"StatusText");

	if (delivered_us != 0)
	{
		document->state = MSG_DELIVERED;
		document->status = "DeliveryTimestampTicks";
		document->at_us = delivered_us;
	}
	else if (msgext_json_equals(signature, "SenderSignatureCheckedAndInvalid"))
	{
		document->state = MSG_FAILED;
		document->status = signature->text;
		document->error = "the sender's signature is not valid";
	}
	else if (msgext_json_equals(roaming, "RoamingNotificationStatusError"))
	{
		document->state = MSG_FAILED;
		document->status = roaming->text;
		document->error =
			msgext_diadoc_string(json, "RoamingNotificationStatusDescription");
		if (document->error == NULL)
			document->error = "the recipient's operator did not take it";
	}
	else if (sent_us != 0 ||
			 msgext_json_equals(signature, "SenderSignatureCheckedAndValid"))
	{
		document->state = MSG_SENT;
		document->status = sent_us != 0 ? "SendTimestampTicks" : signature->text;
		document->at_us = sent_us;
	}
	else
	{
		document->state = MSG_ACCEPTED;
		document->status =
			msgext_json_is(signature, MSG_JSON_STRING) ? signature->text : "";
	}
}

/* "EntityType Attachment with no ParentEntityId and with DocumentInfo". */
static bool
is_document(const MsgJson *entity)
{
	const MsgJson *type = msgext_json_get(entity, "EntityType");
	const char *id = msgext_diadoc_string(entity, "EntityId");

	return id != NULL && msgext_diadoc_is_guid(id) &&
		   msgext_diadoc_string(entity, "ParentEntityId") == NULL &&
		   msgext_json_get(entity, "DocumentInfo") != NULL &&
		   !msgext_json_equals(type, "Signature");
}

DiadocDocument *
msgext_diadoc_documents(MsgArena *arena, const MsgJson *message, int *n)
{
	const MsgJson *entities = msgext_json_get(message, "Entities");
	const MsgJson *entity = entities != NULL ? entities->first : NULL;
	size_t count = entities != NULL ? (size_t) entities->count : 0;
	DiadocDocument *documents;

	if (count > DOCUMENTS_MAX)
		count = DOCUMENTS_MAX;
	documents = msgext_alloc(arena, (count + 1) * sizeof(DiadocDocument));
	*n = 0;
	for (; entity != NULL && *n < DOCUMENTS_MAX; entity = entity->next)
	{
		if (!is_document(entity))
			continue;
		msgext_diadoc_document(msgext_json_get(entity, "DocumentInfo"), &documents[*n]);
		documents[*n].entity_id = msgext_diadoc_string(entity, "EntityId");
		(*n)++;
	}
	return documents;
}

static void
set_text(MsgArena *arena, MsgJson *object, const char *name, const char *value)
{
	if (value != NULL)
		msgext_json_set_text(arena, object, name, value);
}

MsgJson *
msgext_diadoc_document_json(MsgArena *arena, const DiadocDocument *document)
{
	MsgJson *json = msgext_json_new(arena, MSG_JSON_OBJECT);
	char at[32];

	set_text(arena, json, "entity_id", document->entity_id);
	set_text(arena, json, "custom_document_id", document->custom_id);
	set_text(arena, json, "state", msgext_state_name(document->state));
	if (document->at_us != 0)
	{
		msgext_timestamp_format(document->at_us, at);
		set_text(arena, json, "at", at);
	}
	set_text(arena, json, "error", document->error);
	set_text(arena, json, "recipient_response", document->recipient);
	set_text(arena, json, "text", document->text);
	return json;
}

bool
msgext_diadoc_is_draft(const MsgJson *message)
{
	const MsgJson *type = msgext_json_get(message, "MessageType");
	const MsgJson *old = msgext_json_get(message, "IsDraft");

	/* IsDraft is obsolete: it speaks where MessageType does not. */
	if (type != NULL)
		return msgext_json_equals(type, "Draft");
	return msgext_json_is(old, MSG_JSON_BOOL) && old->truth;
}

const char *
msgext_diadoc_single(const MsgJob *job)
{
	const MsgJson *draft = msgext_json_get(job->detail, "draft");
	const MsgJson *documents = msgext_json_get(job->detail, "documents");

	/* Only the message says whether a draft still is one. */
	if (msgext_json_is(draft, MSG_JSON_BOOL) && draft->truth)
		return NULL;
	if (!msgext_json_is(documents, MSG_JSON_ARRAY) || documents->count != 1)
		return NULL;
	return msgext_diadoc_string(documents->first, "entity_id");
}
