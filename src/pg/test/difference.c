/*
 * difference.c
 *		How a message differs from what a test wants of it: see difference.h.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "pg/base/arena_pg.h"
#include "pg/base/json_pg.h"
#include "pg/base/text.h"
#include "pg/test/difference.h"

/* Of a value so many bytes are shown. */
#define VALUE_MAX 200

char *
msgext_difference_value(const MsgJson *value)
{
	MsgBuf buf;
	size_t len;

	msgext_buf_init(&buf, msgext_arena_pg_create(CurrentMemoryContext), 128);
	msgext_json_write(&buf, value);
	len = msgext_whole_characters(buf.data, buf.len, VALUE_MAX);
	if (len < buf.len)
	{
		buf.data[len] = '\0';
		buf.len = len;
		msgext_buf_puts(&buf, " ...");
	}
	return msgext_from_utf8(buf.data);
}

void
msgext_difference_say(StringInfo text, const char *format, ...)
{
	va_list args;
	int needed;

	if (text->len > 0)
		appendStringInfoString(text, "; ");
	do
	{
		va_start(args, format);
		needed = appendStringInfoVA(text, format, args);
		va_end(args);
		if (needed > 0)
			enlargeStringInfo(text, needed);
	} while (needed > 0);
}

static bool
contains(const MsgJson *got, const MsgJson *wanted)
{
	return DatumGetBool(DirectFunctionCall2(
		jsonb_contains, JsonbPGetDatum(msgext_json_to_jsonb_whole(got)),
		JsonbPGetDatum(msgext_json_to_jsonb_whole(wanted))));
}

int
msgext_difference(StringInfo text, const char *path, const MsgJson *wanted,
				  const MsgJson *got)
{
	const MsgJson *member;
	int n = 0;

	check_stack_depth();
	if (wanted->type != MSG_JSON_OBJECT || got->type != MSG_JSON_OBJECT)
	{
		if (contains(got, wanted))
			return 0;
		msgext_difference_say(text, "%s is %s, not %s", path,
							  msgext_difference_value(got),
							  msgext_difference_value(wanted));
		return 1;
	}
	for (member = wanted->first; member != NULL; member = member->next)
	{
		const MsgJson *other = msgext_json_get(got, member->name);
		char *below = psprintf("%s.%s", path, msgext_from_utf8(member->name));

		if (other != NULL)
			n += msgext_difference(text, below, member, other);
		else
		{
			msgext_difference_say(text, "%s is not there, wanted is %s", below,
								  msgext_difference_value(member));
			n++;
		}
	}
	return n;
}
