/*
 * prepare.c
 *		From a payload to the body of POST /send/vk: the message, and its blocks vk and sms.
 *
 * Owns the rules of the document's "Описание полей тела запроса отправки сообщения",
 * but for the Viber block's (viber.c), and, for what that leaves open about SMS, of the
 * provider's own Viber API. A fault carries the code that the provider would answer
 * ("Коды валидации сообщения"); a fault for which it has no code has none.
 * Writes the strict form: known members only, in the document's order, whole numbers as
 * numbers, phones as digits, the default of deliveryPolicy spelled out.
 */
#include "providers/devino/devino.h"

#include <stdlib.h>
#include <string.h>

#include "core/describe.h"
#include "providers/devino/block.h"
#include "providers/devino/viber.h"

enum
{
	VK_SUBJECT,
	VK_PRIORITY,
	VK_ROUTES,
	VK_VALIDITY,
	VK_POLICY,
	VK_PHONE,
	VK_TEMPLATE,
	VK_DATA,
	VK_MEMBERS
};

static const char *const vk_names[] = {[VK_SUBJECT] = "subject",
									   [VK_PRIORITY] = "priority",
									   [VK_ROUTES] = "routes",
									   [VK_VALIDITY] = "validityPeriod",
									   [VK_POLICY] = "deliveryPolicy",
									   [VK_PHONE] = "phone",
									   [VK_TEMPLATE] = "templateId",
									   [VK_DATA] = "templateData",
									   [VK_MEMBERS] = NULL};

enum
{
	SMS_SENDER,
	SMS_TEXT,
	SMS_VALIDITY,
	SMS_ADDRESS,
	SMS_MEMBERS
};

static const char *const sms_names[] = {[SMS_SENDER] = "srcAddress",
										[SMS_TEXT] = "text",
										[SMS_VALIDITY] = "validityPeriod",
										[SMS_ADDRESS] = "dstAddress",
										[SMS_MEMBERS] = NULL};

_Static_assert(VK_MEMBERS <= BLOCK_MEMBERS, "Block.members is too short");

/* "routes: Массив маршрутов VK в порядке использования": vk and ok, each at most once. */
static bool
put_routes(Block *block)
{
	const MsgJson *routes = block->members[VK_ROUTES];
	const MsgJson *route;
	int vk = 0;
	int ok = 0;

	if (routes == NULL || (routes->type == MSG_JSON_ARRAY && routes->count == 0))
		return msgext_block_fail(block, VK_ROUTES, "routes_not_specified", "is missing");
	for (route = routes->first; route != NULL; route = route->next)
	{
		vk += msgext_json_equals(route, "vk");
		ok += msgext_json_equals(route, "ok");
	}
	if (routes->type != MSG_JSON_ARRAY || vk > 1 || ok > 1 || vk + ok != routes->count)
		return msgext_block_fail(
			block, VK_ROUTES, "routes_invalid",
			"must be a list of \"vk\" and \"ok\", each at most once");
	msgext_block_name(block, VK_ROUTES);
	msgext_json_write(block->out, routes);
	return true;
}

/* The order in which jsonb keeps them: the shorter one first. */
static int
compare_names(const MsgJson *left, const MsgJson *right)
{
	if (left->name_len != right->name_len)
		return left->name_len < right->name_len ? -1 : 1;
	return memcmp(left->name, right->name, left->name_len);
}

static int
compare_places(const void *a, const void *b)
{
	return compare_names(*(const MsgJson *const *) a, *(const MsgJson *const *) b);
}

/*
 * What would be left of a variable that is given twice is anybody's guess. Out of a jsonb
 * they come in order, each once.
 */
static bool
names_repeat(MsgArena *arena, const MsgJson *object)
{
	const MsgJson *member = object->first;
	const MsgJson **sorted;
	int n = 0;
	int i;

	while (member != NULL && member->next != NULL &&
		   compare_names(member, member->next) < 0)
		member = member->next;
	if (member == NULL || member->next == NULL)
		return false;
	sorted = msgext_alloc(arena, (size_t) object->count * sizeof(*sorted));
	for (member = object->first; member != NULL; member = member->next)
		sorted[n++] = member;
	qsort(sorted, (size_t) n, sizeof(*sorted), compare_places);
	for (i = 1; i < n; i++)
	{
		if (compare_names(sorted[i - 1], sorted[i]) == 0)
			return true;
	}
	return false;
}

