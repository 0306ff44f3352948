/*
 * answer.c
 *		Reading answers, and the table of what each error means: see answer.h.
 */
#include "providers/personium/answer.h"

#include <string.h>

#include "core/verdict.h"
#include "providers/personium/delivery.h"
#include "providers/personium/personium.h"

#define CODE_MAX 64
#define TEXT_MAX 2000

/* The end of the year 9999. */
#define PUBLISHED_MAX_MS INT64_C(253402300799999)

/* Control characters come escaped, U+0000 too: text of a table and a log has none. */
const char *
msgext_personium_text(MsgArena *arena, const MsgJson *node, size_t max)
{
	size_t len;
	char *text;
	size_t i;

	if ((!msgext_json_is(node, MSG_JSON_STRING) &&
		 !msgext_json_is(node, MSG_JSON_NUMBER)) ||
		node->len == 0)
		return NULL;
	len = node->len;
	if (len > max)
	{
		/* Not through the middle of a character. */
		for (len = max; len > 0 && ((unsigned char) node->text[len] & 0xC0) == 0x80;
			 len--)
			;
	}
	text = msgext_strndup(arena, node->text, len);
	for (i = 0; i < len; i++)
	{
		if ((unsigned char) text[i] < ' ' || text[i] == 0x7F)
			text[i] = ' ';
	}
	return text;
}

/*
 * {"code": …, "message": {"lang": …, "value": …}}, or {"d": {"results": …}}: "array" in
 * the table of message/send, an object in its sample and in what servers send.
 */
bool
msgext_personium_answer(MsgArena *arena, const MsgReply *reply, PersoniumAnswer *answer,
						MsgError *error)
{
	const MsgJson *json;
	const MsgJson *message;

	memset(answer, 0, sizeof(*answer));
	json = msgext_json_parse(arena, reply->body, reply->body_len,
							 &msgext_personium_limits, error);
	if (json == NULL)
		return false;
	answer->code = msgext_personium_text(arena, msgext_json_get(json, "code"), CODE_MAX);
	message = msgext_json_get(json, "message");
	if (msgext_json_is(message, MSG_JSON_OBJECT))
		message = msgext_json_get(message, "value");
	answer->text = msgext_personium_text(arena, message, TEXT_MAX);
	answer->stored = msgext_json_get(msgext_json_get(json, "d"), "results");
	if (msgext_json_is(answer->stored, MSG_JSON_ARRAY))
		answer->stored = answer->stored->first;
	if (!msgext_json_is(answer->stored, MSG_JSON_OBJECT))
		answer->stored = NULL;
	return true;
}

int64_t
msgext_personium_published(const MsgJson *stored)
{
	static const char before[] = "/Date(";
	const MsgJson *node = msgext_json_get(stored, "__published");
	const char *at;
	int64_t ms = 0;

	if (!msgext_json_is(node, MSG_JSON_STRING) ||
		strncmp(node->text, before, strlen(before)) != 0)
		return 0;
	for (at = node->text + strlen(before); *at >= '0' && *at <= '9'; at++)
	{
		ms = ms * 10 + (*at - '0');
		if (ms > PUBLISHED_MAX_MS)
			return 0;
	}
	return strcmp(at, ")/") == 0 ? ms * 1000 : 0;
}

/* The three digits of "PR400-OD-0006", or 0. */
static int
class_of(const char *code)
{
	int class = 0;
	int i;

	if (code == NULL || strncmp(code, "PR", 2) != 0)
		return 0;
	for (i = 2; i < 5; i++)
	{
		if (code[i] < '0' || code[i] > '9')
			return 0;
		class = class * 10 + (code[i] - '0');
	}
	return code[5] == '-' ? class : 0;
}

static MsgVerdict
coded_failure(int class, const char *code)
{
	switch (class)
	{
		case 401: /* PR401-AU-0001 to -0012: no, an old or another token */
			return MSG_VERDICT_RELOGIN;
		case 403: /* the privilege "message", or the scope */
		case 404: /* the sending cell */
			return MSG_VERDICT_PAUSE;
		case 408: /* PR408-MC-0001: the server lost patience with itself */
			return MSG_VERDICT_UNSURE;
		case 409: /* PR409-CM-0001: the cell is being imported or exported */
			return strncmp(code, "PR409-CM-", 9) == 0 ? MSG_VERDICT_RETRY
													  : MSG_VERDICT_REJECTED;
		case 429:
		case 503: /* PR503-SV-0001: too many requests; the others: maintenance */
			return MSG_VERDICT_RETRY;
	}

	/* PR500-SM-0001: the targets in front of the one that failed have the message. */
	return class >= 500 ? MSG_VERDICT_UNSURE : MSG_VERDICT_REJECTED;
}

/* "PR400-OD-0006: field format" and its neighbours; too many targets; no such cell. */
bool
msgext_personium_is_inherent(const char *code)
{
	return code != NULL &&
		   (strncmp(code, "PR400-OD-", 9) == 0 || strcmp(code, "PR400-SM-0003") == 0 ||
			strcmp(code, "400") == 0 || strcmp(code, "404") == 0);
}

MsgVerdict
msgext_personium_failure(const MsgConn *conn, const MsgReply *reply,
						 const PersoniumAnswer *answer)
{
	int class = class_of(answer->code);
	MsgVerdict verdict = class >= 400 ? coded_failure(class, answer->code)
									  : msgext_verdict_http(reply->status);

	if (verdict == MSG_VERDICT_RELOGIN && !msgext_personium_needs_login(conn))
		return MSG_VERDICT_PAUSE_ACCOUNT;
	return verdict;
}
