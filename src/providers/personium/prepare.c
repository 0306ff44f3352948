/*
 * prepare.c
 *		A payload into the body that is stored: the rules of every member.
 *
 * Owns what the server refuses with 400, and its codes for it. The body is written in one
 * order with its defaults in it, so that equal messages are equal bytes; "__id" is not in
 * it, for that belongs to the attempt. What a typed request holds is typed.c's.
 */
#include "providers/personium/personium.h"

#include <string.h>

#include "core/lengthof.h"
#include "core/utf8.h"
#include "providers/personium/cell.h"
#include "providers/personium/typed.h"

/* "桁数：256文字以下": characters. "64Kbyte以下": bytes of UTF-8. */
#define TITLE_MAX 256
#define BODY_MAX 65536

#define REPLY_LEN 32

/* Some three times the longest message of a thousand targets. */
#define FRAGMENT_MAX (4 * 1024 * 1024)

static const char *const names[] = {[PERSONIUM_BOX_BOUND] = "BoxBound",
									[PERSONIUM_IN_REPLY_TO] = "InReplyTo",
									[PERSONIUM_TO] = "To",
									[PERSONIUM_TO_RELATION] = "ToRelation",
									[PERSONIUM_TYPE] = "Type",
									[PERSONIUM_TITLE] = "Title",
									[PERSONIUM_BODY] = "Body",
									[PERSONIUM_PRIORITY] = "Priority",
									[PERSONIUM_REQUEST_RELATION] = "RequestRelation",
									[PERSONIUM_REQUEST_TARGET] = "RequestRelationTarget",
									[PERSONIUM_REQUEST_OBJECTS] = "RequestObjects"};

/* Members that generations do not share are unknown to the other one. */
static bool
is_known(int place, bool newer)
{
	if (place == PERSONIUM_REQUEST_OBJECTS)
		return newer;
	if (place == PERSONIUM_REQUEST_RELATION || place == PERSONIUM_REQUEST_TARGET)
		return !newer;
	return true;
}

static bool
refuse_member(const char *name, int place, MsgError *error)
{
	static const char *const forbidden[] = {"__metadata", "__published", "__updated"};
	size_t i;

	if (strcmp(name, "__id") == 0)
		return msgext_error(error, "PR400-OD-0007", name,
							"must not be given: the message's own key is sent there");
	for (i = 0; i < lengthof(forbidden); i++)
	{
		if (strcmp(name, forbidden[i]) == 0)
			return msgext_error(error, "PR400-OD-0007", name,
								"must not be given: the server sets it");
	}
	if (place < PERSONIUM_MEMBERS)
		return msgext_error(error, "PR400-OD-0014", name,
							"is not a member of a message of this server's generation");
	return msgext_error(error, "PR400-OD-0014", name, "is not a member of a message");
}

/*
 * Sorts the members; null is the same as absent ("null" in the column of valid values).
 */
static bool
sort_members(const MsgJson *message, bool newer, const MsgJson **members, MsgError *error)
{
	const MsgJson *member;

	memset(members, 0, PERSONIUM_MEMBERS * sizeof(*members));
	if (!msgext_json_is(message, MSG_JSON_OBJECT))
		return msgext_error(error, "PR400-OD-0001", "", "the message must be an object");
	for (member = message->first; member != NULL; member = member->next)
	{
		int place = 0;

		while (place < PERSONIUM_MEMBERS && !msgext_json_is_named(member, names[place]))
			place++;
		if (place == PERSONIUM_MEMBERS || !is_known(place, newer))
			return refuse_member(member->name, place, error);
		members[place] = member->type != MSG_JSON_NULL ? member : NULL;
	}
	return true;
}

static bool
check_string(const MsgJson *node, int place, MsgError *error)
{
	if (node != NULL && node->type != MSG_JSON_STRING)
		return msgext_personium_wrong_type(error, names[place], "a string");
	return true;
}

/* The server's pattern ends at each of these, though the page does not say so. */
static bool
has_line_break(const char *text, size_t len)
{
	static const char *const breaks[] = {"\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"};
	size_t at;
	size_t i;

	for (at = 0; at < len; at++)
	{
		if (text[at] == '\n' || text[at] == '\r')
			return true;
		for (i = 0; i < 3; i++)
		{
			size_t bytes = strlen(breaks[i]);

			if (len - at >= bytes && memcmp(text + at, breaks[i], bytes) == 0)
				return true;
		}
	}
	return false;
}

static bool
check_texts(const MsgJson *const *members, MsgError *error)
{
	const MsgJson *reply = members[PERSONIUM_IN_REPLY_TO];
	const MsgJson *title = members[PERSONIUM_TITLE];
	const MsgJson *body = members[PERSONIUM_BODY];

	if (!check_string(reply, PERSONIUM_IN_REPLY_TO, error) ||
		!check_string(title, PERSONIUM_TITLE, error) ||
		!check_string(body, PERSONIUM_BODY, error))
		return false;
	if (reply != NULL && (msgext_utf8_count(reply->text, reply->len) != REPLY_LEN ||
						  has_line_break(reply->text, reply->len)))
		return msgext_error(error, "PR400-OD-0006", "InReplyTo",
							"must be a message's id, exactly %d characters", REPLY_LEN);
	if (title != NULL && msgext_utf8_count(title->text, title->len) > TITLE_MAX)
		return msgext_error(error, "PR400-OD-0006", "Title",
							"must have at most %d characters", TITLE_MAX);
	if (title != NULL && has_line_break(title->text, title->len))
		return msgext_error(error, "PR400-OD-0006", "Title",
							"must not contain a line break");
	if (body != NULL && body->len > BODY_MAX)
		return msgext_error(error, "PR400-OD-0006", "Body",
							"must have at most %d bytes in UTF-8", BODY_MAX);
	return true;
}

