/*
 * prepare.c
 *		From a payload to the inside of an outMessage, and the clientId it will have.
 *
 * Owns the rules of consumeOutMessageRequest, payload/outMessageList/outMessage. A
 * packet is refused as a whole for one character that XML cannot carry, so everything is
 * checked here, message by message; a fault has the code that the provider would answer.
 * The clientId is not part of what is stored: two calls with the same operation_id
 * differ in it, and must not differ in their bytes.
 */
#include "providers/edna/edna.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/lengthof.h"
#include "core/phone.h"
#include "core/timestamp.h"
#include "core/utf8.h"
#include "core/xml.h"

/* An SMS has at most 255 parts, of 153 characters each. Other texts: to have a bound. */
#define CONTENT_MAX (255 * 153)
#define TEXT_MAX 1000

#define SECOND_US INT64_C(1000000)

typedef struct Field Field;

typedef struct Writer
{
	MsgBuf out;
	const MsgConn *conn;
	const char *address; /* as it was written */
	MsgError *error;
} Writer;

struct Field
{
	const char *name;
	bool required;
	const char *absent; /* the code for "", and for its lack; NULL = "" is as if absent */
	const char *invalid;
	const char *fallback; /* written when absent */
	bool (*put)(Writer *writer, const Field *field, const MsgJson *value);
};

static bool
put_string(Writer *writer, const Field *field, const MsgJson *value, size_t limit)
{
	if (value->type != MSG_JSON_STRING)
		return msgext_error(writer->error, field->invalid, field->name,
							"must be a string");
	if (!msgext_xml_can_carry(value->text, value->len))
		return msgext_error(writer->error, field->invalid, field->name,
							"has a character that XML cannot carry: a control character "
							"other than TAB, LF and CR, or U+FFFE or U+FFFF");
	if (msgext_utf8_count(value->text, value->len) > limit)
		return msgext_error(writer->error, field->invalid, field->name,
							"must have at most %zu characters", limit);
	msgext_xml_put_element(&writer->out, field->name, value->text, value->len);
	return true;
}

static bool
put_text(Writer *writer, const Field *field, const MsgJson *value)
{
	return put_string(writer, field, value, TEXT_MAX);
}

static bool
put_content(Writer *writer, const Field *field, const MsgJson *value)
{
	return put_string(writer, field, value, CONTENT_MAX);
}

/* A "+" in front is usual elsewhere and is left out. */
static bool
put_address(Writer *writer, const Field *field, const MsgJson *value)
{
	const char *digits = msgext_phone_digits(value);

	if (digits == NULL)
		return msgext_error(writer->error, field->invalid, field->name, MSG_PHONE_RULE);
	msgext_xml_put_element(&writer->out, field->name, digits, strlen(digits));
	writer->address = digits;
	return true;
}

const char *
msgext_edna_write_recipient(MsgArena *arena, const MsgConn *conn, const char *recipient,
							MsgError *error)
{
	const char *digits =
		msgext_phone_digits(msgext_json_string(arena, recipient, strlen(recipient)));

	(void) conn;
	if (digits == NULL)
		msgext_error(error, "error-address-format", "", MSG_PHONE_RULE);
	return digits;
}

static bool
put_priority(Writer *writer, const Field *field, const MsgJson *value)
{
	static const char *const words[] = {"low", "normal", "high", "realtime"};
	size_t i;

	for (i = 0; i < lengthof(words); i++)
	{
		if (!msgext_json_equals(value, words[i]))
			continue;
		msgext_xml_put_element(&writer->out, field->name, value->text, value->len);
		return true;
	}
	return msgext_error(writer->error, field->invalid, field->name,
						"must be one of low, normal, high, realtime");
}

/*
 * "YYYY-MM-DD hh:mm:ss", without a zone. A time with a zone is turned into the
 * provider's; what is finer than a second is cut off.
 */
static bool
put_time(Writer *writer, const Field *field, const MsgJson *value)
{
	int offset_s = msgext_conn_offset(writer->conn);
	int64_t time_us = 0;
	char text[32];

	if (!msgext_json_is(value, MSG_JSON_STRING) || value->len < 5 ||
		value->text[4] != '-' ||
		!msgext_timestamp_parse(value->text, value->len, offset_s, &time_us))
		return msgext_error(writer->error, field->invalid, field->name,
							"must be a time such as \"2026-01-31 10:00:00\", in the "
							"server's time_zone or with one of its own");
	time_us += offset_s * SECOND_US;
	time_us -= (time_us % SECOND_US + SECOND_US) % SECOND_US;
	msgext_timestamp_format(time_us, text);
	if (strlen(text) != strlen("2026-01-31T10:00:00Z"))
		return msgext_error(writer->error, field->invalid, field->name,
							"must be a time before the year 10000");
	text[10] = ' ';
	msgext_xml_put_element(&writer->out, field->name, text, 19);
	return true;
}

static bool
put_minutes(Writer *writer, const Field *field, const MsgJson *value)
{
	int64_t minutes;

	if (!msgext_json_int64(value, true, &minutes) || minutes < 1 || minutes > INT32_MAX)
		return msgext_error(writer->error, field->invalid, field->name,
							"must be a whole number of minutes from 1 to %d", INT32_MAX);
	msgext_xml_put_element(&writer->out, field->name, value->text, value->len);
	return true;
}

