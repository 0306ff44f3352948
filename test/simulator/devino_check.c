/*
 * devino_check.c
 *		Whether Devino would take a body, and with which of its codes it would
 *		refuse it.
 *
 * Devino VK API, «Описание полей тела запроса отправки сообщения», «Коды
 * валидации сообщения» and «Коды возврата обработки viber сообщения в рамках
 * запроса». Members that these do not name are let through. The blocks are
 * looked at in the order vk, viber, sms, and the first objection wins.
 *
 * Pure functions of the body; nothing is kept.
 */
#include <string.h>

#include "devino.h"

#define SUBJECT_MAX 11
#define PHONE_MIN 7
#define PHONE_MAX 15 /* E.164 */

static const json_t *
member(const json_t *block, const char *name)
{
	const json_t *value = json_object_get(block, name);

	return json_is_null(value) ? NULL : value;
}

static bool
is_filled_string(const json_t *value)
{
	return json_is_string(value) && json_string_length(value) > 0;
}

static bool
is_one_of(const json_t *value, const char *const *words)
{
	for (; json_is_string(value) && *words != NULL; words++)
	{
		if (strcmp(json_string_value(value), *words) == 0)
			return true;
	}
	return false;
}

/* Numbers in quotes are refused: the tables say Long, the examples have 180. */
static bool
is_integer_within(const json_t *value, json_int_t min, json_int_t max)
{
	return json_is_integer(value) && json_integer_value(value) >= min &&
		   json_integer_value(value) <= max;
}

static size_t
characters(const char *utf8)
{
	size_t count = 0;

	for (; *utf8 != '\0'; utf8++)
	{
		if (((unsigned char) *utf8 & 0xC0) != 0x80)
			count++;
	}
	return count;
}

/* «Номер телефона в соответствии со стандартом E.164, возможен + в начале». */
static bool
is_phone(const json_t *value)
{
	const char *text = json_string_value(value);
	size_t len;

	if (text == NULL)
		return false;
	if (*text == '+')
		text++;
	len = strspn(text, "0123456789");
	return text[len] == '\0' && len >= PHONE_MIN && len <= PHONE_MAX && *text != '0';
}

static bool
is_priority(const json_t *value)
{
	static const char *const priorities[] = {"low", "medium", "high", "realtime", NULL};

	return is_one_of(value, priorities);
}

/* Not empty, and no route twice: the array is an order of use. */
static bool
are_routes(const json_t *value)
{
	static const char *const routes[] = {"vk", "ok", NULL};
	size_t i;

	if (!json_is_array(value) || json_array_size(value) == 0 ||
		json_array_size(value) > 2)
		return false;
	for (i = 0; i < json_array_size(value); i++)
	{
		if (!is_one_of(json_array_get(value, i), routes))
			return false;
	}
	return json_array_size(value) == 1 ||
		   !json_equal(json_array_get(value, 0), json_array_get(value, 1));
}

/* The table says Long, the example has it in quotes: both are taken. */
static bool
is_template_id(const json_t *value)
{
	if (json_is_string(value))
	{
		const char *text = json_string_value(value);
		size_t len = strspn(text, "0123456789");

		return len > 0 && len <= 19 && text[len] == '\0' && *text != '0';
	}
	return json_is_integer(value) && json_integer_value(value) > 0;
}

static bool
is_template_data(const json_t *value)
{
	const char *name;
	json_t *parameter;

	if (!json_is_object(value))
		return false;
	json_object_foreach((json_t *) value, name, parameter)
	{
		if (!json_is_string(parameter))
			return false;
	}
	return true;
}

/*
 * No code is documented for the template; the text codes, for which the vk
 * block has no other use, are the nearest. The same goes for deliveryPolicy
 * and the routes.
 */
static const char *
check_vk(const json_t *vk)
{
	static const char *const policies[] = {"any", "mobile_device_required", NULL};
	const json_t *subject = member(vk, "subject");
	const json_t *policy = member(vk, "deliveryPolicy");

	if (subject == NULL)
		return "subject_not_specified";
	if (!is_filled_string(subject) ||
		characters(json_string_value(subject)) > SUBJECT_MAX)
		return "subject_invalid";
	if (member(vk, "priority") == NULL)
		return "priority_not_specified";
	if (!is_priority(member(vk, "priority")))
		return "priority_invalid";
	if (member(vk, "routes") == NULL)
		return "routes_not_specified";
	if (!are_routes(member(vk, "routes")))
		return "routes_invalid";
	if (!is_integer_within(member(vk, "validityPeriod"), 15, 86400))
		return "vp_invalid";
	if (policy != NULL && !is_one_of(policy, policies))
		return "routes_invalid";
	if (member(vk, "phone") == NULL)
		return "phone_not_specified";
	if (!is_phone(member(vk, "phone")))
		return "phone_invalid";
	if (member(vk, "templateId") == NULL || member(vk, "templateData") == NULL)
		return "text_not_specified";
	if (!is_template_id(member(vk, "templateId")) ||
		!is_template_data(member(vk, "templateData")))
		return "text_invalid";
	return NULL;
}

