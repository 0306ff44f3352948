/*
 * recipients.c
 *		Whom a message goes to: see recipients.h.
 */
#include "core/recipients.h"

#include <string.h>

#include "core/pattern.h"

/* The object that the last member of a path belongs to; *name is that member. */
static MsgJson *
object_of(MsgArena *arena, const char *path, MsgJson *payload, const char **name)
{
	const char *dot = strchr(path, '.');

	*name = dot != NULL ? dot + 1 : path;
	if (dot == NULL)
		return payload;
	return (MsgJson *) msgext_json_get(
		payload, msgext_strndup(arena, path, (size_t) (dot - path)));
}

/* The member, or NULL where it is not, or null. */
static const MsgJson *
member_of(MsgArena *arena, const char *path, const MsgJson *payload)
{
	const char *name;
	const MsgJson *object = object_of(arena, path, (MsgJson *) payload, &name);
	const MsgJson *member = object != NULL && object->type == MSG_JSON_OBJECT
								? msgext_json_get(object, name)
								: NULL;

	return member != NULL && member->type != MSG_JSON_NULL ? member : NULL;
}

void
msgext_recipients_redirect(MsgArena *arena, const char *const *paths, MsgJson *payload,
						   const char *to)
{
	const char *const *path;
	bool any = false;

	if (payload->type != MSG_JSON_OBJECT)
		return;
	for (path = paths; *path != NULL; path++)
	{
		bool marked = **path == '-' || **path == '~';
		const char *name;
		MsgJson *object;

		if (member_of(arena, *path + marked, payload) == NULL)
			continue;
		any |= **path != '~';
		object = object_of(arena, *path + marked, payload, &name);
		msgext_json_set(object, name,
						marked ? msgext_json_new(arena, MSG_JSON_NULL)
							   : msgext_json_string(arena, to, strlen(to)));
	}
	if (any && member_of(arena, paths[0], payload) == NULL)
		msgext_json_set_text(arena, payload, paths[0], to);
}

/* What is asked of each; false ends the asking. */
typedef bool (*Question)(void *asked, const char *one);

/* The next letter or digit, in lower case; NUL at the end. */
static char
next_sign(const char **text)
{
	while (**text != '\0')
	{
		char c = *(*text)++;

		if (c >= 'A' && c <= 'Z')
			return (char) (c - 'A' + 'a');
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c & 0x80) != 0)
			return c;
	}
	return '\0';
}

static bool
is_same(const char *a, const char *b)
{
	char sign;

	do
	{
		sign = next_sign(&a);
		if (sign != next_sign(&b))
			return false;
	} while (sign != '\0');
	return true;
}

/* One, or several with commas between them. */
static bool
ask_text(MsgArena *arena, const char *text, Question question, void *asked)
{
	for (;;)
	{
		size_t len;
		char *one;

		text += strspn(text, " ");
		len = strcspn(text, ",");
		one = msgext_strndup(arena, text, len);
		text += len;
		while (len > 0 && one[len - 1] == ' ')
			one[--len] = '\0';
		if (!question(asked, one))
			return false;
		if (*text++ == '\0')
			return true;
	}
}

static bool
ask_member(MsgArena *arena, const MsgJson *member, Question question, void *asked)
{
	const MsgJson *element;

	if (member->type == MSG_JSON_STRING || member->type == MSG_JSON_NUMBER)
		return ask_text(arena, member->text, question, asked);
	for (element = member->first; element != NULL; element = element->next)
		if (!ask_member(arena, element, question, asked))
			return false;
	return true;
}

/* May it be written to from a server of a staging environment? */
typedef struct Staging
{
	const char *to;
	const char *pattern;
	const char *stranger;
} Staging;

static bool
may(void *arg, const char *one)
{
	Staging *staging = arg;

	if ((staging->to == NULL || is_same(staging->to, one)) &&
		(staging->pattern == NULL || msgext_pattern_fits(staging->pattern, one)))
		return true;
	staging->stranger = one;
	return false;
}

bool
msgext_recipients_may(MsgArena *arena, const char *const *paths, const MsgJson *payload,
					  const char *to, const char *pattern, const char **stranger)
{
	Staging staging = {.to = to, .pattern = pattern};
	bool fits = true;
	const char *const *path;

	*stranger = NULL;
	for (path = paths; *path != NULL && fits; path++)
	{
		bool untold = **path == '-';
		const MsgJson *member = member_of(arena, *path + untold, payload);

		if (**path == '~' || member == NULL)
			continue;
		if (untold)
			staging.stranger = *path + 1;
		fits = !untold && ask_member(arena, member, may, &staging);
	}
	*stranger = staging.stranger;
	return fits;
}

/* Is it none of those that are looked for? */
typedef struct Look
{
	MsgArena *arena;
	MsgRecipientTest test;
	void *arg;
	const char *found;
} Look;

static bool
passes(void *arg, const char *one)
{
	Look *look = arg;
	const char *normal = msgext_recipient_normal(look->arena, one);

	if (!look->test(look->arg, normal))
		return true;
	look->found = normal;
	return false;
}

const char *
msgext_recipients_find(MsgArena *arena, const char *const *paths, const MsgJson *payload,
					   MsgRecipientTest test, void *arg)
{
	Look look = {arena, test, arg, NULL};
	const char *const *path;

	for (path = paths; *path != NULL && look.found == NULL; path++)
	{
		const MsgJson *member =
			**path == '-' || **path == '~' ? NULL : member_of(arena, *path, payload);

		if (member != NULL)
			(void) ask_member(arena, member, passes, &look);
	}
	return look.found;
}

/* The digits, where there is nothing else but what people write between them. */
static bool
is_number(const char *text, size_t len)
{
	bool any = false;
	size_t i;

	for (i = 0; i < len; i++)
	{
		bool digit = text[i] >= '0' && text[i] <= '9';

		any |= digit;
		if (!digit && strchr("+-(). ", text[i]) == NULL)
			return false;
	}
	return any;
}

const char *
msgext_recipient_normal(MsgArena *arena, const char *text)
{
	size_t len = strlen(text);
	bool number;
	char *normal;
	char *out;

	while (len > 0 && *text == ' ')
	{
		text++;
		len--;
	}
	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '/'))
		len--;
	number = is_number(text, len);
	normal = out = msgext_strndup(arena, text, len);
	for (; len > 0; text++, len--)
	{
		char c = *text >= 'A' && *text <= 'Z' ? (char) (*text - 'A' + 'a') : *text;

		if (!number || (c >= '0' && c <= '9'))
			*out++ = c;
	}
	*out = '\0';
	return normal;
}
