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

/* What is asked of each. */
typedef struct Asked
{
	MsgArena *arena;
	const char *to;
	const char *pattern;
	const char *stranger;
} Asked;

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

static bool
may(Asked *asked, const char *one)
{
	if ((asked->to == NULL || is_same(asked->to, one)) &&
		(asked->pattern == NULL || msgext_pattern_fits(asked->pattern, one)))
		return true;
	asked->stranger = one;
	return false;
}

/* One, or several with commas between them. */
static bool
text_may(Asked *asked, const char *text)
{
	for (;;)
	{
		size_t len;
		char *one;

		text += strspn(text, " ");
		len = strcspn(text, ",");
		one = msgext_strndup(asked->arena, text, len);
		text += len;
		while (len > 0 && one[len - 1] == ' ')
			one[--len] = '\0';
		if (!may(asked, one))
			return false;
		if (*text++ == '\0')
			return true;
	}
}

static bool
member_may(Asked *asked, const MsgJson *member)
{
	const MsgJson *element;

	if (member->type == MSG_JSON_STRING || member->type == MSG_JSON_NUMBER)
		return text_may(asked, member->text);
	for (element = member->first; element != NULL; element = element->next)
		if (!member_may(asked, element))
			return false;
	return true;
}

bool
msgext_recipients_may(MsgArena *arena, const char *const *paths, const MsgJson *payload,
					  const char *to, const char *pattern, const char **stranger)
{
	Asked asked = {.arena = arena, .to = to, .pattern = pattern};
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
			asked.stranger = *path + 1;
		fits = !untold && member_may(&asked, member);
	}
	*stranger = asked.stranger;
	return fits;
}