/* «Зависит от значения contentType»: what each kind of content consists of. */
static const char *
check_viber_content(const json_t *viber)
{
	static const char *const kinds[] = {"text", "image", "button", NULL};
	const json_t *kind = member(viber, "contentType");
	const json_t *image = member(viber, "imageUrl");
	bool complete;

	if (!is_one_of(kind, kinds))
		return "error-content-type-format";
	if (strcmp(json_string_value(kind), "text") == 0)
		complete = is_filled_string(member(viber, "text"));
	else if (strcmp(json_string_value(kind), "image") == 0)
		complete = is_filled_string(image);
	else
		complete = is_filled_string(member(viber, "text")) &&
				   is_filled_string(member(viber, "caption")) &&
				   is_filled_string(member(viber, "action")) &&
				   (image == NULL || is_filled_string(image));
	return complete ? NULL : "error-content-not-specified";
}

/* The example has validityPeriodSec where the table has validityPeriod. */
static const char *
check_viber(const json_t *viber)
{
	static const char *const types[] = {"viber", NULL};
	const json_t *subject = member(viber, "subject");
	const json_t *type = member(viber, "type");
	const json_t *address = member(viber, "dstAddress");
	const json_t *comment = member(viber, "comment");
	const json_t *validity = member(viber, "validityPeriodSec");

	if (validity == NULL)
		validity = member(viber, "validityPeriod");
	if (subject == NULL)
		return "error-subject-not-specified";
	if (!is_filled_string(subject))
		return "error-subject-format";
	if (!is_priority(member(viber, "priority")))
		return "error-priority-format";
	if (!is_integer_within(validity, 30, 86400))
		return "error-validity-period-seconds-format";
	if (comment != NULL && !json_is_string(comment))
		return "error-comment-format";
	if (type == NULL)
		return "error-instant-message-type-not-specified";
	if (!is_one_of(type, types))
		return "error-instant-message-type-format";
	if (address == NULL)
		return "error-address-not-specified";
	if (!is_phone(address))
		return "error-address-format";
	return check_viber_content(viber);
}

static const char *
check_sms(const json_t *sms)
{
	if (!is_filled_string(member(sms, "srcAddress")))
		return "sms_subject_not_specified";
	if (!is_filled_string(member(sms, "text")))
		return "sms_text_not_specified";
	if (member(sms, "validityPeriod") == NULL)
		return "sms_validity_period_not_specified";
	if (!is_integer_within(member(sms, "validityPeriod"), 60, 86400))
		return "invalid_sms_validity_period";
	if (member(sms, "dstAddress") == NULL)
		return "phone_not_specified";
	if (!is_phone(member(sms, "dstAddress")))
		return "phone_invalid";
	return NULL;
}

/* root is NULL if the body was no JSON at all. */
DevinoObjection
devino_check(const json_t *root)
{
	DevinoObjection objection = {NULL, NULL};
	const json_t *vk;
	const json_t *viber;
	const json_t *sms;

	if (!json_is_object(root))
	{
		objection.request = "invalid_json";
		return objection;
	}
	vk = member(root, "vk");
	viber = member(root, "viber");
	sms = member(root, "sms");
	if (vk == NULL)
	{
		objection.request = "messages_not_specified";
		return objection;
	}
	if (!json_is_object(vk) || (viber != NULL && !json_is_object(viber)) ||
		(sms != NULL && !json_is_object(sms)))
	{
		objection.request = "invalid_json";
		return objection;
	}
	objection.message = check_vk(vk);
	if (objection.message == NULL && viber != NULL)
		objection.message = check_viber(viber);
	if (objection.message == NULL && sms != NULL)
		objection.message = check_sms(sms);
	return objection;
}

/* 160 characters, or 153 each of several; 70 and 67 beyond ASCII. */
int
devino_sms_segments(const json_t *sms)
{
	const char *text = json_string_value(member(sms, "text"));
	size_t len;
	bool ascii;

	if (text == NULL)
		return 0;
	len = characters(text);
	ascii = len == strlen(text);
	if (len <= (ascii ? 160u : 70u))
		return 1;
	return (int) ((len - 1) / (ascii ? 153u : 67u)) + 1;
}
