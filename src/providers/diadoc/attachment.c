/*
 * attachment.c
 *		The rules of a single document: see attachment.h.
 */
#include "providers/diadoc/attachment.h"

#include <string.h>

#include "core/ascii.h"
#include "core/utf8.h"

/* "Comment": up to 5000 characters */
#define COMMENT_MAX 5000

/* "CustomDataItem": key up to 60, value up to 200 */
#define CUSTOM_KEY_MAX 60
#define CUSTOM_VALUE_MAX 200

/* Refuses the member of that name at place; false, for "return". */
static bool
fail(Attachments *all, const MsgPbPlace *place, const char *name, const char *text)
{
	MsgPbPlace here = {place, name, -1};

	return msgext_pb_refuse(all->arena, all->error, &here, "%s", text);
}

bool
msgext_diadoc_is_documents(const ProtobufCFieldDescriptor *field)
{
	/* "StructuredDataAttachments": files bound to a document, no documents themselves. */
	return field->label == PROTOBUF_C_LABEL_REPEATED &&
		   field->type == PROTOBUF_C_TYPE_MESSAGE &&
		   strcmp(field->name, "StructuredDataAttachments") != 0;
}

const MsgJson *
msgext_diadoc_filled(const MsgJson *object, const char *name)
{
	const MsgJson *member = msgext_pb_member(object, name);

	return msgext_json_is(member, MSG_JSON_STRING) && member->len > 0 ? member : NULL;
}

bool
msgext_diadoc_is_true(const MsgJson *object, const char *name)
{
	const MsgJson *member = msgext_pb_member(object, name);

	return msgext_json_is(member, MSG_JSON_BOOL) && member->truth;
}

/* Are there any bytes, in the text or as a part? */
static bool
has_bytes(const Attachments *all, const MsgJson *object, const char *name)
{
	const MsgJson *member = msgext_pb_member(object, name);
	int64_t n;

	if (msgext_json_is(member, MSG_JSON_STRING))
		return member->len > 0;
	return member != NULL &&
		   msgext_json_int64(msgext_json_get(member, "part"), false, &n) && n >= 1 &&
		   n <= all->payload->nparts && all->payload->parts[n - 1].len > 0;
}

static bool
same(const MsgJson *a, const MsgJson *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

bool
msgext_diadoc_has_id(const Attachments *all, const MsgJson *id)
{
	int i;

	for (i = 0; i < all->nids; i++)
	{
		if (same(all->ids[i], id))
			return true;
	}
	return false;
}

/* "CustomDocumentId": own id of the document, unique in the message. */
bool
msgext_diadoc_collect_id(Attachments *all, const MsgJson *document,
						 const MsgPbPlace *place)
{
	const MsgJson *id = msgext_diadoc_filled(document, "CustomDocumentId");

	if (id == NULL)
		return true;
	if (msgext_diadoc_has_id(all, id))
		return fail(all, place, "CustomDocumentId", "is that of another document, too");
	all->ids[all->nids++] = id;
	return true;
}

/* "Content_v3": exactly one. */
static bool
check_content_v3(Attachments *all, const MsgJson *content, const MsgPbPlace *place)
{
	int sources = msgext_pb_member(content, "Content") != NULL;

	sources += msgext_pb_member(content, "NameOnShelf") != NULL;
	sources += msgext_pb_member(content, "EntityId") != NULL;
	sources += msgext_pb_member(content, "PatchedContentId") != NULL;
	if (sources != 1)
		return msgext_pb_refuse(
			all->arena, all->error, place,
			"must have exactly one of Content, NameOnShelf, EntityId and "
			"PatchedContentId");
	return true;
}

static bool
check_power_file(Attachments *all, const MsgJson *file, const MsgPbPlace *place)
{
	static const char *const names[] = {"Content", "Signature"};
	int i;

	for (i = 0; i < 2; i++)
	{
		MsgPbPlace here = {place, names[i], -1};

		if (!check_content_v3(all, msgext_pb_member(file, names[i]), &here))
			return false;
	}
	return true;
}

/* "PowerOfAttorneyToPost": exactly one source; SendAsFile only with two of them. */
static bool
check_power(Attachments *all, const MsgJson *power, const MsgPbPlace *place)
{
	const MsgJson *full = msgext_pb_member(power, "FullId");
	const MsgJson *content = msgext_pb_member(power, "Content");
	const MsgJson *contents = msgext_pb_member(power, "Contents");
	bool by_default = msgext_diadoc_is_true(power, "UseDefault");
	const MsgJson *file = contents != NULL ? contents->first : NULL;
	int sources = (full != NULL) + (content != NULL) + (file != NULL) + by_default +
				  msgext_diadoc_is_true(power, "UseDocumentContent");
	MsgPbPlace single = {place, "Content", -1};
	MsgPbPlace several = {place, "Contents", 0};

	if (sources != 1)
		return msgext_pb_refuse(
			all->arena, all->error, place,
			"must have exactly one source: FullId, UseDefault, Content, Contents "
			"or UseDocumentContent");
	if (msgext_diadoc_is_true(power, "SendAsFile") && full == NULL && !by_default)
		return fail(all, place, "SendAsFile", "needs FullId or UseDefault");
	if (content != NULL && !check_power_file(all, content, &single))
		return false;
	for (; file != NULL; file = file->next, several.index++)
	{
		if (!check_power_file(all, file, &several))
			return false;
	}
	return true;
}

/* "SignedContent": everything is optional on the wire, but ... */
static bool
check_signed_content(Attachments *all, const MsgJson *content, const MsgPbPlace *place)
{
	bool signature = has_bytes(all, content, "Signature");
	bool on_shelf = msgext_diadoc_filled(content, "SignatureNameOnShelf") != NULL;
	bool test = msgext_diadoc_is_true(content, "SignWithTestSignature");
	const MsgJson *power = msgext_pb_member(content, "PowerOfAttorney");
	MsgPbPlace here = {place, "PowerOfAttorney", -1};

	if (msgext_pb_member(content, "Content") != NULL &&
		msgext_diadoc_filled(content, "NameOnShelf") != NULL)
		return fail(all, place, "NameOnShelf", "excludes Content, which is there too");
	if (signature && on_shelf)
		return fail(all, place, "SignatureNameOnShelf",
					"excludes Signature, which is there too");
	if (all->is_signed && !signature && !on_shelf && !test)
		return fail(all, place, "Signature",
					"is missing: only a draft or a delayed send has none");
	if (!all->is_signed && (signature || on_shelf || test))
		return fail(all, place,
					signature  ? "Signature"
					: on_shelf ? "SignatureNameOnShelf"
							   : "SignWithTestSignature",
					"must not be there in a draft or a delayed send");
	return power == NULL || check_power(all, power, &here);
}

/* "letters Latin/Cyrillic, digits, - and _" */
static bool
is_custom_key(const MsgJson *key)
{
	size_t i;

	for (i = 0; i < key->len; i++)
	{
		unsigned char c = (unsigned char) key->text[i];

		/* U+0400 to U+04FF begin with one of four bytes, and end with any tail. */
		if (c >= 0xD0 && c <= 0xD3)
			i++;
		else if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
				   (c >= 'a' && c <= 'z') || c == '-' || c == '_'))
			return false;
	}
	return true;
}

