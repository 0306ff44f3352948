/*
 * edna.c
 *		Its edna: packets of many messages, each clientId taken once.
 */
#include <stdlib.h>
#include <string.h>

#include "peer.h"

void
edna_send(Connection *c, const char *body)
{
	const char *at = body;
	char key[64];
	char tag[64];
	Text text = {0};

	if (c->fault == BUSY || c->fault == LIMITED)
	{
		turn_away(c, "edna", "packet");
		return;
	}
	print(&text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><consumeOutMessageResponse>"
				 "<header/><payload><code>ok</code><outMessageList>");
	while ((at = strstr(at, "<outMessage clientId=\"")) != NULL)
	{
		Taken *taken;

		if (!between(at, "clientId=\"", "\"", key, sizeof(key)) ||
			!between(at, "<content>", "</content>", tag, sizeof(tag)))
		{
			enter("B packet %.200s", at);
			break;
		}
		at++;
		taken = find_key(key);
		if (taken != NULL && strcmp(taken->tag, tag) != 0)
			enter("B clientId %s of %s for %s too", key, taken->tag, tag);
		if (taken != NULL && c->fault == REFUSED)
		{
			enter("D edna %s %s %s refused", tag, key, taken->id);
			print(&text,
				  "<outMessage "
				  "clientId=\"%s\"><code>error-address-format</code></outMessage>",
				  key);
		}
		else if (taken != NULL)
		{
			enter("D edna %s %s %s %s", tag, key, taken->id, fault_names[c->fault]);
			print(&text,
				  "<outMessage clientId=\"%s\" providerId=\"%s\">"
				  "<code>error-out-message-client-id-not-unique</code></outMessage>",
				  key, taken->id);
		}
		else if (is_refused(tag))
		{
			enter("J edna %s", tag);
			print(&text,
				  "<outMessage "
				  "clientId=\"%s\"><code>error-address-format</code></outMessage>",
				  key);
		}
		else
		{
			taken = take("e", tag, key);
			enter("A edna %s %s %s %s", tag, key, taken->id, fault_names[c->fault]);
			print(&text,
				  "<outMessage clientId=\"%s\" "
				  "providerId=\"%s\"><code>ok</code></outMessage>",
				  key, taken->id);
		}
	}
	print(&text, "</outMessageList></payload></consumeOutMessageResponse>");
	answer_taken(c, "text/xml", text.bytes);
	free(text.bytes);
}

void
edna_status(Connection *c, const char *body)
{
	const char *at = body;
	char id[64];
	char when[32];
	Text text = {0};

	format_time(when, sizeof(when));
	print(&text, "<provideOutMessageDlvStatusResponse><header/><payload><code>ok</code>"
				 "<outMessageList>");
	while ((at = strstr(at, "<outMessage providerId=\"")) != NULL)
	{
		Taken *taken;

		if (!between(at, "providerId=\"", "\"", id, sizeof(id)))
			break;
		at++;
		taken = find_id(id);
		if (taken == NULL)
		{
			enter("B status of %s, which nobody has", id);
			continue;
		}
		print(
			&text,
			"<outMessage providerId=\"%s\"><code>ok</code><outMessageDlvStatus>"
			"<dlvStatus>%s</dlvStatus><dlvStatusAt>%s</dlvStatusAt></outMessageDlvStatus>"
			"</outMessage>",
			id, taken->asked++ == 0 ? "sent" : last_status(taken), when);
	}
	print(&text, "</outMessageList></payload></provideOutMessageDlvStatusResponse>");
	answer_taken(c, "text/xml", text.bytes);
	free(text.bytes);
}
