/*
 * prepare.c
 *		A payload to the bytes of a MessageToPost.
 *
 * The form is the converter's to check, by the schema; the rules of a document are
 * attachment.c's. Owns the rules of the message, and refuses only what the provider's
 * pages say is refused: in all else the server has the last word.
 */
#include "providers/diadoc/diadoc.h"

#include <stdlib.h>
#include <string.h>

#include "core/ascii.h"
#include "core/base64.h"
#include "providers/diadoc/attachment.h"
#include "providers/diadoc/schema.h"

/* The whole request, and a file of structured data. */
#define REQUEST_MAX ((size_t) 70 * 1024 * 1024)
#define STRUCTURED_MAX ((size_t) 10 * 1024 * 1024)

#define DEPTH_MAX 16
#define VALUES_MAX 100000

static const MsgPbLimits limits = {
	.size = REQUEST_MAX, .depth = DEPTH_MAX, .values = VALUES_MAX};

/* Takes the next hexadecimal digit of a box id off the front; 0 at its end. */
static char
next_digit(const char **box)
{
	while (**box == '-')
		(*box)++;
	if (**box == '\0' || **box == '@')
		return '\0';
	return msgext_ascii_lower(*(*box)++);
}

/* A box is named by a GUID or as 32hex@diadoc.ru, both of which mean the same box. */
static bool
same_box(const char *a, const char *b)
{
	char digit;

	do
	{
		digit = next_digit(&a);
		if (next_digit(&b) != digit)
			return false;
	} while (digit != '\0');
	return true;
}

/* "ToBoxId": must differ; absent when IsInternal; may be absent in a draft. */
static bool
check_boxes(const MsgJson *message, MsgError *error)
{
	const MsgJson *from = msgext_diadoc_filled(message, "FromBoxId");
	const MsgJson *to = msgext_diadoc_filled(message, "ToBoxId");
	bool internal = msgext_diadoc_is_true(message, "IsInternal");

	if (from == NULL)
		return msgext_error(error, "", "FromBoxId", "is empty");
	if (internal && to != NULL)
		return msgext_error(error, "", "ToBoxId",
							"must not be there in an internal message");
	if (!internal && to == NULL && !msgext_diadoc_is_true(message, "IsDraft"))
		return msgext_error(error, "", "ToBoxId",
							"is missing: only a draft or an internal message has none");
	if (to != NULL && same_box(from->text, to->text))
		return msgext_error(error, "", "ToBoxId", "is the sender's own box");
	return true;
}

static const MsgJson *
first_of(const MsgJson *message, const char *list)
{
	const MsgJson *member = msgext_pb_member(message, list);

	return member != NULL ? member->first : NULL;
}

/* "Which lists count is not said": all of them together is the safe reading. */
static bool
check_count(const MsgConn *conn, const MsgJson *message, int *count, MsgError *error)
{
	const ProtobufCMessageDescriptor *type = DIADOC_MESSAGE_TO_POST;
	int max = atoi(msgext_conn_option(conn, "max_documents"));
	unsigned i;

	*count = 0;
	for (i = 0; i < type->n_fields; i++)
	{
		const MsgJson *list = msgext_pb_member(message, type->fields[i].name);

		if (msgext_diadoc_is_documents(&type->fields[i]) && list != NULL)
			*count += list->count;
	}
	if (*count == 0)
		return msgext_error(error, "", "DocumentAttachments",
							"is empty: a message needs a document");
	if (*count > max)
		return msgext_error(error, "DocumentService.TooManyDocuments", "",
							"the message has %d documents, more than max_documents (%d)",
							*count, max);
	return true;
}

/* Goes over all documents, in the order of the schema. */
static bool
for_documents(Attachments *all,
			  bool (*visit)(Attachments *, const MsgJson *, const MsgPbPlace *))
{
	const ProtobufCMessageDescriptor *type = DIADOC_MESSAGE_TO_POST;
	unsigned i;

	for (i = 0; i < type->n_fields; i++)
	{
		MsgPbPlace place = {NULL, type->fields[i].name, 0};
		const MsgJson *document;

		if (!msgext_diadoc_is_documents(&type->fields[i]))
			continue;
		for (document = first_of(all->payload->message, place.name); document != NULL;
			 document = document->next, place.index++)
		{
			if (!visit(all, document, &place))
				return false;
		}
	}
	return true;
}

static size_t
size_of_bytes(const MsgPayload *payload, const MsgJson *bytes)
{
	int64_t n;
	size_t size;

	if (msgext_json_is(bytes, MSG_JSON_STRING))
		return msgext_base64_size(bytes->text, bytes->len, &size) ? size : 0;
	if (msgext_json_int64(msgext_json_get(bytes, "part"), false, &n) && n >= 1 &&
		n <= payload->nparts)
		return payload->parts[n - 1].len;
	return 0;
}

/* "ParentCustomDocumentId": of the document it belongs to. */
static bool
check_structured(Attachments *all)
{
	const MsgJson *file = first_of(all->payload->message, "StructuredDataAttachments");
	MsgPbPlace list = {NULL, "StructuredDataAttachments", 0};

	for (; file != NULL; file = file->next, list.index++)
	{
		MsgPbPlace parent = {&list, "ParentCustomDocumentId", -1};
		MsgPbPlace content = {&list, "Content", -1};

		if (!msgext_diadoc_has_id(all, msgext_pb_member(file, parent.name)))
			return msgext_pb_refuse(all->arena, all->error, &parent,
									"is the CustomDocumentId of no document of this "
									"message");
		if (size_of_bytes(all->payload, msgext_pb_member(file, content.name)) >
			STRUCTURED_MAX)
			return msgext_pb_refuse(all->arena, all->error, &content,
									"is larger than 10 MB");
	}
	return true;
}

bool
msgext_diadoc_prepare(MsgArena *arena, const MsgConn *conn, const MsgPayload *payload,
					  MsgFragment *fragment, MsgError *error)
{
	Attachments all = {.arena = arena, .payload = payload, .error = error};
	const MsgJson *message = payload->message;
	MsgPart bytes;
	int count;

	/* First of all the form, on which the rules rely. */
	if (!msgext_pb_encode(arena, DIADOC_MESSAGE_TO_POST, payload, &limits, &bytes,
						  error) ||
		!check_boxes(message, error) || !check_count(conn, message, &count, error))
		return false;

	/* "in a draft or a delayed send a signature is forbidden" */
	all.is_signed = !msgext_diadoc_is_true(message, "IsDraft") &&
					!msgext_diadoc_is_true(message, "DelaySend");
	all.ids = msgext_alloc(arena, (size_t) count * sizeof(MsgJson *));
	if (!for_documents(&all, msgext_diadoc_collect_id) ||
		!for_documents(&all, msgext_diadoc_check_attachment) || !check_structured(&all))
		return false;

	memset(fragment, 0, sizeof(*fragment));
	fragment->bytes = bytes.bytes;
	fragment->len = bytes.len;
	return true;
}

MsgJson *
msgext_diadoc_describe(MsgArena *arena, const char *fragment, size_t len, MsgError *error)
{
	return msgext_pb_describe(arena, DIADOC_MESSAGE_TO_POST, fragment, len, &limits,
							  error);
}

bool
msgext_diadoc_parts(MsgArena *arena, const char *fragment, size_t len, MsgPart **parts,
					int *n, MsgError *error)
{
	return msgext_pb_parts(arena, DIADOC_MESSAGE_TO_POST, fragment, len, &limits, parts,
						   n, error);
}
