/*
 * answer.c
 *		Packets that come in: see answer.h.
 *
 * Two different elements are called "code", the packet's and each message's: both are
 * taken by their path, and never from further below.
 */
#include "providers/edna/answer.h"

#include <string.h>

#include "core/ascii.h"
#include "core/lengthof.h"
#include "core/timestamp.h"
#include "providers/edna/edna.h"

/* The longest that is kept; the ones known have under twenty digits. */
#define ID_MAX 200

/*
 * Codes without "error-" and, where they have it, "out-message-" or "instant-message-":
 * the families of packets differ in nothing else. Compared as a whole, in whatever case:
 * error-system is a passing fault, error-system-blocked is not. What is not here is a
 * refusal for good.
 */
static const struct
{
	const char *word;
	EdnaCode meaning;
} codes[] = {
	{"system", EDNA_RETRY},
	{"client-id-not-unique", EDNA_DUPLICATE},
	{"id-not-unique", EDNA_DUPLICATE},
	{"provider-id-unknown", EDNA_UNKNOWN_ID},
	{"auth", EDNA_PAUSE_ACCOUNT},
	{"unauthorized", EDNA_PAUSE_ACCOUNT},
	{"permission", EDNA_PAUSE},
	{"account-locked", EDNA_PAUSE_ACCOUNT},
	{"system-blocked", EDNA_PAUSE},
	{"insufficient-balance", EDNA_PAUSE},
};

/* "dlvStatus" */
static const struct
{
	const char *word;
	MsgState state;
} statuses[] = {
	{"enqueued", MSG_ACCEPTED},
	{"delayed", MSG_ACCEPTED},
	{"sent", MSG_SENT},
	{"delivered", MSG_DELIVERED},
	{"read", MSG_READ},
	{"undelivered", MSG_UNDELIVERED},
	{"expired", MSG_EXPIRED},
	{"failed", MSG_FAILED},
	{"no-match-template", MSG_FAILED},
	{"cancelled", MSG_CANCELLED},
};

const char *
msgext_edna_word(MsgState state)
{
	size_t i;

	for (i = 0; i < lengthof(statuses); i++)
	{
		if (statuses[i].state == state)
			return statuses[i].word;
	}
	return NULL;
}

/* The one child of that name; NULL also when there are two to choose from. */
static const MsgXml *
only_child(const MsgXml *node, const char *name)
{
	const MsgXml *child = msgext_xml_child(node, name);
	const MsgXml *other;

	for (other = child != NULL ? child->next : NULL; other != NULL; other = other->next)
	{
		if (msgext_xml_is(other, name))
			return NULL;
	}
	return child;
}

static bool
is_entry(const MsgXml *node)
{
	return msgext_xml_is(node, "outMessage") || msgext_xml_is(node, "instantMessage");
}

static bool
is_list(const MsgXml *node)
{
	return msgext_xml_is(node, "outMessageList") ||
		   msgext_xml_is(node, "instantMessageList");
}

/* "payload/outMessageList/outMessage", and the same of the packets for messengers. */
static void
list_entries(MsgArena *arena, const MsgXml *payload, EdnaPacket *packet)
{
	const MsgXml *list;
	const MsgXml *entry;
	int room = 0;

	for (list = payload->first; list != NULL; list = list->next)
		room += is_list(list) ? list->count : 0;
	packet->entries = msgext_alloc(arena, ((size_t) room + 1) * sizeof(MsgXml *));
	for (list = payload->first; list != NULL; list = list->next)
	{
		for (entry = is_list(list) ? list->first : NULL; entry != NULL;
			 entry = entry->next)
		{
			if (is_entry(entry))
				packet->entries[packet->count++] = entry;
		}
	}
}

bool
msgext_edna_open(MsgArena *arena, const char *body, size_t len, EdnaPacket *packet,
				 MsgError *error)
{
	const MsgXml *payload;
	const MsgXml *code;

	memset(packet, 0, sizeof(*packet));
	packet->root = msgext_xml_parse(arena, body, len, &msgext_xml_usual, error);
	if (packet->root == NULL)
		return false;

	/* One message out of a packet: a push is kept message by message. */
	if (is_entry(packet->root))
	{
		packet->entries = msgext_alloc(arena, sizeof(MsgXml *));
		packet->entries[packet->count++] = packet->root;
		return true;
	}
	payload = only_child(packet->root, "payload");
	if (payload == NULL)
		return msgext_error(error, "", "payload", "the packet has not one payload");
	code = only_child(payload, "code");
	packet->code = msgext_xml_text(arena, code);
	if (packet->code != NULL)
	{
		packet->code_start = code->start;
		packet->code_len = code->end - code->start;
	}
	list_entries(arena, payload, packet);
	return true;
}