/*
 * templateData: names of the template's variables and their values, which are strings;
 * a number or a truth value becomes the string that it is written as. Here and for
 * templateId the codes are those of the text: the code table has none for templates,
 * and the template with its data is the text of a VK message.
 */
static bool
put_template_data(Block *block)
{
	const MsgJson *data = block->members[VK_DATA];
	const MsgJson *value;

	if (data == NULL)
		return msgext_block_fail(block, VK_DATA, "text_not_specified",
								 "is missing; a template without variables has {}");
	if (data->type != MSG_JSON_OBJECT)
		return msgext_block_fail(block, VK_DATA, "text_invalid", "must be an object");
	if (names_repeat(block->arena, data))
		return msgext_block_fail(block, VK_DATA, "text_invalid",
								 "has two values for one variable");
	msgext_block_name(block, VK_DATA);
	msgext_buf_putc(block->out, '{');
	for (value = data->first; value != NULL; value = value->next)
	{
		if (value != data->first)
			msgext_buf_putc(block->out, ',');
		msgext_json_write_string(block->out, value->name, value->name_len);
		msgext_buf_putc(block->out, ':');
		if (value->type == MSG_JSON_STRING || value->type == MSG_JSON_NUMBER)
			msgext_json_write_string(block->out, value->text, value->len);
		else if (value->type == MSG_JSON_BOOL)
			msgext_buf_puts(block->out, value->truth ? "\"true\"" : "\"false\"");
		else
			return msgext_block_fail(block, VK_DATA, "text_invalid",
									 "must have a string for \"%s\"", value->name);
	}
	msgext_buf_putc(block->out, '}');
	return true;
}

/* "Описание полей объекта VK" */
static bool
put_vk(Block *block, const MsgJson *node, const char **phone)
{
	static const Field subject = {VK_SUBJECT, "subject_not_specified", "subject_invalid"};
	static const Field priority = {VK_PRIORITY, "priority_not_specified",
								   "priority_invalid"};
	static const Field validity = {VK_VALIDITY, "vp_invalid", "vp_invalid"};
	static const Field policy = {VK_POLICY, "", ""};
	static const Field number = {VK_PHONE, "phone_not_specified", "phone_invalid"};
	static const Field template = {VK_TEMPLATE, "text_not_specified", "text_invalid"};

	if (!msgext_block_open(block, node, DEVINO_VK, vk_names) ||
		!msgext_block_text(block, &subject, BLOCK_SUBJECT_LIMIT) ||
		!msgext_block_choice(block, &priority, BLOCK_PRIORITIES, false) ||
		!put_routes(block) || !msgext_block_integer(block, &validity, 15, BLOCK_DAY_S) ||
		!msgext_block_choice(block, &policy, "any|mobile_device_required", true) ||
		!msgext_block_phone(block, &number, phone))
		return false;
	msgext_block_put_phone(block, VK_PHONE, *phone);
	if (!msgext_block_integer(block, &template, 1, INT64_MAX) ||
		!put_template_data(block))
		return false;
	msgext_block_close(block);
	return true;
}

/* Viber API, of an SMS's sender: up to eleven Latin letters and digits. */
static bool
is_sender(const char *text)
{
	size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
							  "0123456789");

	return len <= BLOCK_SUBJECT_LIMIT && text[len] == '\0';
}

/* "Описание полей объекта SMS" */
static bool
put_sms(Block *block, const MsgJson *node, const char *phone, bool may_differ)
{
	static const Field sender = {SMS_SENDER, "sms_subject_not_specified",
								 "subject_invalid"};
	static const Field text = {SMS_TEXT, "sms_text_not_specified", "text_invalid"};
	static const Field validity = {SMS_VALIDITY, "sms_validity_period_not_specified",
								   "invalid_sms_validity_period"};
	static const Field address = {SMS_ADDRESS, NULL, "phone_invalid"};

	if (!msgext_block_open(block, node, DEVINO_SMS, sms_names) ||
		!msgext_block_text(block, &sender, BLOCK_SUBJECT_LIMIT))
		return false;
	if (!is_sender(block->members[SMS_SENDER]->text))
		return msgext_block_fail(block, SMS_SENDER, sender.invalid,
								 "must be Latin letters and digits");
	if (!msgext_block_text(block, &text, 0) ||
		!msgext_block_integer(block, &validity, 60, BLOCK_DAY_S) ||
		!msgext_block_address(block, &address, phone, may_differ))
		return false;
	msgext_block_close(block);
	return true;
}