static bool
check_plain(const MsgJson *const *members, MsgError *error)
{
	const MsgJson *bound = members[PERSONIUM_BOX_BOUND];
	const MsgJson *priority = members[PERSONIUM_PRIORITY];
	int64_t value;

	if (bound != NULL && bound->type != MSG_JSON_BOOL)
		return msgext_personium_wrong_type(error, "BoxBound", "true or false");
	if (priority != NULL && priority->type != MSG_JSON_NUMBER)
		return msgext_personium_wrong_type(error, "Priority", "a number");
	if (priority != NULL &&
		(!msgext_json_int64(priority, false, &value) || value < 1 || value > 5))
		return msgext_error(error, "PR400-OD-0006", "Priority",
							"must be a whole number from 1 to 5");
	return true;
}

static bool
check_targets(MsgArena *arena, const MsgJson *const *members, bool newer,
			  PersoniumCells *cells, MsgError *error)
{
	const MsgJson *to = members[PERSONIUM_TO];
	const MsgJson *relation = members[PERSONIUM_TO_RELATION];

	cells->n = 0;
	if (to == NULL && relation == NULL)
		return msgext_error(error, "PR400-OD-0009", "To",
							"is missing, and so is ToRelation: one of them is needed");
	if (!check_string(to, PERSONIUM_TO, error) ||
		!check_string(relation, PERSONIUM_TO_RELATION, error))
		return false;
	if (relation != NULL && !msgext_personium_is_relation(relation->text, relation->len))
		return msgext_error(error, "PR400-OD-0006", "ToRelation",
							"must be 1 to 128 letters, digits and -_+:, and begin with "
							"neither _ nor :");
	return to == NULL || msgext_personium_read_to(arena, to, newer, cells, error);
}

static void
put(MsgBuf *out, const char *name, const MsgJson *value, const char *fallback)
{
	if (value == NULL && fallback == NULL)
		return;
	msgext_buf_puts(out, out->len == 0 ? "{\"" : ",\"");
	msgext_buf_puts(out, name);
	msgext_buf_puts(out, "\":");
	if (value != NULL)
		msgext_json_write(out, value);
	else
		msgext_buf_puts(out, fallback);
}

static void
put_cells(MsgBuf *out, const PersoniumCells *cells)
{
	int i;

	for (i = 0; i < cells->n; i++)
	{
		msgext_buf_puts(out, i > 0 ? "," : "");
		msgext_buf_puts(out, cells->urls[i]);
	}
}

bool
msgext_personium_prepare(MsgArena *arena, const MsgConn *conn, const MsgPayload *payload,
						 MsgFragment *fragment, MsgError *error)
{
	bool newer = strcmp(msgext_conn_option(conn, "generation"), "1.6") == 0;
	const MsgJson *members[PERSONIUM_MEMBERS];
	PersoniumCells cells;
	MsgBuf to;
	MsgBuf out;

	if (payload->nparts > 0)
		return msgext_error(error, "", "parts",
							"must not be given: this provider has none");
	if (!sort_members(payload->message, newer, members, error) ||
		!check_plain(members, error) ||
		!check_targets(arena, members, newer, &cells, error) ||
		!check_texts(members, error) || !msgext_personium_typed(members, newer, error))
		return false;

	msgext_buf_init(&out, arena, 512);
	put(&out, "BoxBound", members[PERSONIUM_BOX_BOUND], "false");
	put(&out, "InReplyTo", members[PERSONIUM_IN_REPLY_TO], NULL);
	if (cells.n > 0)
	{
		msgext_buf_init(&to, arena, members[PERSONIUM_TO]->len + 1);
		put_cells(&to, &cells);
		put(&out, "To", msgext_json_string(arena, to.data, to.len), NULL);
	}
	put(&out, "ToRelation", members[PERSONIUM_TO_RELATION], NULL);
	put(&out, "Type", members[PERSONIUM_TYPE], "\"message\"");
	put(&out, "Title", members[PERSONIUM_TITLE], "\"\"");
	put(&out, "Body", members[PERSONIUM_BODY], "\"\"");
	put(&out, "Priority", members[PERSONIUM_PRIORITY], "3");
	put(&out, "RequestRelation", members[PERSONIUM_REQUEST_RELATION], NULL);
	put(&out, "RequestRelationTarget", members[PERSONIUM_REQUEST_TARGET], NULL);
	put(&out, "RequestObjects", members[PERSONIUM_REQUEST_OBJECTS], NULL);
	msgext_buf_putc(&out, '}');
	if (out.len > FRAGMENT_MAX)
		return msgext_error(error, "", "", "the message has more than %d bytes",
							FRAGMENT_MAX);
	memset(fragment, 0, sizeof(*fragment));
	fragment->bytes = out.data;
	fragment->len = out.len;
	return true;
}
