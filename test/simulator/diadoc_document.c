/*
 * diadoc_document.c
 *		Reads the documents of a MessageToPost.
 *
 * Owns the rules of a document, as the pages on DocumentAttachment, SignedContent and
 * MetadataItem tell them. Keeps sizes and digests of contents, not the contents.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "diadoc_reading.h"

static const struct
{
	const char *name;
	DiadocFate fate;
} fates[] = {{"delivered", FATE_DELIVERED},
			 {"never", FATE_NEVER},
			 {"invalid-signature", FATE_INVALID_SIGNATURE},
			 {"roaming-error", FATE_ROAMING_ERROR},
			 {"refused", FATE_REFUSED},
			 {"deleted", FATE_DELETED},
			 {"malware", FATE_MALWARE}};

static void
read_metadata(Reading *reading, const WireField *field, DiadocDocument *document)
{
	static const char *const names[] = {"MetadataItem.Key", "MetadataItem.Value"};
	DiadocItem item = {NULL, NULL};
	Wire wire;
	WireField inner;

	diadoc_check_pair(reading, field, 2, names);
	if (!diadoc_fine(reading))
		return;
	wire = wire_of(field->data, field->len);
	while (diadoc_next(reading, &wire, &inner))
	{
		if (inner.number == 1)
			diadoc_take_text(reading, &inner, &item.key);
		else if (inner.number == 2)
			diadoc_take_text(reading, &inner, &item.value);
	}
	if (!diadoc_fine(reading))
	{
		free(item.key);
		free(item.value);
		return;
	}
	document->metadata = realloc(
		document->metadata, (size_t) (document->metadata_len + 1) * sizeof(DiadocItem));
	if (document->metadata == NULL)
		die("out of memory");
	document->metadata[document->metadata_len++] = item;
}

/* "In an ordinary send a signature is mandatory; in a draft it is forbidden." */
static void
read_signed_content(Reading *reading, const WireField *field, DiadocDocument *document)
{
	const DiadocMessage *message = reading->message;
	bool expected = !message->is_draft && !message->is_delayed;
	bool has_content = false;
	bool on_shelf = false;
	bool has_signature = false;
	Wire wire;
	WireField inner;

	if (!diadoc_is_type(reading, field, WIRE_BYTES))
		return;
	wire = wire_of(field->data, field->len);
	while (diadoc_next(reading, &wire, &inner))
	{
		if (inner.number == 1 && diadoc_is_type(reading, &inner, WIRE_BYTES))
		{
			has_content = true;
			document->length = inner.len;
			md5_text(inner.data, inner.len, document->md5);
		}
		else if (inner.number == 2 && diadoc_is_type(reading, &inner, WIRE_BYTES))
		{
			has_signature |= inner.len > 0;
			document->signature_length = inner.len;
		}
		else if (inner.number == 4 || inner.number == 6)
		{
			bool *there = inner.number == 4 ? &on_shelf : &has_signature;

			if (diadoc_is_type(reading, &inner, WIRE_BYTES))
				*there |= inner.len > 0;
		}
		else if (inner.number == 5)
			diadoc_take_bool(reading, &inner, &document->test_signature);
	}
	has_signature |= document->test_signature;
	if (has_content && on_shelf)
		diadoc_object(reading, BAD_REQUEST, "Content and NameOnShelf exclude each other");
	if (!has_content && !on_shelf)
		diadoc_object(reading, BAD_REQUEST, "The document has no content");
	if (expected && !has_signature)
		diadoc_object(reading, BAD_REQUEST, "The document has no signature");
	if (!expected && has_signature)
		diadoc_object(reading, BAD_REQUEST, "A draft must not be signed");
}

static void
read_fate(Reading *reading, DiadocDocument *document)
{
	const char *word =
		document->comment != NULL ? strstr(document->comment, "fate=") : NULL;
	size_t len;
	size_t i;

	if (word == NULL)
		return;
	word += strlen("fate=");
	len = strspn(word, "abcdefghijklmnopqrstuvwxyz-");
	for (i = 0; i < sizeof(fates) / sizeof(fates[0]); i++)
	{
		if (strlen(fates[i].name) == len && strncmp(fates[i].name, word, len) == 0)
		{
			document->fate = fates[i].fate;
			return;
		}
	}
	diadoc_object(reading, BAD_REQUEST, "There is no fate %.*s", (int) len, word);
}

const char *
diadoc_file_name(const DiadocDocument *document)
{
	int i;

	for (i = 0; i < document->metadata_len; i++)
	{
		if (strcmp(document->metadata[i].key, "FileName") == 0)
			return document->metadata[i].value;
	}
	return NULL;
}

/* "Nonformalized needs FileName"; formalised types take their data from the XML. */
static void
check_metadata(Reading *reading, const DiadocDocument *document)
{
	const char *name = diadoc_file_name(document);

	if (document->type == NULL || *document->type == '\0')
		diadoc_object(reading, BAD_REQUEST,
					  "Required field DocumentAttachment.TypeNamedId is missing");
	else if (strcasecmp(document->type, "Nonformalized") == 0 &&
			 (name == NULL || *name == '\0'))
		diadoc_object(reading, BAD_REQUEST,
					  "Не найдено значение для ключа FileName в метаданных документа");
	else if (strncasecmp(document->type, "Universal", strlen("Universal")) == 0 &&
			 document->metadata_len > 0)
		diadoc_object(reading, BAD_REQUEST, "There are odd metadata items: %s",
					  document->metadata[0].key);
}

/* DocumentAttachment */
void
diadoc_read_document(Reading *reading, const WireField *field, DiadocDocument *document)
{
	static const char *const ids[] = {"DocumentId.MessageId", "DocumentId.EntityId"};
	static const char *const custom[] = {"CustomDataItem.Key"};
	bool has_content = false;
	Wire wire = wire_of(field->data, field->len);
	WireField inner;

	while (diadoc_next(reading, &wire, &inner))
	{
		switch (inner.number)
		{
			case 1:
				has_content = true;
				read_signed_content(reading, &inner, document);
				break;
			case 3:
				diadoc_take_text(reading, &inner, &document->comment);
				break;
			case 4:
				diadoc_take_bool(reading, &inner, &document->need_signature);
				break;
			case 5:
			case 6:
				diadoc_check_pair(reading, &inner, 2, ids);
				break;
			case 9:
				diadoc_take_text(reading, &inner, &document->custom_id);
				break;
			case 11:
				diadoc_check_pair(reading, &inner, 1, custom);
				break;
			case 12:
				diadoc_take_text(reading, &inner, &document->type);
				break;
			case 13:
				diadoc_take_text(reading, &inner, &document->function);
				break;
			case 14:
				diadoc_take_text(reading, &inner, &document->version);
				break;
			case 15:
				read_metadata(reading, &inner, document);
				break;
		}
	}
	diadoc_require(reading, has_content, "DocumentAttachment.SignedContent");
	check_metadata(reading, document);
	read_fate(reading, document);
}

/* A document of one of the old lists. */
void
diadoc_read_old_document(Reading *reading, const WireField *field,
						 DiadocDocument *document)
{
	bool has_content = false;
	Wire wire = wire_of(field->data, field->len);
	WireField inner;

	while (diadoc_next(reading, &wire, &inner))
	{
		if (inner.number == 1)
		{
			has_content = true;
			read_signed_content(reading, &inner, document);
		}
	}
	diadoc_require(reading, has_content, "SignedContent");
}
