/*
 * personium_check.c
 *		Reads the body of "Message send" and says what the provider would object to.
 *
 * Owns the rules of the body and the relations that ToRelation may name. The rules are
 * those that the server enforces, which are stricter than its page tells; codes and
 * texts are those of "Error messages". The first objection wins.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "personium.h"

#define URL_MAX 1024
#define TARGETS_MAX 1000
#define TITLE_MAX 256  /* characters */
#define BODY_MAX 65536 /* bytes */
#define RELATION_MAX 128

#define FORMAT_ERROR "PR400-OD-0006"

typedef struct Relation
{
	struct Relation *next;
	const char *name;
	const char *urls; /* comma-separated, "" = no cell is linked */
	size_t name_len;
} Relation;

typedef struct Reading
{
	PersoniumMessage *message;
	PersoniumObjection objection;
} Reading;

static PersoniumGeneration generation = GENERATION_1_5;
static Relation *relations;

static void __attribute__((format(printf, 3, 4)))
object(Reading *reading, const char *code, const char *format, ...)
{
	va_list args;

	if (reading->objection.code != NULL)
		return;
	reading->objection.code = code;
	va_start(args, format);
	vsnprintf(reading->objection.text, sizeof(reading->objection.text), format, args);
	va_end(args);
}

static bool
fine(const Reading *reading)
{
	return reading->objection.code == NULL;
}

static void
format_error(Reading *reading, const char *field)
{
	object(reading, FORMAT_ERROR, "request body format error. field [%s]", field);
}

