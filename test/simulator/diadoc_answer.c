/*
 * diadoc_answer.c
 *		Message and Document, as the provider's answers carry them.
 *
 * Owns what a document's fields say at each step of its way. Writes what a lenient reader
 * has to cope with: fields and enum values that it cannot know, fields out of order,
 * groups, entities that are no documents, the signature before what it signs.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "diadoc.h"
#include "wire.h"

/* Ticks: 100 ns since 0001-01-01 UTC. */
#define EPOCH_TICKS INT64_C(621355968000000000)

/* An enum value of tomorrow. */
#define UNKNOWN_VALUE 4711

/* Entity.AttachmentType */
#define ATTACHMENT_NONFORMALIZED 0
#define ATTACHMENT_DELIVERY_FAILURE 6
#define ATTACHMENT_VERIFICATION_REPORT 10
#define ATTACHMENT_ROAMING_NOTIFICATION 39
#define ATTACHMENT_TITLE 68

/* Document.SenderSignatureStatus */
#define SIGNATURE_WAITING 1
#define SIGNATURE_UNCHECKED 2
#define SIGNATURE_VALID 3
#define SIGNATURE_INVALID 4

/* What the fields of a document follow from. */
typedef struct Stage
{
	int signature;
	bool sent;
	bool delivered;
	bool roaming_error;
	const char *text;
} Stage;

static uint64_t
ticks(int64_t us)
{
	return (uint64_t) (us * 10 + EPOCH_TICKS);
}

static int64_t
step_us(const DiadocMessage *message, int steps)
{
	return message->at_us + (int64_t) settings.status_step_ms * 1000 * steps;
}

static bool
is_open(const DiadocMessage *message)
{
	return message->is_draft || message->is_delayed;
}

/* Step 1: the signature is verified and the document leaves; step 2: it arrives. */
static Stage
stage_of(const DiadocMessage *message, const DiadocDocument *document, int64_t steps)
{
	Stage stage = {.signature = SIGNATURE_UNCHECKED, .text = "Обрабатывается"};

	if (is_open(message))
	{
		stage.signature = SIGNATURE_WAITING;
		stage.text = "Требуется подпись";
		return stage;
	}
	if (steps < 1)
		return stage;
	if (document->fate == FATE_INVALID_SIGNATURE)
	{
		stage.signature = SIGNATURE_INVALID;
		stage.text = "Подпись недействительна";
		return stage;
	}
	stage.signature = SIGNATURE_VALID;
	stage.sent = true;
	stage.text = "Ожидается доставка";
	if (steps < 2 || document->fate == FATE_NEVER)
		return stage;
	stage.roaming_error = document->fate == FATE_ROAMING_ERROR;
	stage.delivered = !stage.roaming_error;
	stage.text = stage.roaming_error			  ? "Ошибка роуминга"
				 : document->fate == FATE_REFUSED ? "Отказано в подписи"
				 : document->need_signature ? "Ожидается подпись контрагента"
											: "Документооборот завершен";
	return stage;
}

static bool
is_nonformalized(const DiadocDocument *document)
{
	return strcasecmp(document->type, "Nonformalized") == 0;
}

static const char *
file_name(const DiadocDocument *document)
{
	const char *name = diadoc_file_name(document);

	return name != NULL ? name : "document.xml";
}

/* Number 1 of each is a GeneralReceiptStatus; ConfirmationMetadata has a time, too. */
static void
write_receipts(Buf *out)
{
	Buf inner = {0};

	wire_put_number(&inner, 1, 1);
	wire_put_message(out, 68, &inner);
	wire_put_number(&inner, 1, 1);
	wire_put_fixed64(&inner, 2, 0);
	wire_put_message(out, 69, &inner);
	wire_put_number(&inner, 1, 0);
	wire_put_number(&inner, 2, UNKNOWN_VALUE);
	wire_put_message(out, 71, &inner);
	wire_put_number(&inner, 1, 1);
	wire_put_message(out, 75, &inner);
	buf_free(&inner);
}

