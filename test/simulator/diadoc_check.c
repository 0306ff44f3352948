/*
 * diadoc_check.c
 *		Reads a MessageToPost and says what the provider would object to.
 *
 * Owns the rules of the message, as the page on MessageToPost tells them; those of its
 * documents are in diadoc_document.c.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diadoc_reading.h"

/* MessageToPost */
#define FIELD_FROM_BOX 1
#define FIELD_TO_BOX 2
#define FIELD_STRUCTURED 8
#define FIELD_IS_DRAFT 13
#define FIELD_IS_INTERNAL 16
#define FIELD_DELAY_SEND 18
#define FIELD_LOCK_PACKET 32
#define FIELD_DOCUMENTS 34
#define FIELD_LOCK_MODE 35

/* The lists that are older than DocumentAttachments; SignedContent is field 1 in all. */
static const struct
{
	unsigned number;
	const char *type;
} old_lists[] = {{3, "Invoice"},
				 {4, "Nonformalized"},
				 {5, "Torg12"},
				 {7, "AcceptanceCertificate"},
				 {9, "ProformaInvoice"},
				 {10, "XmlTorg12"},
				 {11, "XmlAcceptanceCertificate"},
				 {19, "PriceList"},
				 {20, "PriceListAgreement"},
				 {21, "CertificateRegistry"},
				 {22, "ReconciliationAct"},
				 {23, "Contract"},
				 {24, "Torg13"},
				 {25, "ServiceDetails"},
				 {28, "Invoice"},
				 {29, "XmlTorg12"},
				 {30, "XmlAcceptanceCertificate"},
				 {31, "SupplementaryAgreement"},
				 {33, "UniversalTransferDocument"}};

void
diadoc_object(Reading *reading, const char *code, const char *format, ...)
{
	va_list args;

	if (reading->objection.code != NULL)
		return;
	reading->objection.code = code;
	va_start(args, format);
	vsnprintf(reading->objection.text, sizeof(reading->objection.text), format, args);
	va_end(args);
}

bool
diadoc_fine(const Reading *reading)
{
	return reading->objection.code == NULL;
}

bool
diadoc_next(Reading *reading, Wire *wire, WireField *field)
{
	WireResult result = diadoc_fine(reading) ? wire_next(wire, field) : WIRE_END;

	if (result == WIRE_BROKEN)
		diadoc_object(reading, BAD_REQUEST, "The request body could not be deserialized");
	return result == WIRE_FIELD;
}

/* Is it of the type that the field has? */
bool
diadoc_is_type(Reading *reading, const WireField *field, WireType type)
{
	if (field->type != type)
		diadoc_object(
			reading, BAD_REQUEST,
			"The request body could not be deserialized: field %u has wire type %d",
			field->number, (int) field->type);
	return diadoc_fine(reading);
}

void
diadoc_take_text(Reading *reading, const WireField *field, char **text)
{
	if (!diadoc_is_type(reading, field, WIRE_BYTES))
		return;
	free(*text);
	*text = strndup(field->data, field->len);
	if (*text == NULL)
		die("out of memory");
}

void
diadoc_take_bool(Reading *reading, const WireField *field, bool *value)
{
	if (diadoc_is_type(reading, field, WIRE_VARINT))
		*value = field->value != 0;
}

void
diadoc_require(Reading *reading, bool there, const char *what)
{
	if (!there)
		diadoc_object(reading, BAD_REQUEST, "Required field %s is missing", what);
}

/* Which of the first fields are there; what they hold is not looked at. */
void
diadoc_check_pair(Reading *reading, const WireField *field, int required,
				  const char *const *names)
{
	unsigned seen = 0;
	Wire wire;
	WireField inner;
	int i;

	if (!diadoc_is_type(reading, field, WIRE_BYTES))
		return;
	wire = wire_of(field->data, field->len);
	while (diadoc_next(reading, &wire, &inner))
	{
		if (inner.number < 32)
			seen |= 1u << inner.number;
	}
	for (i = 0; i < required; i++)
		diadoc_require(reading, (seen & 1u << (i + 1)) != 0, names[i]);
}

/* The name of the type where the field is a list of documents, else NULL. */
static const char *
list_type(unsigned number)
{
	size_t i;

	if (number == FIELD_DOCUMENTS)
		return "";
	for (i = 0; i < sizeof(old_lists) / sizeof(old_lists[0]); i++)
	{
		if (old_lists[i].number == number)
			return old_lists[i].type;
	}
	return NULL;
}