/* NULL for a member that is null, which means the same as one that is absent. */
static const json_t *
member(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_null(value) ? NULL : value;
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

/* A string without a NUL inside; those are let through in Title and Body only. */
static bool
is_text(const json_t *value)
{
	return json_is_string(value) &&
		   strlen(json_string_value(value)) == json_string_length(value);
}

static size_t
characters(const json_t *text)
{
	const char *utf8 = json_string_value(text);
	size_t count = 0;
	size_t i;

	for (i = 0; i < json_string_length(text); i++)
	{
		if (((unsigned char) utf8[i] & 0xC0) != 0x80)
			count++;
	}
	return count;
}

/* What a dot in one of the server's patterns does not match. */
static bool
has_line_terminator(const char *text, size_t len)
{
	static const char *const terminators[] = {"\n", "\r", "\xc2\x85", "\xe2\x80\xa8",
											  "\xe2\x80\xa9"};
	size_t at;
	size_t i;

	for (at = 0; at < len; at++)
	{
		for (i = 0; i < sizeof(terminators) / sizeof(terminators[0]); i++)
		{
			if (len - at >= strlen(terminators[i]) &&
				memcmp(text + at, terminators[i], strlen(terminators[i])) == 0)
				return true;
		}
	}
	return false;
}

static bool
is_url(const char *text, size_t len)
{
	size_t i;

	if (len > URL_MAX)
		return false;
	for (i = 0; i < len; i++)
	{
		if ((unsigned char) text[i] <= ' ' || text[i] == 0x7F || text[i] == '"')
			return false;
	}
	if (strncmp(text, "http://", 7) == 0)
		return len > 8;
	if (strncmp(text, "https://", 8) == 0)
		return len > 9;
	return generation == GENERATION_1_5 && strncmp(text, "urn:", 4) == 0 && len > 4;
}

/* "[a-zA-Z0-9-+][a-zA-Z0-9-_+:]{0,127}" */
static bool
is_relation_name(const json_t *value)
{
	static const char allowed[] = "_:ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
								  "0123456789-+";
	const char *text = json_string_value(value);

	return is_text(value) && *text != '\0' && strspn(text, allowed) == strlen(text) &&
		   *text != '_' && *text != ':' && strlen(text) <= RELATION_MAX;
}

/* Targets */

/* Makes room on the way: the array has the size of the next power of two. */
static void
add_target(PersoniumMessage *message, const char *url, size_t len)
{
	int n = message->targets_len;
	char *target = must_alloc(len + 2);
	int i;

	memcpy(target, url, len);
	if (len == 0 || url[len - 1] != '/')
		target[len] = '/';
	for (i = 0; i < n; i++)
	{
		if (strcmp(message->targets[i], target) == 0)
		{
			free(target);
			return;
		}
	}
	if ((n & (n - 1)) == 0)
	{
		message->targets = realloc(message->targets, (n > 0 ? 2 * (size_t) n : 1) *
														 sizeof(message->targets[0]));
		if (message->targets == NULL)
			die("out of memory");
	}
	message->targets[message->targets_len++] = target;
}

/* "Empty items in front or in the middle are refused": one at the end is not. */
static void
read_to(Reading *reading, const json_t *to)
{
	const char *at = json_string_value(to);

	if (!is_text(to) || *at == '\0')
	{
		format_error(reading, "To");
		return;
	}
	while (*at != '\0' && fine(reading))
	{
		size_t len = strcspn(at, ",");
		char value[128];

		snprintf(value, sizeof(value), "%.*s", (int) (len < 100 ? len : 100), at);
		if (!is_url(at, len))
			format_error(reading, value); /* "the value, not the name, is shown" */
		else if (generation == GENERATION_1_6 && at[len - 1] != '/')
			object(reading, "PR400-OD-0049",
				   "[%s] field format error. Cell URL should be normalized URL with "
				   "http(s) scheme and trailing slash.",
				   value);
		else
			add_target(reading->message, at, len);
		at += len;
		if (*at == ',')
			at++;
	}
}

static void
read_relation(Reading *reading, const json_t *name)
{
	const Relation *relation;
	const char *at;

	if (!is_relation_name(name))
	{
		format_error(reading, "ToRelation");
		return;
	}
	for (relation = relations; relation != NULL; relation = relation->next)
	{
		if (strlen(json_string_value(name)) == relation->name_len &&
			memcmp(json_string_value(name), relation->name, relation->name_len) == 0)
			break;
	}
	if (relation == NULL)
		object(reading, "PR400-SM-0001", "ToRelation [%s] does not exist.",
			   json_string_value(name));
	else if (relation->urls[0] == '\0')
		object(reading, "PR400-SM-0002", "ToRelation [%s] does not have related ExtCell.",
			   json_string_value(name));
	for (at = relation != NULL ? relation->urls : ""; *at != '\0';)
	{
		size_t len = strcspn(at, ",");

		add_target(reading->message, at, len);
		at += len + (at[len] == ',');
	}
}

static void
read_targets(Reading *reading, const json_t *root)
{
	const json_t *to = member(root, "To");
	const json_t *relation = member(root, "ToRelation");

	if (to == NULL && relation == NULL)
		object(reading, "PR400-OD-0009", "[To,ToRelation] is required.");
	if (to != NULL)
		read_to(reading, to);
	if (relation != NULL && fine(reading))
		read_relation(reading, relation);
	if (reading->message->targets_len > TARGETS_MAX)
		object(reading, "PR400-SM-0003",
			   "The maximum number of destinations was exceeded.");
}

/* Types and what belongs to them */

static void
check_request_1_5(Reading *reading, const json_t *root)
{
	static const char *const names[] = {"RequestRelation", "RequestRelationTarget"};
	size_t i;

	for (i = 0; i < 2; i++)
	{
		const json_t *value = member(root, names[i]);

		if (value == NULL)
			object(reading, "PR400-OD-0009", "[%s] is required.", names[i]);
		else if (!is_text(value) || *json_string_value(value) == '\0')
			format_error(reading, names[i]);
	}
	if (fine(reading) &&
		!is_url(json_string_value(member(root, "RequestRelationTarget")),
				json_string_length(member(root, "RequestRelationTarget"))))
		format_error(reading, "RequestRelationTarget");
}

static void
check_request_object(Reading *reading, const json_t *item)
{
	static const char *const links[] = {"relation.add", "relation.remove", "role.add",
										"role.remove", NULL};
	static const char *const rule_add[] = {"rule.add", NULL};
	static const char *const rule_remove[] = {"rule.remove", NULL};
	const json_t *type = member(item, "RequestType");

	if (is_one_of(type, links))
	{
		if ((member(item, "Name") == NULL) == (member(item, "ClassUrl") == NULL))
			format_error(reading, "RequestObjects.Name,RequestObjects.ClassUrl");
		if (member(item, "TargetUrl") == NULL)
			format_error(reading, "RequestObjects.TargetUrl");
	}
	else if (is_one_of(type, rule_add))
	{
		if (member(item, "Action") == NULL)
			format_error(reading, "RequestObjects.Action");
	}
	else if (is_one_of(type, rule_remove))
	{
		if (member(item, "Name") == NULL)
			format_error(reading, "RequestObjects.Name");
	}
	else
		format_error(reading, "RequestObjects.RequestType");
}

static void
check_request_1_6(Reading *reading, const json_t *root)
{
	const json_t *items = member(root, "RequestObjects");
	size_t i;

	if (items == NULL)
		object(reading, "PR400-OD-0009", "[RequestObjects] is required.");
	else if (!json_is_array(items) || json_array_size(items) == 0)
		format_error(reading, "RequestObjects");
	for (i = 0; fine(reading) && i < json_array_size(items); i++)
		check_request_object(reading, json_array_get(items, i));
}

static void
check_type(Reading *reading, const json_t *root)
{
	static const char *const types_1_5[] = {"req.relation.build", "req.relation.break",
											"req.role.grant", "req.role.revoke", NULL};
	static const char *const types_1_6[] = {"request", NULL};
	static const char *const plain[] = {"message", NULL};
	const json_t *type = member(root, "Type");

	if (type == NULL || is_one_of(type, plain))
		return;
	if (generation == GENERATION_1_5 && is_one_of(type, types_1_5))
		check_request_1_5(reading, root);
	else if (generation == GENERATION_1_6 && is_one_of(type, types_1_6))
		check_request_1_6(reading, root);
	else
		format_error(reading, "Type");
}

/* The members, each by itself */

static void
check_names(Reading *reading, const json_t *root)
{
	static const char *const forbidden[] = {"__metadata", "__published", "__updated",
											NULL};
	static const char *const known[] = {"__id",		  "BoxBound", "InReplyTo", "To",
										"ToRelation", "Type",	  "Title",	   "Body",
										"Priority",	  NULL};
	static const char *const known_1_5[] = {"RequestRelation", "RequestRelationTarget",
											NULL};
	static const char *const known_1_6[] = {"RequestObjects", NULL};
	const char *name;
	json_t *value;

	json_object_foreach((json_t *) root, name, value)
	{
		json_t *word = json_string(name);

		if (is_one_of(word, forbidden))
			object(reading, "PR400-OD-0007", "[%s is management information name.]",
				   name);
		else if (!is_one_of(word, known) &&
				 !is_one_of(word, generation == GENERATION_1_5 ? known_1_5 : known_1_6))
			object(reading, "PR400-OD-0014", "Unknown property was appointed.");
		json_decref(word);
	}
}

/* Exactly 32 characters without a line break, "." in the server's pattern. */
static bool
is_id(const json_t *value)
{
	return is_text(value) && characters(value) == PERSONIUM_ID_LEN &&
		   !has_line_terminator(json_string_value(value), json_string_length(value));
}

/* It becomes a part of URLs. */
static bool
is_own_id(const json_t *value)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	return is_text(value) && json_string_length(value) == PERSONIUM_ID_LEN &&
		   strspn(json_string_value(value), allowed) == PERSONIUM_ID_LEN;
}