static void
write_metadata(Buf *out, const DiadocDocument *document)
{
	Buf inner = {0};
	int i;

	for (i = 0; i < document->metadata_len; i++)
	{
		wire_put_text(&inner, 1, document->metadata[i].key);
		wire_put_text(&inner, 2, document->metadata[i].value);
		wire_put_message(out, 67, &inner);
	}
	buf_free(&inner);
}

/* The file comes as zeros, for it was not kept: what matters is that it was asked for. */
static void
write_content(Buf *out, uint32_t number, const DiadocDocument *document, bool with_data)
{
	Buf inner = {0};

	wire_put_fixed32(&inner, 1, (uint32_t) document->length);
	if (with_data)
	{
		char *zeros = must_alloc(document->length + 1);

		wire_put_bytes(&inner, 2, zeros, document->length);
		free(zeros);
	}
	wire_put_message(out, number, &inner);
	buf_free(&inner);
}

static int
recipient_response(const DiadocDocument *document, const Stage *stage)
{
	if (stage->delivered && document->fate == FATE_REFUSED)
		return 4; /* RecipientSignatureRequestRejected */
	return document->need_signature ? 2 : 1;
}

static void
write_status_text(Buf *out, const Stage *stage)
{
	Buf status = {0};
	Buf model = {0};

	wire_put_text(&model, 1, stage->delivered ? "Success" : "Info");
	wire_put_text(&model, 2, stage->text);
	wire_put_message(&status, 1, &model);
	wire_put_message(out, 80, &status);
	buf_free(&model);
	buf_free(&status);
}

void
diadoc_write_document(Buf *out, const DiadocMessage *message,
					  const DiadocDocument *document, int64_t steps, bool with_content)
{
	Stage stage = stage_of(message, document, steps);

	wire_put_text(out, 1, "00638000000000000000");
	wire_put_text(out, 2, message->id);
	wire_put_text(out, 3, document->entity_id);
	wire_put_fixed64(out, 4, ticks(message->at_us));
	if (message->to[0] != '\0')
		wire_put_text(out, 5, message->to);
	wire_put_number(out, 6, is_nonformalized(document) ? 0 : UINT64_MAX);
	write_content(out, 9, document, with_content);
	wire_put_text(out, 10, file_name(document));
	wire_put_number(out, 24, 0);
	wire_put_number(out, 26, document->test_signature);
	if (document->custom_id != NULL)
		wire_put_text(out, 30, document->custom_id);
	wire_put_number(out, 32, UNKNOWN_VALUE); /* RevocationStatus */
	if (stage.sent)
		wire_put_fixed64(out, 33, ticks(step_us(message, 1)));
	if (stage.delivered)
		wire_put_fixed64(out, 34, ticks(step_us(message, 2)));
	wire_put_number(out, 42, stage.roaming_error ? 3 : 1);
	wire_put_text(out, 45, message->id);
	wire_put_number(out, 46, message->is_internal ? 3 : 2);
	wire_put_number(out, 49, (uint64_t) stage.signature);
	if (stage.roaming_error)
		wire_put_text(out, 52, "Оператор получателя не принял документ");
	wire_put_number(out, 62, 1);
	wire_put_text(out, 63, document->type);
	wire_put_text(out, 64, document->function != NULL ? document->function : "default");
	wire_put_number(out, 65, 9);
	wire_put_text(out, 66, file_name(document));
	write_metadata(out, document);
	write_receipts(out);
	wire_put_number(out, 70, (uint64_t) recipient_response(document, &stage));
	wire_put_number(out, 74, message->lock_mode);
	wire_put_text(out, 76, document->version != NULL ? document->version : "v1");
	write_status_text(out, &stage);
	wire_put_text(out, 1000, "поле, которого ещё нет");
	wire_put_group(out, 1001, 7);
}

