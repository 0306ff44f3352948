/*
 * push.c
 *		Pushes: whose they are, and by which id a repeat is known.
 *
 * Owns what a push is called in msgext.inbox. Whether it is genuine is verify.c's.
 */
#include "providers/webhook/webhook.h"

#include <string.h>

#include "core/sha256.h"
#include "core/utf8.h"

#define ID_MAX_LEN 255
#define TYPE_MAX_LEN 255
#define CHALLENGE_MAX_LEN 1024

#define UNAUTHORIZED 401

static const char *
text_of(const MsgJson *node, const char *name)
{
	const MsgJson *member = msgext_json_get(node, name);

	return msgext_json_is(member, MSG_JSON_STRING) && member->len > 0 &&
				   strlen(member->text) == member->len
			   ? member->text
			   : NULL;
}

/* What has no id is known again by what it says. */
static const char *
digest_of(MsgArena *arena, const MsgInbound *inbound)
{
	char *text = msgext_alloc(arena, MSG_SHA256_HEX + 1);

	msgext_sha256_hex(inbound->body, inbound->body_len, text);
	return text;
}

/* Slack asks once, when its address is entered: the answer is what it asked with. */
static bool
answer_challenge(const MsgJson *body, MsgPushed *pushed)
{
	const char *type = text_of(body, "type");
	const char *challenge = text_of(body, "challenge");

	if (type == NULL || strcmp(type, "url_verification") != 0 || challenge == NULL ||
		strlen(challenge) > CHALLENGE_MAX_LEN)
		return false;
	pushed->answer = challenge;
	pushed->answer_type = "text/plain; charset=utf-8";
	return true;
}

static void
name_push(MsgArena *arena, const MsgInbound *inbound, const char *scheme,
		  const MsgJson *body, MsgPushed *pushed)
{
	if (strcmp(scheme, "github") == 0)
	{
		pushed->inbox_id = msgext_inbound_header(arena, inbound, "x-github-delivery");
		pushed->inbox_type = msgext_inbound_header(arena, inbound, "x-github-event");
	}
	else if (strcmp(scheme, "slack") == 0)
	{
		const MsgJson *event = msgext_json_get(body, "event");

		pushed->inbox_id = text_of(body, "event_id");
		pushed->inbox_type = text_of(event, "type");
		if (pushed->inbox_type == NULL)
			pushed->inbox_type = text_of(body, "type");
	}
	else
	{
		pushed->inbox_id = msgext_inbound_header(arena, inbound, "webhook-id");
		pushed->inbox_type = text_of(body, "type");
	}
	if (pushed->inbox_id == NULL || *pushed->inbox_id == '\0')
		pushed->inbox_id = digest_of(arena, inbound);
}

static bool
is_text(const char *text, size_t max)
{
	const char *end = text + strlen(text);

	if ((size_t) (end - text) > max)
		return false;
	while (text < end)
	{
		size_t len = msgext_utf8_char(text, end);

		if (len == 0 || (unsigned char) *text < 0x20 || *text == 0x7f)
			return false;
		text += len;
	}
	return true;
}

bool
msgext_webhook_parse_callback(MsgArena *arena, const MsgConn *conn,
							  const MsgInbound *inbound, MsgPushed *pushed,
							  MsgError *error)
{
	const char *scheme = msgext_conn_option(conn, "callback_signature");
	MsgError unread;
	const MsgJson *body;

	/* There are no reports in it, for which it would be read again. */
	if (inbound->now_us == 0)
		return true;
	if (scheme == NULL)
		scheme = "standard";
	if (!msgext_webhook_verify(arena, inbound, scheme, error))
	{
		pushed->status = UNAUTHORIZED;
		return false;
	}
	body = msgext_json_parse(arena, inbound->body, inbound->body_len, &msgext_json_strict,
							 &unread);
	if (strcmp(scheme, "slack") == 0 && answer_challenge(body, pushed))
		return true;
	name_push(arena, inbound, scheme, body, pushed);
	if (!is_text(pushed->inbox_id, ID_MAX_LEN))
		return msgext_error(error, "", "", "its id is not a text of up to %d bytes",
							ID_MAX_LEN);
	if (pushed->inbox_type != NULL && !is_text(pushed->inbox_type, TYPE_MAX_LEN))
		pushed->inbox_type = NULL;
	return true;
}
