/*
 * viber.c
 *		The Viber block of a message, a fallback: its rules.
 *
 * They are those of the document's "Описание полей объекта Viber" and, for what that
 * leaves open, of the provider's own Viber API. A fault carries the code that the
 * provider would answer ("Коды возврата обработки viber сообщения").
 */
#include "providers/devino/viber.h"

#include "providers/devino/devino.h"

/* Viber API: the longest text and the longest label of a button. */
#define VIBER_TEXT_LIMIT 1000
#define VIBER_CAPTION_LIMIT 19

enum
{
	VIBER_SUBJECT,
	VIBER_PRIORITY,
	VIBER_VALIDITY_SEC,
	VIBER_VALIDITY,
	VIBER_TYPE,
	VIBER_COMMENT,
	VIBER_CONTENT_TYPE,
	VIBER_TEXT,
	VIBER_CAPTION,
	VIBER_ACTION,
	VIBER_IMAGE,
	VIBER_ADDRESS,
	VIBER_MEMBERS
};

static const char *const viber_names[] = {[VIBER_SUBJECT] = "subject",
										  [VIBER_PRIORITY] = "priority",
										  [VIBER_VALIDITY_SEC] = "validityPeriodSec",
										  [VIBER_VALIDITY] = "validityPeriod",
										  [VIBER_TYPE] = "type",
										  [VIBER_COMMENT] = "comment",
										  [VIBER_CONTENT_TYPE] = "contentType",
										  [VIBER_TEXT] = "text",
										  [VIBER_CAPTION] = "caption",
										  [VIBER_ACTION] = "action",
										  [VIBER_IMAGE] = "imageUrl",
										  [VIBER_ADDRESS] = "dstAddress",
										  [VIBER_MEMBERS] = NULL};

_Static_assert(VIBER_MEMBERS <= BLOCK_MEMBERS, "Block.members is too short");

/*
 * The table of the document calls it validityPeriod, its examples and the Viber API
 * validityPeriodSec: either is read, the latter is sent.
 */
static bool
put_validity(Block *block)
{
	static const Field validity = {VIBER_VALIDITY_SEC,
								   "error-validity-period-seconds-format",
								   "error-validity-period-seconds-format"};
	const MsgJson **seconds = &block->members[VIBER_VALIDITY_SEC];
	const MsgJson *other = block->members[VIBER_VALIDITY];

	if (*seconds != NULL && other != NULL)
		return msgext_block_fail(
			block, VIBER_VALIDITY, validity.invalid,
			"is another name of validityPeriodSec: give one of them");
	if (other != NULL)
		*seconds = other;
	return msgext_block_integer(block, &validity, 30, BLOCK_DAY_S);
}

/* "comment": a string, of any length, or absent. */
static bool
put_comment(Block *block)
{
	const MsgJson *comment = block->members[VIBER_COMMENT];

	if (comment == NULL)
		return true;
	if (comment->type != MSG_JSON_STRING)
		return msgext_block_fail(block, VIBER_COMMENT, "error-comment-format",
								 "must be a string");
	msgext_block_name(block, VIBER_COMMENT);
	msgext_json_write(block->out, comment);
	return true;
}

/* Does a content of the message's type have the member? */
typedef enum Need
{
	NEED_NO,
	NEED_MAY,
	NEED_MUST
} Need;

/* Writes a member of the content, or refuses it where the type has none such. */
static bool
put_content(Block *block, int member, size_t limit, Need need)
{
	Field field = {member, "error-content-not-specified", "error-content-type-format"};

	if (need == NEED_NO && block->members[member] != NULL)
		return msgext_block_fail(block, member, field.invalid,
								 "does not belong to a content of this type");
	if (need != NEED_MUST && block->members[member] == NULL)
		return true;
	return msgext_block_text(block, &field, limit);
}

/* "Описание полей объекта Viber" */
bool
msgext_devino_put_viber(Block *block, const MsgJson *node, const char *phone,
						bool may_differ, bool sms)
{
	static const Field subject = {VIBER_SUBJECT, "error-subject-not-specified",
								  "error-subject-format"};
	static const Field priority = {VIBER_PRIORITY, "error-priority-format",
								   "error-priority-format"};
	static const Field type = {VIBER_TYPE, "error-instant-message-type-not-specified",
							   "error-instant-message-type-format"};
	static const Field content_type = {VIBER_CONTENT_TYPE, "error-content-type-format",
									   "error-content-type-format"};
	static const Field address = {VIBER_ADDRESS, NULL, "error-address-format"};
	const MsgJson *content;
	Need of_image = NEED_NO;
	bool image;
	bool button;

	if (!msgext_block_open(block, node, DEVINO_VIBER, viber_names) ||
		!msgext_block_text(block, &subject, BLOCK_SUBJECT_LIMIT) ||
		!msgext_block_choice(block, &priority, BLOCK_PRIORITIES, false) ||
		!put_validity(block) || !msgext_block_choice(block, &type, "viber", false) ||
		!put_comment(block) ||
		!msgext_block_choice(block, &content_type, "text|image|button", false))
		return false;
	content = block->members[VIBER_CONTENT_TYPE];
	image = msgext_json_equals(content, "image");
	button = msgext_json_equals(content, "button");
	if (image)
		of_image = NEED_MUST;
	else if (button)
		of_image = NEED_MAY;

	/* Viber API: an image has no text that could be sent again as an SMS. */
	if (image && sms)
		return msgext_block_fail(
			block, VIBER_CONTENT_TYPE, "error-resend-sms-error",
			"must not be image beside an sms block: there is no text to send again");
	if (!put_content(block, VIBER_TEXT, VIBER_TEXT_LIMIT, image ? NEED_NO : NEED_MUST) ||
		!put_content(block, VIBER_CAPTION, VIBER_CAPTION_LIMIT,
					 button ? NEED_MUST : NEED_NO) ||
		!put_content(block, VIBER_ACTION, 0, button ? NEED_MUST : NEED_NO) ||
		!put_content(block, VIBER_IMAGE, 0, of_image) ||
		!msgext_block_address(block, &address, phone, may_differ))
		return false;
	msgext_block_close(block);
	return true;
}
