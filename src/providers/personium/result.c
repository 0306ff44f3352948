/*
 * result.c
 *		Reading the codes of single targets: see result.h.
 *
 * Owns the table of what each code means for its target. What the whole message becomes
 * is decode.c's and status.c's.
 */
#include "providers/personium/result.h"

#include <string.h>

#include "providers/personium/answer.h"

/* Of a thousand targets each, in a row of a table. */
#define CODE_MAX 32
#define REASON_MAX 200

/* Each is looked for among the targets: twice as many as there can be of these. */
#define ENTRIES_MAX (4 * PERSONIUM_TARGETS_MAX)

/* A cell that distrusts our unit (its certificate, its clock) may be mended, or not. */
#define DISTRUST_MAX 3

/*
 * A fresh id cannot be known to a receiver, unless an attempt under it was lost. 503 and
 * 429 say that it was not taken; of 408 and the other 5xx nobody knows (RFC 9110, 15.6);
 * nor of any where another request may have followed the one whose copy is stored.
 */
static void
decide(const PersoniumDelivery *delivery, PersoniumTarget *target, int64_t code)
{
	bool lost = delivery->job->maybe_sent || target->doubtful;

	target->repeated |= target->doubtful && delivery->resend;
	target->fate = PERSONIUM_FAILED;
	target->doubtful = false;
	if (code >= 200 && code < 300)
		target->fate = PERSONIUM_DELIVERED;
	else if (code == 409 && delivery->keyed && lost)
		target->fate = PERSONIUM_DELIVERED;
	else if (code == 401 && target->tries < DISTRUST_MAX)
		target->fate = PERSONIUM_WAITING;
	else if (code == 408 || code == 429 || (code >= 500 && code < 600))
	{
		target->fate = PERSONIUM_WAITING;
		target->doubtful =
			(code != 429 && code != 503) || (delivery->lookup != NULL && delivery->again);
		if (target->doubtful && !delivery->keyed && !delivery->resend)
			target->fate = PERSONIUM_UNKNOWN;
	}
}

static void
tell(const PersoniumDelivery *delivery, PersoniumTarget *target, const MsgJson *entry)
{
	const MsgJson *node = msgext_json_get(entry, "Code");
	const char *text = msgext_personium_text(delivery->arena, node, CODE_MAX);
	int64_t code;

	/* An entry without a code says nothing. */
	if (text == NULL || target->told || target->fate == PERSONIUM_DELIVERED)
		return;
	if (!msgext_json_int64(node, true, &code))
		code = 0;
	target->told = true;
	target->tries++;
	target->code = text;
	target->reason = msgext_personium_text(delivery->arena,
										   msgext_json_get(entry, "Reason"), REASON_MAX);
	decide(delivery, target, code);
}

/* A name that an answer gave goes into our tables and into our next request. */
static PersoniumTarget *
name_target(PersoniumDelivery *delivery, const char *url)
{
	const MsgSession *session = delivery->conn->session;

	if (!msgext_personium_is_cell(url, strlen(url), true) ||
		(session != NULL && strstr(url, session->token) != NULL))
		return NULL;
	return msgext_personium_add(delivery, url, strlen(url));
}

void
msgext_personium_result(PersoniumDelivery *delivery, const MsgJson *stored)
{
	const MsgJson *list = msgext_json_get(stored, "Result");
	const MsgJson *stray = NULL;
	PersoniumTarget *silent = NULL;
	const MsgJson *entry;
	int strays = 0;
	int silents = 0;
	int n = 0;
	int i;

	/* "Result: array"; a list of one may have lost its brackets as d.results has. */
	if (msgext_json_is(list, MSG_JSON_ARRAY))
		entry = list->first;
	else
		entry = msgext_json_is(list, MSG_JSON_OBJECT) ? list : NULL;
	for (; entry != NULL && n < ENTRIES_MAX; entry = entry != list ? entry->next : NULL)
	{
		const MsgJson *to = msgext_json_get(entry, "To");
		PersoniumTarget *target;
		const char *url;

		n++;
		if (!msgext_json_is(to, MSG_JSON_STRING) || to->len == 0)
			continue;
		url = msgext_personium_cell(delivery->arena, to->text, to->len);
		target = msgext_personium_find(delivery, url, strlen(url));
		if (target == NULL && delivery->named_by_answer)
			target = name_target(delivery, url);
		if (target != NULL)
			tell(delivery, target, entry);
		else
		{
			stray = entry;
			strays++;
			delivery->unnameable |= delivery->named_by_answer;
		}
	}

	/* One that was asked, one that was answered: the unit spells the cell another way. */
	for (i = 0; i < delivery->n; i++)
	{
		if (delivery->targets[i].asked && !delivery->targets[i].told)
		{
			silent = &delivery->targets[i];
			silents++;
		}
	}
	if (silents == 1 && strays == 1 && !delivery->named_by_answer)
		tell(delivery, silent, stray);
}

const PersoniumTarget *
msgext_personium_first(const PersoniumDelivery *delivery, PersoniumFate fate)
{
	int i;

	for (i = 0; i < delivery->n; i++)
	{
		if (delivery->targets[i].fate == fate)
			return &delivery->targets[i];
	}
	return NULL;
}