static void
read_documents(Reading *reading, const Buf *body)
{
	DiadocMessage *message = reading->message;
	Wire wire = wire_of(body->data, body->len);
	WireField field;
	int n = 0;

	message->documents =
		must_alloc((size_t) (message->documents_len + 1) * sizeof(DiadocDocument));
	while (diadoc_next(reading, &wire, &field))
	{
		DiadocDocument *document = &message->documents[n];
		const char *type = list_type(field.number);

		if (type == NULL)
			continue;
		n++;
		document->list = field.number;
		diadoc_guid(document->entity_id);
		diadoc_guid(document->signature_id);
		diadoc_guid(document->report_id);
		if (field.number == FIELD_DOCUMENTS)
			diadoc_read_document(reading, &field, document);
		else
		{
			document->type = strdup(type);
			diadoc_read_old_document(reading, &field, document);
		}
	}
}

static void
take_box(Reading *reading, const WireField *field, const char *name, char box[BOX_SIZE])
{
	if (diadoc_is_type(reading, field, WIRE_BYTES) && field->len > 0 &&
		!diadoc_box(field->data, field->len, box))
		diadoc_object(reading, BAD_REQUEST, "%s: invalid box id %.*s", name,
					  (int) (field->len < 80 ? field->len : 80), field->data);
}

/* The message itself; its documents are only counted. */
static void
read_head(Reading *reading, const Buf *body)
{
	static const char *const names[] = {
		"StructuredDataAttachment.Content", "StructuredDataAttachment.FileName",
		"StructuredDataAttachment.ParentCustomDocumentId"};
	DiadocMessage *message = reading->message;
	Wire wire = wire_of(body->data, body->len);
	WireField field;

	while (diadoc_next(reading, &wire, &field))
	{
		if (list_type(field.number) != NULL)
		{
			if (diadoc_is_type(reading, &field, WIRE_BYTES))
				message->documents_len++;
			continue;
		}
		switch (field.number)
		{
			case FIELD_FROM_BOX:
				take_box(reading, &field, "FromBoxId", message->from);
				break;
			case FIELD_TO_BOX:
				take_box(reading, &field, "ToBoxId", message->to);
				break;
			case FIELD_STRUCTURED:
				message->structured++;
				diadoc_check_pair(reading, &field, 3, names);
				break;
			case FIELD_IS_DRAFT:
				diadoc_take_bool(reading, &field, &message->is_draft);
				break;
			case FIELD_IS_INTERNAL:
				diadoc_take_bool(reading, &field, &message->is_internal);
				break;
			case FIELD_DELAY_SEND:
				diadoc_take_bool(reading, &field, &message->is_delayed);
				break;
			case FIELD_LOCK_PACKET:
				diadoc_take_bool(reading, &field, &message->is_locked);
				break;
			case FIELD_LOCK_MODE:
				if (diadoc_is_type(reading, &field, WIRE_VARINT))
					message->lock_mode = (unsigned) field.value;
				break;
		}
	}
}

bool
diadoc_read_box(const Buf *body, char box[BOX_SIZE])
{
	Wire wire = wire_of(body->data, body->len);
	WireField field;

	while (wire_next(&wire, &field) == WIRE_FIELD)
	{
		if (field.number == FIELD_FROM_BOX)
			return field.type == WIRE_BYTES && diadoc_box(field.data, field.len, box);
	}
	return false;
}

DiadocObjection
diadoc_read(const Buf *body, int max_documents, DiadocMessage *message)
{
	Reading reading = {.message = message};

	message->lock_mode = 1; /* None */
	if (body->len == 0)
		diadoc_object(&reading, BAD_REQUEST, "The request body is empty");
	read_head(&reading, body);
	diadoc_require(&reading, message->from[0] != '\0', "MessageToPost.FromBoxId");
	if (message->to[0] == '\0' && !message->is_draft && !message->is_internal)
		diadoc_object(&reading, BAD_REQUEST,
					  "Required field MessageToPost.ToBoxId is missing");
	if (strcmp(message->from, message->to) == 0)
		diadoc_object(&reading, BAD_REQUEST, "FromBoxId and ToBoxId are the same box");
	if (message->documents_len == 0)
		diadoc_object(&reading, BAD_REQUEST,
					  "The message must have at least one attachment");
	if (message->documents_len > max_documents)
		diadoc_object(&reading, "DocumentService.TooManyDocuments",
					  "There are %d documents in the message, more than the limit of %d",
					  message->documents_len, max_documents);
	if (diadoc_fine(&reading))
		read_documents(&reading, body);
	return reading.objection;
}

void
diadoc_message_free(DiadocMessage *message)
{
	int i;
	int j;

	for (i = 0; message->documents != NULL && i < message->documents_len; i++)
	{
		DiadocDocument *document = &message->documents[i];

		for (j = 0; j < document->metadata_len; j++)
		{
			free(document->metadata[j].key);
			free(document->metadata[j].value);
		}
		free(document->metadata);
		free(document->type);
		free(document->function);
		free(document->version);
		free(document->custom_id);
		free(document->comment);
	}
	free(message->documents);
	free(message->key);
	free(message->operation_id);
	free(message);
}