static void
check_members(Reading *reading, const json_t *root)
{
	const json_t *box = member(root, "BoxBound");
	const json_t *reply = member(root, "InReplyTo");
	const json_t *title = member(root, "Title");
	const json_t *body = member(root, "Body");
	const json_t *priority = member(root, "Priority");
	const json_t *id = member(root, "__id");

	if (box != NULL && !json_is_boolean(box))
		format_error(reading, "BoxBound");
	if (reply != NULL && !is_id(reply))
		format_error(reading, "InReplyTo");
	if (title != NULL &&
		(!json_is_string(title) || characters(title) > TITLE_MAX ||
		 has_line_terminator(json_string_value(title), json_string_length(title))))
		format_error(reading, "Title");
	if (body != NULL && (!json_is_string(body) || json_string_length(body) > BODY_MAX))
		format_error(reading, "Body");
	if (priority != NULL &&
		(!json_is_integer(priority) || json_integer_value(priority) < 1 ||
		 json_integer_value(priority) > 5))
		format_error(reading, "Priority");
	if (id != NULL && !is_own_id(id))
		format_error(reading, "__id");
}

PersoniumObjection
personium_read(const Buf *body, bool box_for_schema, PersoniumMessage *message)
{
	Reading reading = {.message = message};
	json_t *root = json_loadb(body->data, body->len, JSON_ALLOW_NUL, NULL);

	message->root = root;
	if (!json_is_object(root))
	{
		object(&reading, "PR400-OD-0001", "JSON parse error.");
		return reading.objection;
	}
	check_names(&reading, root);
	check_members(&reading, root);
	check_type(&reading, root);
	read_targets(&reading, root);
	message->box_bound = json_is_true(member(root, "BoxBound"));
	if (message->box_bound && !box_for_schema)
		object(&reading, "PR400-SM-0004",
			   "Box corresponding to the schema can not be found from the "
			   "schema-authenticated token. Schema[null].");
	if (fine(&reading))
		message->id = json_string_value(member(root, "__id"));
	return reading.objection;
}

void
personium_message_free(PersoniumMessage *message)
{
	int i;

	for (i = 0; i < message->targets_len; i++)
		free(message->targets[i]);
	free(message->targets);
	json_decref(message->root);
	memset(message, 0, sizeof(*message));
}

const char *
personium_version(void)
{
	return generation == GENERATION_1_5 ? "1.5.8" : "1.6.17";
}

bool
personium_check_option(const char *option, const char *value)
{
	const char *urls = strchr(value, '=');
	Relation *relation;

	if (strcmp(option, "generation") == 0)
	{
		generation = strcmp(value, "1.6") == 0 ? GENERATION_1_6 : GENERATION_1_5;
		return generation == GENERATION_1_6 || strcmp(value, "1.5") == 0;
	}
	if (strcmp(option, "relation") != 0 || urls == NULL)
		return false;
	relation = must_alloc(sizeof(Relation));
	relation->name = value;
	relation->name_len = (size_t) (urls - value);
	relation->urls = urls + 1;
	relation->next = relations;
	relations = relation;
	return true;
}

void
personium_check_stop(void)
{
	while (relations != NULL)
	{
		Relation *next = relations->next;

		free(relations);
		relations = next;
	}
}
