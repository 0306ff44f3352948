/*
 * scrub.c
 *		Hides our own secrets in whatever a provider may have echoed: see scrub.h.
 */
#include "postgres.h"

#include "pg/engine/scrub.h"

void
msgext_scrub_secrets(MsgFlight *flight)
{
	const char **own = flight->account->secrets;
	const char **list;
	int n = 0;

	while (own[n] != NULL)
		n++;
	list = msgext_alloc(flight->arena, (n + 3) * sizeof(char *));
	memcpy(list, own, n * sizeof(char *));
	if (flight->conn.session != NULL)
		list[n++] = flight->conn.session->token;
	if (flight->kind == MSG_FLIGHT_LOGIN && flight->refresh_token != NULL)
		list[n++] = flight->refresh_token;
	list[n] = NULL;
	msgext_secrets_init(&flight->secrets, flight->arena, list);
}

static void
hide_secrets(const MsgFlight *flight, char *bytes, size_t len)
{
	msgext_mask(bytes, len, &flight->secrets);
}

static const char *
scrubbed(const MsgFlight *flight, const char *text)
{
	char *copy;

	if (text == NULL)
		return NULL;
	copy = msgext_strdup(flight->arena, text);
	hide_secrets(flight, copy, strlen(copy));
	return copy;
}

/* A part that points into the answer is scrubbed with that. */
static const char *
scrubbed_part(const MsgFlight *flight, const char *answer, const char *part, size_t len)
{
	char *copy;

	if (part == NULL || (part >= answer && part < answer + flight->answer_len))
		return part;
	copy = msgext_strndup(flight->arena, part, len);
	hide_secrets(flight, copy, len);
	return copy;
}

/* Does the codec need this member for the next request? Then it stays as it is. */
static bool
is_memory(const MsgFlight *flight, const char *name)
{
	const char *const *member = flight->server->provider->memory;

	for (; member != NULL && *member != NULL; member++)
		if (name != NULL && strcmp(*member, name) == 0)
			return true;
	return false;
}

/* What goes into the message's detail. */
static void
scrub_detail(const MsgFlight *flight, MsgJson *node)
{
	MsgJson *member;

	if (node->type == MSG_JSON_STRING)
	{
		node->text = msgext_strndup(flight->arena, node->text, node->len);
		hide_secrets(flight, (char *) node->text, node->len);
	}
	for (member = node->first; member != NULL; member = member->next)
		if (!is_memory(flight, member->name))
			scrub_detail(flight, member);
}

void
msgext_scrub(MsgFlight *flight, char *answer)
{
	int i;

	msgext_scrub_secrets(flight);

	/* A login's answer is a secret as a whole, and is kept nowhere. */
	if (flight->kind == MSG_FLIGHT_LOGIN)
	{
		flight->login_answer.text = scrubbed(flight, flight->login_answer.text);
		flight->login_answer.code = scrubbed(flight, flight->login_answer.code);
		return;
	}
	hide_secrets(flight, answer, flight->answer_len);
	for (i = 0; i < flight->n; i++)
	{
		MsgOutcome *outcome = &flight->outcomes[i];
		MsgEvent *event;

		outcome->text = scrubbed(flight, outcome->text);
		outcome->code = scrubbed(flight, outcome->code);
		outcome->raw = scrubbed_part(flight, answer, outcome->raw, outcome->raw_len);
		if (outcome->detail != NULL)
			scrub_detail(flight, outcome->detail);
		if (outcome->headers != NULL)
			scrub_detail(flight, outcome->headers);
		for (event = outcome->events; event != NULL; event = event->next)
		{
			event->status = scrubbed(flight, event->status);
			event->code = scrubbed(flight, event->code);
			event->error = scrubbed(flight, event->error);
			event->raw = scrubbed_part(flight, answer, event->raw, event->raw_len);
			if (event->detail != NULL)
				scrub_detail(flight, event->detail);
		}
	}
}
