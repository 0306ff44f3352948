/*
 * block.c
 *		Members of a payload's block: see block.h.
 */
#include "providers/devino/block.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/phone.h"
#include "core/utf8.h"

bool
msgext_block_open(Block *block, const MsgJson *node, const char *name,
				  const char *const *names)
{
	const MsgJson *member;

	block->name = name;
	block->names = names;
	block->written = 0;
	memset(block->members, 0, sizeof(block->members));
	for (member = node->first; member != NULL; member = member->next)
	{
		int place = 0;

		while (names[place] != NULL && !msgext_json_is_named(member, names[place]))
			place++;
		if (names[place] == NULL)
		{
			char path[sizeof(block->error->path)];

			snprintf(path, sizeof(path), "%s.%s", name, member->name);
			return msgext_error(block->error, "", path, "is not a member of this block");
		}
		block->members[place] = member->type != MSG_JSON_NULL ? member : NULL;
	}
	msgext_buf_putc(block->out, '{');
	return true;
}

void
msgext_block_close(Block *block)
{
	msgext_buf_putc(block->out, '}');
}

bool
msgext_block_fail(Block *block, int member, const char *code, const char *format, ...)
{
	char path[sizeof(block->error->path)];
	char text[sizeof(block->error->text)];
	va_list args;

	snprintf(path, sizeof(path), "%s.%s", block->name, block->names[member]);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return msgext_error(block->error, code, path, "%s", text);
}

void
msgext_block_name(Block *block, int member)
{
	const char *name = block->names[member];

	if (block->written++ > 0)
		msgext_buf_putc(block->out, ',');
	msgext_buf_quote(block->out, name, strlen(name));
	msgext_buf_putc(block->out, ':');
}

bool
msgext_block_text(Block *block, const Field *field, size_t limit)
{
	const MsgJson *node = block->members[field->member];

	if (node == NULL || msgext_json_equals(node, ""))
		return msgext_block_fail(block, field->member, field->absent, "is missing");
	if (node->type != MSG_JSON_STRING)
		return msgext_block_fail(block, field->member, field->invalid,
								 "must be a string");
	if (memchr(node->text, '\0', node->len) != NULL)
		return msgext_block_fail(block, field->member, field->invalid,
								 "must not contain a NUL");
	if (limit > 0 && msgext_utf8_count(node->text, node->len) > limit)
		return msgext_block_fail(block, field->member, field->invalid,
								 "must have at most %zu characters", limit);
	msgext_block_name(block, field->member);
	msgext_json_write_string(block->out, node->text, node->len);
	return true;
}

bool
msgext_block_choice(Block *block, const Field *field, const char *choices, bool optional)
{
	const MsgJson *node = block->members[field->member];
	const char *choice = choices;

	if (!optional && (node == NULL || msgext_json_equals(node, "")))
		return msgext_block_fail(block, field->member, field->absent,
								 "is missing; it is one of %s", choices);
	for (;;)
	{
		size_t len = strcspn(choice, "|");

		if (node == NULL || (node->type == MSG_JSON_STRING && node->len == len &&
							 memcmp(node->text, choice, len) == 0))
		{
			msgext_block_name(block, field->member);
			msgext_buf_quote(block->out, choice, len);
			return true;
		}
		if (choice[len] == '\0')
			return msgext_block_fail(block, field->member, field->invalid,
									 "must be one of %s", choices);
		choice += len + 1;
	}
}

bool
msgext_block_integer(Block *block, const Field *field, int64_t min, int64_t max)
{
	const MsgJson *node = block->members[field->member];
	int64_t value;

	if (node == NULL || msgext_json_equals(node, ""))
		return msgext_block_fail(block, field->member, field->absent, "is missing");
	if (!msgext_json_int64(node, true, &value) || value < min || value > max)
	{
		if (max == INT64_MAX)
			return msgext_block_fail(block, field->member, field->invalid,
									 "must be a whole number from %lld", (long long) min);
		return msgext_block_fail(block, field->member, field->invalid,
								 "must be a whole number from %lld to %lld",
								 (long long) min, (long long) max);
	}
	msgext_block_name(block, field->member);
	msgext_buf_append(block->out, node->text, node->len);
	return true;
}

const char *
msgext_devino_write_recipient(MsgArena *arena, const MsgConn *conn, const char *recipient,
							  MsgError *error)
{
	const char *digits =
		msgext_phone_digits(msgext_json_string(arena, recipient, strlen(recipient)));

	(void) conn;
	if (digits == NULL)
		msgext_error(error, "phone_invalid", "", MSG_PHONE_RULE);
	return digits;
}

/* "Номер телефона в соответствии со стандартом E.164, возможен + в начале". */
bool
msgext_block_phone(Block *block, const Field *field, const char **phone)
{
	const MsgJson *node = block->members[field->member];

	*phone = NULL;
	if (node == NULL && field->absent == NULL)
		return true;
	if (node == NULL || msgext_json_equals(node, ""))
		return msgext_block_fail(block, field->member,
								 field->absent != NULL ? field->absent : field->invalid,
								 "is missing");
	*phone = msgext_phone_digits(node);
	if (*phone == NULL)
		return msgext_block_fail(block, field->member, field->invalid, MSG_PHONE_RULE);
	return true;
}

void
msgext_block_put_phone(Block *block, int member, const char *phone)
{
	msgext_block_name(block, member);
	msgext_json_write_string(block->out, phone, strlen(phone));
}

bool
msgext_block_address(Block *block, const Field *field, const char *phone, bool may_differ)
{
	const char *own;

	if (!msgext_block_phone(block, field, &own))
		return false;
	if (own != NULL && !may_differ && strcmp(own, phone) != 0)
		return msgext_block_fail(block, field->member, "",
								 "differs from vk.phone; if that is meant, add "
								 "\"allowDifferentRecipients\": true to the message");
	msgext_block_put_phone(block, field->member, own != NULL ? own : phone);
	return true;
}
