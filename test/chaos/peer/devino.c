/*
 * devino.c
 *		Its Devino: one message a request, statuses pushed or asked for.
 */
#include <stdio.h>
#include <string.h>

#include "peer.h"

void
devino_send(Connection *c, const char *server, const char *body)
{
	char tag[64];
	char text[256];
	Taken *taken;

	if (body[0] != '{' ||
		!between(body, "\"templateData\":{\"tag\":\"", "\"", tag, sizeof(tag)))
	{
		enter("B %.200s", body);
		answer(c, 400, "", "text/plain", "");
		return;
	}
	if (turn_away(c, server, tag))
		return;
	if (is_refused(tag))
	{
		enter("J %s %s", server, tag);
		answer_taken(c, "application/json",
					 "{\"code\":\"ok\",\"description\":\"\","
					 "\"result\":{\"code\":\"phone_invalid\"}}");
		return;
	}
	taken = take("", tag, NULL);
	enter("A %s %s - %s %s", server, tag, taken->id, fault_names[c->fault]);
	if (strcmp(server, "vk") == 0)
	{
		int64_t now = now_ms();

		report(taken, "SENT", now + random_below(60));
		report(taken,
			   strcmp(last_status(taken), "delivered") == 0 ? "DELIVERED" : "UNDELIVERED",
			   now + random_below(120));
	}
	snprintf(text, sizeof(text),
			 "{\"code\":\"ok\",\"description\":\"\",\"result\":{\"code\":\"ok\","
			 "\"messageId\":%s}}",
			 taken->id);
	answer_taken(c, "application/json", text);
}

void
devino_status(Connection *c, const char *query)
{
	char at[32];
	char text[256];
	Taken *taken = find_id(query);

	format_time(at, sizeof(at));
	if (taken == NULL)
	{
		enter("B status of %.50s, which nobody has", query);
		answer(c, 200, "", "application/json",
			   "{\"code\":\"ok\",\"result\":{\"code\":\"unknown_message_id\"}}");
		return;
	}
	snprintf(text, sizeof(text),
			 "{\"code\":\"ok\",\"result\":{\"providerId\":%s,\"code\":\"ok\","
			 "\"status\":\"%s\",\"statusAt\":\"%s\"}}",
			 taken->id, taken->asked++ == 0 ? "sent" : last_status(taken), at);
	answer_taken(c, "application/json", text);
}