/* A block of the message: NULL when absent or null; false when it is something else. */
static bool
get_block(const MsgJson *message, const char *name, const MsgJson **block,
		  MsgError *error)
{
	*block = msgext_json_get(message, name);
	if (msgext_json_is(*block, MSG_JSON_NULL))
		*block = NULL;
	if (*block != NULL && (*block)->type != MSG_JSON_OBJECT)
		return msgext_error(error, "invalid_json", name, "must be an object");
	return true;
}

/* A member of the payload beside the blocks, which is not sent. */
static const char insist[] = "allowDifferentRecipients";

static bool
check_root(const MsgPayload *payload, bool *may_differ, MsgError *error)
{
	static const char *const known[] = {DEVINO_VK, DEVINO_VIBER, DEVINO_SMS, insist,
										NULL};
	const MsgJson *message = payload->message;
	const MsgJson *member;

	if (!msgext_json_is(message, MSG_JSON_OBJECT))
		return msgext_error(error, "invalid_json", "", "the message must be an object");
	if (payload->nparts > 0)
		return msgext_error(error, "", "parts",
							"must not be given: this provider has none");
	for (member = message->first; member != NULL; member = member->next)
	{
		int i = 0;

		while (known[i] != NULL && !msgext_json_is_named(member, known[i]))
			i++;
		if (known[i] == NULL)
			return msgext_error(
				error, "", member->name,
				"is not a block of a message, which has vk, viber and sms");
	}
	member = msgext_json_get(message, insist);
	if (member != NULL && member->type != MSG_JSON_BOOL)
		return msgext_error(error, "", insist, "must be true or false");
	*may_differ = member != NULL && member->truth;
	return true;
}

bool
msgext_devino_prepare(MsgArena *arena, const MsgConn *conn, const MsgPayload *payload,
					  MsgFragment *fragment, MsgError *error)
{
	MsgBuf out;
	Block block = {.arena = arena, .out = &out, .error = error};
	const MsgJson *vk, *viber, *sms;
	const char *phone;
	bool may_differ = false;

	(void) conn;
	if (!check_root(payload, &may_differ, error) ||
		!get_block(payload->message, DEVINO_VK, &vk, error) ||
		!get_block(payload->message, DEVINO_VIBER, &viber, error) ||
		!get_block(payload->message, DEVINO_SMS, &sms, error))
		return false;
	if (vk == NULL)
		return msgext_error(error, "messages_not_specified", DEVINO_VK, "is missing");

	msgext_buf_init(&out, arena, 1023); /* 1 kB, with its NUL */
	msgext_buf_puts(&out, "{\"vk\":");
	if (!put_vk(&block, vk, &phone))
		return false;
	memset(fragment, 0, sizeof(*fragment));
	fragment->recipient = phone;
	fragment->limit_key = block.members[VK_SUBJECT]->text;
	if (viber != NULL)
	{
		msgext_buf_puts(&out, ",\"viber\":");
		if (!msgext_devino_put_viber(&block, viber, phone, may_differ, sms != NULL))
			return false;
	}
	if (sms != NULL)
	{
		msgext_buf_puts(&out, ",\"sms\":");
		if (!put_sms(&block, sms, phone, may_differ))
			return false;
	}
	msgext_buf_putc(&out, '}');

	fragment->bytes = out.data;
	fragment->len = out.len;
	if (viber != NULL)
		fragment->channels = sms != NULL ? "vk,viber,sms" : "vk,viber";
	else
		fragment->channels = sms != NULL ? "vk,sms" : "vk";
	return true;
}

/* Does a fallback go to somebody else? */
static bool
differs(const MsgJson *payload, const char *block)
{
	const MsgJson *phone = msgext_json_get(msgext_json_get(payload, DEVINO_VK), "phone");
	const MsgJson *address =
		msgext_json_get(msgext_json_get(payload, block), "dstAddress");

	return msgext_json_is(phone, MSG_JSON_STRING) &&
		   msgext_json_is(address, MSG_JSON_STRING) &&
		   !msgext_json_equals(address, phone->text);
}

MsgJson *
msgext_devino_describe(MsgArena *arena, const char *fragment, size_t len, MsgError *error)
{
	MsgJson *payload = msgext_describe_json(arena, fragment, len, error);
	MsgJson *insisted;

	if (payload == NULL ||
		(!differs(payload, DEVINO_VIBER) && !differs(payload, DEVINO_SMS)))
		return payload;
	insisted = msgext_json_new(arena, MSG_JSON_BOOL);
	insisted->truth = true;
	msgext_json_set(payload, insist, insisted);
	return payload;
}