/* An entity that belongs to a document and is none. */
static void
write_companion(Buf *out, const DiadocDocument *document, const char *id,
				unsigned entity_type, unsigned attachment_type)
{
	Buf entity = {0};

	wire_put_number(&entity, 1, entity_type);
	wire_put_text(&entity, 2, id);
	wire_put_text(&entity, 3, document->entity_id);
	wire_put_number(&entity, 5, attachment_type);
	wire_put_fixed64(&entity, 12, 0);
	wire_put_message(out, 8, &entity);
	buf_free(&entity);
}

static void
write_entities(Buf *out, const DiadocMessage *message, const DiadocDocument *document,
			   int64_t steps)
{
	Stage stage = stage_of(message, document, steps);
	Buf entity = {0};
	Buf inner = {0};

	if (!is_open(message))
		write_companion(out, document, document->signature_id, 2, UNKNOWN_VALUE);

	wire_put_number(&entity, 1, 1);
	wire_put_text(&entity, 2, document->entity_id);
	wire_put_text(&entity, 3, "");
	write_content(&entity, 4, document, false);
	wire_put_number(&entity, 5,
					is_nonformalized(document) ? ATTACHMENT_NONFORMALIZED
											   : ATTACHMENT_TITLE);
	wire_put_text(&entity, 6, file_name(document));
	wire_put_number(&entity, 7, document->need_signature);
	diadoc_write_document(&inner, message, document, steps, false);
	wire_put_message(&entity, 11, &inner);
	wire_put_fixed64(&entity, 12, ticks(message->at_us));
	wire_put_text(&entity, 18, message->id);
	wire_put_number(&entity, 999, UNKNOWN_VALUE);
	wire_put_message(out, 8, &entity);

	if (stage.signature == SIGNATURE_INVALID)
	{
		write_companion(out, document, document->report_id, 1,
						ATTACHMENT_VERIFICATION_REPORT);
		write_companion(out, document, document->report_id, 1,
						ATTACHMENT_DELIVERY_FAILURE);
	}
	if (stage.roaming_error)
		write_companion(out, document, document->report_id, 1,
						ATTACHMENT_ROAMING_NOTIFICATION);
	buf_free(&inner);
	buf_free(&entity);
}

void
diadoc_write_message(Buf *out, const DiadocMessage *message, int64_t steps)
{
	Buf entity = {0};
	int i;

	wire_put_text(out, 1, message->id);
	wire_put_fixed64(out, 2, ticks(message->at_us));
	wire_put_fixed64(out, 3, ticks(message->at_us));
	wire_put_text(out, 4, message->from);
	wire_put_text(out, 5, "ООО \"Отправитель\"");
	if (message->to[0] != '\0')
	{
		wire_put_text(out, 6, message->to);
		wire_put_text(out, 7, "ООО \"Получатель\"");
	}
	for (i = 0; i < message->documents_len; i++)
		write_entities(out, message, &message->documents[i], steps);

	/* An entity of a kind that is not invented yet. */
	wire_put_number(&entity, 1, UNKNOWN_VALUE);
	wire_put_text(&entity, 2, message->id);
	wire_put_number(&entity, 5, UNKNOWN_VALUE);
	wire_put_message(out, 8, &entity);
	buf_free(&entity);

	/* Fields need not come in the order of their numbers. */
	wire_put_number(out, 22, message->is_draft ? 2 : 1);
	wire_put_number(out, 21, message->lock_mode);
	wire_put_number(out, 9, message->is_draft);
	wire_put_number(out, 16, message->is_internal);
	wire_put_number(out, 20, message->is_locked);
	wire_put_text(out, 1000, "поле, которого ещё нет");
	wire_put_fixed32(out, 1001, 5);
	wire_put_fixed64(out, 1002, 6);
	wire_put_group(out, 1003, 7);
}