static bool
check_custom_data(Attachments *all, const MsgJson *list, const MsgPbPlace *place)
{
	const MsgJson *item = list != NULL ? list->first : NULL;
	MsgPbPlace here = {place, "CustomData", 0};

	for (; item != NULL; item = item->next, here.index++)
	{
		const MsgJson *key = msgext_pb_member(item, "Key");
		const MsgJson *value = msgext_pb_member(item, "Value");

		if (msgext_utf8_count(key->text, key->len) > CUSTOM_KEY_MAX)
			return fail(all, &here, "Key", "has more than 60 characters");
		if (!is_custom_key(key))
			return fail(all, &here, "Key",
						"may have Latin and Cyrillic letters, digits, \"-\" and \"_\"");
		if (value != NULL &&
			msgext_utf8_count(value->text, value->len) > CUSTOM_VALUE_MAX)
			return fail(all, &here, "Value", "has more than 200 characters");
	}
	return true;
}

/* "Link inside the same message: MessageId = "", EntityId = CustomDocumentId". */
static bool
check_links(Attachments *all, const MsgJson *document, const char *name,
			const MsgPbPlace *place)
{
	const MsgJson *list = msgext_pb_member(document, name);
	const MsgJson *link = list != NULL ? list->first : NULL;
	MsgPbPlace here = {place, name, 0};

	for (; link != NULL; link = link->next, here.index++)
	{
		const MsgJson *entity = msgext_pb_member(link, "EntityId");

		if (msgext_diadoc_filled(link, "MessageId") == NULL &&
			!msgext_diadoc_has_id(all, entity))
			return fail(all, &here, "EntityId",
						"is the CustomDocumentId of no document of this message");
	}
	return true;
}

/* "Nonformalized needs the metadata key FileName"; types are written in any case. */
static bool
check_metadata(Attachments *all, const MsgJson *document, const MsgPbPlace *place)
{
	const MsgJson *type = msgext_pb_member(document, "TypeNamedId");
	const MsgJson *list = msgext_pb_member(document, "Metadata");
	const MsgJson *item;

	if (type == NULL || !msgext_ascii_same(type->text, type->len, "Nonformalized"))
		return true;
	for (item = list != NULL ? list->first : NULL; item != NULL; item = item->next)
	{
		if (msgext_json_equals(msgext_pb_member(item, "Key"), "FileName"))
			return true;
	}
	return fail(all, place, "Metadata",
				"has no FileName, which a Nonformalized document needs");
}

/* "Function", "Version": mandatory when encrypted. */
static bool
check_encrypted(Attachments *all, const MsgJson *document, const MsgPbPlace *place)
{
	if (!msgext_diadoc_is_true(document, "IsEncrypted"))
		return true;
	if (msgext_diadoc_filled(document, "Function") == NULL)
		return fail(all, place, "Function", "is missing: the document is encrypted");
	if (msgext_diadoc_filled(document, "Version") == NULL)
		return fail(all, place, "Version", "is missing: the document is encrypted");
	return true;
}

bool
msgext_diadoc_check_attachment(Attachments *all, const MsgJson *document,
							   const MsgPbPlace *place)
{
	const MsgJson *comment = msgext_pb_member(document, "Comment");
	MsgPbPlace content = {place, "SignedContent", -1};

	if (comment != NULL && msgext_utf8_count(comment->text, comment->len) > COMMENT_MAX)
		return fail(all, place, "Comment", "has more than 5000 characters");
	return check_signed_content(all, msgext_pb_member(document, "SignedContent"),
								&content) &&
		   check_custom_data(all, msgext_pb_member(document, "CustomData"), place) &&
		   check_metadata(all, document, place) &&
		   check_encrypted(all, document, place) &&
		   check_links(all, document, "InitialDocumentIds", place) &&
		   check_links(all, document, "SubordinateDocumentIds", place);
}