static bool
ends_with(const char *text, const char *suffix)
{
	size_t len = strlen(text);
	size_t suffix_len = strlen(suffix);

	return len >= suffix_len &&
		   msgext_ascii_same(text + len - suffix_len, suffix_len, suffix);
}

static const char *
without(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strlen(text) >= len && msgext_ascii_same(text, len, prefix) ? text + len
																	   : text;
}

EdnaCode
msgext_edna_code(const char *code)
{
	const char *word = without(code, "error-");
	size_t i;

	if (msgext_ascii_same(code, strlen(code), "ok"))
		return EDNA_OK;
	if (word == code)
		return EDNA_REJECTED;
	word = without(without(word, "out-message-"), "instant-message-");
	for (i = 0; i < lengthof(codes); i++)
	{
		if (msgext_ascii_same(word, strlen(word), codes[i].word))
			return codes[i].meaning;
	}
	if (ends_with(word, "-format") || ends_with(word, "-not-specified") ||
		msgext_ascii_same(word, strlen(word), "syntax"))
		return EDNA_MALFORMED;
	return EDNA_REJECTED;
}

bool
msgext_edna_is_general(EdnaCode code)
{
	return code == EDNA_RETRY || code == EDNA_PAUSE || code == EDNA_PAUSE_ACCOUNT;
}

const char *
msgext_edna_entry_code(MsgArena *arena, const MsgXml *entry)
{
	return msgext_xml_text(arena, only_child(entry, "code"));
}

const char *
msgext_edna_provider_id(MsgArena *arena, const MsgXml *entry)
{
	const char *id = msgext_xml_attribute(arena, entry, "providerId");
	const char *c;

	for (c = id; c != NULL && *c != '\0'; c++)
	{
		if (*c <= ' ' || *c > '~' || c - id == ID_MAX)
			return NULL;
	}
	return id;
}

int
msgext_edna_find(const MsgJob *jobs, int n, int hint, const char *id, bool by_provider_id)
{
	int i;

	for (i = 0; i < n; i++)
	{
		int at = (hint + i) % n;
		const char *own = by_provider_id ? jobs[at].provider_id : jobs[at].key;

		if (own != NULL && strcmp(own, id) == 0)
			return at;
	}
	return -1;
}

/*
 * "outMessageDlvStatus" with "dlvStatus" and "dlvStatusAt". Where "dlvError" stands is
 * said differently, so all three are looked for anywhere below the message.
 */
MsgEvent *
msgext_edna_event(MsgArena *arena, const MsgConn *conn, const char *body,
				  const MsgXml *entry)
{
	const char *status = msgext_xml_text(arena, msgext_xml_find(entry, "dlvStatus"));
	const char *at = msgext_xml_text(arena, msgext_xml_find(entry, "dlvStatusAt"));
	const char *why = msgext_xml_text(arena, msgext_xml_find(entry, "dlvError"));
	MsgEvent *event;
	size_t i;

	if (status == NULL)
		return NULL;
	event = msgext_alloc0(arena, sizeof(*event));
	event->status = status;

	/* A word that is not documented: the provider has it, more nobody can say. */
	event->state = MSG_ACCEPTED;
	for (i = 0; i < lengthof(statuses); i++)
	{
		if (msgext_ascii_same(status, strlen(status), statuses[i].word))
			event->state = statuses[i].state;
	}
	if (msgext_state_is_final(event->state) && event->state != MSG_DELIVERED &&
		event->state != MSG_READ)
		event->error = why;
	if (at == NULL ||
		!msgext_timestamp_parse(at, strlen(at), msgext_conn_offset(conn), &event->at_us))
		event->at_us = 0;
	event->raw = body + entry->start;
	event->raw_len = entry->end - entry->start;
	return event;
}
