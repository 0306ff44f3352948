/*
 * json.c
 *		The tree between JSON's reader and writer: looking into it and building it.
 *
 * Reading is json_read.c's, writing json_write.c's.
 */
#include "core/json.h"

#include <string.h>

#include "core/ascii.h"

static MsgJson *
find(const MsgJson *object, const char *name, bool nocase)
{
	size_t len = strlen(name);
	MsgJson *found = NULL;
	MsgJson *child;

	if (!msgext_json_is(object, MSG_JSON_OBJECT))
		return NULL;
	for (child = object->first; child != NULL; child = child->next)
	{
		if (child->name_len != len)
			continue;
		if (nocase ? msgext_ascii_same(child->name, len, name)
				   : memcmp(child->name, name, len) == 0)
			found = child;
	}
	return found;
}

const MsgJson *
msgext_json_get(const MsgJson *node, const char *name)
{
	return find(node, name, false);
}

const MsgJson *
msgext_json_get_nocase(const MsgJson *node, const char *name)
{
	return find(node, name, true);
}

bool
msgext_json_is(const MsgJson *node, MsgJsonType type)
{
	return node != NULL && node->type == type;
}

bool
msgext_json_equals(const MsgJson *node, const char *text)
{
	return msgext_json_is(node, MSG_JSON_STRING) && node->len == strlen(text) &&
		   memcmp(node->text, text, node->len) == 0;
}

bool
msgext_json_int64(const MsgJson *node, bool quoted, int64_t *value)
{
	bool negative;
	int64_t result = 0;
	size_t i;

	if (node == NULL || node->len == 0)
		return false;
	if (node->type != MSG_JSON_NUMBER && !(quoted && node->type == MSG_JSON_STRING))
		return false;
	negative = node->type == MSG_JSON_NUMBER && node->text[0] == '-';
	if (node->text[0] == '0' && node->len > 1)
		return false;
	for (i = negative; i < node->len; i++)
	{
		int digit = node->text[i] - '0';

		if (digit < 0 || digit > 9)
			return false;

		/* Counted downwards, where there is room for the smallest number too. */
		if (__builtin_mul_overflow(result, 10, &result) ||
			__builtin_sub_overflow(result, digit, &result))
			return false;
	}
	if (!negative && result == INT64_MIN)
		return false;
	*value = negative ? result : -result;
	return true;
}

MsgJson *
msgext_json_new(MsgArena *arena, MsgJsonType type)
{
	MsgJson *node = msgext_alloc(arena, sizeof(MsgJson));

	*node = (MsgJson){.type = type};
	if (type == MSG_JSON_STRING)
		node->text = "";
	else if (type == MSG_JSON_NUMBER)
	{
		node->text = "0";
		node->len = 1;
	}
	return node;
}

MsgJson *
msgext_json_string(MsgArena *arena, const char *text, size_t len)
{
	MsgJson *node = msgext_json_new(arena, MSG_JSON_STRING);

	node->text = msgext_strndup(arena, text, len);
	node->len = len;
	return node;
}

void
msgext_json_append(MsgJson *array, MsgJson *element)
{
	element->next = NULL;
	if (array->last != NULL)
		array->last->next = element;
	else
		array->first = element;
	array->last = element;
	array->count++;
}

void
msgext_json_set(MsgJson *object, const char *name, MsgJson *value)
{
	MsgJson *old = find(object, name, false);
	MsgJson **link;

	value->name = name;
	value->name_len = strlen(name);
	if (old == NULL)
	{
		msgext_json_append(object, value);
		return;
	}
	for (link = &object->first; *link != old; link = &(*link)->next)
		;
	*link = value;
	value->next = old->next;
	if (object->last == old)
		object->last = value;
}

void
msgext_json_remove(MsgJson *object, const char *name)
{
	MsgJson *member = object->first;

	object->first = object->last = NULL;
	object->count = 0;
	while (member != NULL)
	{
		MsgJson *next = member->next;

		if (!msgext_json_is_named(member, name))
			msgext_json_append(object, member);
		member = next;
	}
}

void
msgext_json_set_text(MsgArena *arena, MsgJson *object, const char *name,
					 const char *value)
{
	msgext_json_set(object, name, msgext_json_string(arena, value, strlen(value)));
}
