/*
 * callback.c
 *		Callbacks: lists of status changes that the provider posts ("Получение статуса
 *		сообщения с помощью Callback-запросов").
 *
 * Owns the shape of such a list. Nothing in it proves who sent it: whether an id is one
 * of ours is for the engine to ask. SMS never appear here, says the document.
 */
#include "providers/devino/devino.h"

#include <string.h>

#include "providers/devino/answer.h"

/* One status change; NULL when it lacks an id or a status. */
static MsgEvent *
read_change(MsgArena *arena, const MsgConn *conn, const MsgInbound *inbound,
			const MsgJson *node)
{
	const char *id =
		msgext_devino_id(arena, msgext_devino_any(node, msgext_devino_id_names));
	MsgEvent *event = msgext_devino_event(arena, conn, node, NULL);

	if (id == NULL || event == NULL)
		return NULL;
	event->provider_id = id;
	event->raw = inbound->body + node->start;
	event->raw_len = node->end - node->start;
	return event;
}

bool
msgext_devino_parse_callback(MsgArena *arena, const MsgConn *conn,
							 const MsgInbound *inbound, MsgPushed *pushed,
							 MsgError *error)
{
	const MsgJson *root =
		msgext_devino_read(arena, inbound->body, inbound->body_len, error);
	const MsgJson *node = root;
	MsgEvent **link = &pushed->events;

	if (root == NULL)
		return false;
	if (root->type == MSG_JSON_ARRAY)
		node = root->first;
	if (node == NULL)
		return true;

	/* The provider repeats the whole list for a day: one bad element must not cost the
	 * good ones. */
	for (; node != NULL; node = node != root ? node->next : NULL)
	{
		MsgEvent *event = read_change(arena, conn, inbound, node);

		if (event == NULL)
			continue;
		*link = event;
		link = &event->next;
	}
	if (pushed->events == NULL)
		return msgext_error(error, "", "", "no element has both an id and a status");
	return true;
}