/*
 * In the order of writing, which the provider does not check. "content" may also be in
 * outMessageCommon, which is never sent; contentType is spelled out, since its default
 * is a setting at the provider.
 */
static const Field fields[] = {
	{"subject", false, "error-subject-not-specified", "error-subject-format", NULL,
	 put_text},
	{"address", true, "error-address-not-specified", "error-address-format", NULL,
	 put_address},
	{"priority", false, "error-priority-format", "error-priority-format", NULL,
	 put_priority},
	{"startTime", false, "error-start-time-format", "error-start-time-format", NULL,
	 put_time},
	{"validityPeriodMinutes", false, "error-validity-period-minutes-format",
	 "error-validity-period-minutes-format", NULL, put_minutes},
	{"contentType", false, "error-content-type-not-specified",
	 "error-content-type-format", "text", put_text},
	{"content", true, "error-content-not-specified", "error-content-format", NULL,
	 put_content},
	{"comment", false, NULL, "error-comment-format", NULL, put_text}};

#define FIELDS lengthof(fields)

static bool
check_names(const MsgJson *message, MsgError *error)
{
	const MsgJson *member;

	for (member = message->first; member != NULL; member = member->next)
	{
		size_t i = 0;

		while (i < FIELDS && (strlen(fields[i].name) != member->name_len ||
							  strcmp(fields[i].name, member->name) != 0))
			i++;
		if (i == FIELDS)
			return msgext_error(error, "", member->name,
								"is not a member of a message, which has address, "
								"content, subject, contentType, priority, startTime, "
								"validityPeriodMinutes and comment");
	}
	return true;
}

static bool
put_field(Writer *writer, const Field *field, const MsgJson *value)
{
	bool empty = msgext_json_equals(value, "");

	if (value == NULL || value->type == MSG_JSON_NULL || (empty && field->absent == NULL))
	{
		if (field->required)
			return msgext_error(writer->error, field->absent, field->name, "is missing");
		if (field->fallback != NULL)
			msgext_xml_put_element(&writer->out, field->name, field->fallback,
								   strlen(field->fallback));
		return true;
	}
	if (empty)
		return msgext_error(writer->error, field->absent, field->name,
							field->required ? "is empty"
											: "is empty; leave it out instead");
	return field->put(writer, field, value);
}

/*
 * "clientId: integer, unique for the whole time" of the contract. Time is part of it, so
 * that a database that was restored to an earlier moment does not give one again. Of the
 * id it has four digits: among several databases with one login the last two name the
 * database (msgext.node), and no database queues a hundred messages in 100 microseconds.
 */
#define KEY_UNIT_US 100
#define KEY_IDS 10000

bool
msgext_edna_make_key(MsgArena *arena, int64_t message, int64_t at_us, const char **key,
					 MsgError *error)
{
	char digits[32];
	int64_t id;

	if (at_us < 0 || message < 0 ||
		__builtin_mul_overflow(at_us / KEY_UNIT_US, KEY_IDS, &id) ||
		__builtin_add_overflow(id, message % KEY_IDS, &id) || id < 1)
		return msgext_error(error, "", "", "no client id can be made of this time");
	snprintf(digits, sizeof(digits), "%" PRId64, id);
	*key = msgext_strdup(arena, digits);
	return true;
}

bool
msgext_edna_prepare(MsgArena *arena, const MsgConn *conn, const MsgPayload *payload,
					MsgFragment *fragment, MsgError *error)
{
	Writer writer = {.conn = conn, .error = error};
	const char *key = NULL;
	size_t i;

	if (!msgext_json_is(payload->message, MSG_JSON_OBJECT))
		return msgext_error(error, "", "", "the message must be an object");
	if (payload->nparts > 0)
		return msgext_error(error, "", "parts",
							"must not be given: this provider has none");
	if (!check_names(payload->message, error))
		return false;
	msgext_buf_init(&writer.out, arena, 256);
	for (i = 0; i < FIELDS; i++)
	{
		if (!put_field(&writer, &fields[i],
					   msgext_json_get(payload->message, fields[i].name)))
			return false;
	}
	if (!msgext_edna_make_key(arena, payload->id, payload->created_us, &key, error))
		return false;
	memset(fragment, 0, sizeof(*fragment));
	fragment->bytes = writer.out.data;
	fragment->len = writer.out.len;
	fragment->recipient = writer.address;
	fragment->key = key;
	return true;
}

/* The elements, by their names: they are those of the payload. */
MsgJson *
msgext_edna_describe(MsgArena *arena, const char *fragment, size_t len, MsgError *error)
{
	MsgXmlLimits limits = msgext_xml_usual;
	MsgJson *payload = msgext_json_new(arena, MSG_JSON_OBJECT);
	const MsgXml *element;
	MsgBuf message;

	msgext_buf_init(&message, arena, len + 16);
	msgext_buf_puts(&message, "<m>");
	msgext_buf_append(&message, fragment, len);
	msgext_buf_puts(&message, "</m>");
	limits.size = message.len;
	element = msgext_xml_parse(arena, message.data, message.len, &limits, error);
	if (element == NULL)
		return NULL;
	if (element->first == NULL)
	{
		msgext_error(error, "", "", "has no elements");
		return NULL;
	}
	for (element = element->first; element != NULL; element = element->next)
		msgext_json_set_text(arena, payload, element->name, element->text);
	return payload;
}
