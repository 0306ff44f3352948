/*
 * callback.c
 *		Statuses that the provider pushes: a packet with the answer to a question that
 *		nobody asked, or the request that says the same.
 *
 * Owns the names of such packets. Nothing in them proves who sent them: whether a
 * providerId is one of ours is for the engine to ask.
 */
#include "providers/edna/edna.h"

#include <stdlib.h>

#include "core/lengthof.h"
#include "providers/edna/answer.h"

static bool
is_push(const EdnaPacket *packet)
{
	/* The last two are one message of a push, as it is kept. */
	static const char *const names[] = {"provideOutMessageDlvStatusResponse",
										"provideInstantMessageDlvStatusResponse",
										"consumeOutMessageDlvStatusRequest",
										"consumeInstantMessageDlvStatusRequest",
										"outMessage",
										"instantMessage"};
	size_t i;

	for (i = 0; i < lengthof(names); i++)
	{
		if (msgext_xml_is(packet->root, names[i]))
			return true;
	}
	return false;
}

/* What is said of one message; NULL when it lacks an id or a status. */
static MsgEvent *
read_entry(MsgArena *arena, const MsgConn *conn, const MsgInbound *inbound,
		   const MsgXml *entry)
{
	const char *id = msgext_edna_provider_id(arena, entry);
	const char *code = msgext_edna_entry_code(arena, entry);
	MsgEvent *event;

	if (id == NULL || (code != NULL && msgext_edna_code(code) != EDNA_OK))
		return NULL;
	event = msgext_edna_event(arena, conn, inbound->body, entry);
	if (event != NULL)
		event->provider_id = id;
	return event;
}

/* Oldest first; what has no time stays in front, and equals as they stood. */
static int
compare_events(const void *a, const void *b)
{
	const MsgEvent *left = *(MsgEvent *const *) a;
	const MsgEvent *right = *(MsgEvent *const *) b;

	if (left->at_us != right->at_us)
		return left->at_us < right->at_us ? -1 : 1;
	return left->raw < right->raw ? -1 : 1;
}

bool
msgext_edna_parse_callback(MsgArena *arena, const MsgConn *conn,
						   const MsgInbound *inbound, MsgPushed *pushed, MsgError *error)
{
	EdnaPacket packet;
	MsgEvent **link = &pushed->events;
	MsgEvent **sorted;
	int n = 0;
	int i;

	if (!msgext_edna_open(arena, inbound->body, inbound->body_len, &packet, error))
		return false;
	if (!is_push(&packet))
		return msgext_error(error, "", "", "the packet does not tell statuses");
	if (packet.code != NULL && msgext_edna_code(packet.code) != EDNA_OK)
		return msgext_error(error, "", "payload/code", "the packet tells an error");

	/* One bad message must not cost the good ones. */
	sorted = msgext_alloc(arena, ((size_t) packet.count + 1) * sizeof(MsgEvent *));
	for (i = 0; i < packet.count; i++)
	{
		sorted[n] = read_entry(arena, conn, inbound, packet.entries[i]);
		n += sorted[n] != NULL;
	}
	if (n == 0 && packet.count > 0)
		return msgext_error(error, "", "",
							"no message has both a providerId and a status");
	qsort(sorted, (size_t) n, sizeof(MsgEvent *), compare_events);
	for (i = 0; i < n; i++)
	{
		*link = sorted[i];
		link = &sorted[i]->next;
	}
	return true;
}
