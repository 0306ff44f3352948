/*
 * status.c
 *		Answers to a status request: provideOutMessageDlvStatusResponse.
 *
 * Owns what follows for each message that was asked about. Asking again costs nothing
 * and ends by itself, so in doubt it is asked again.
 */
#include "providers/edna/edna.h"

#include "providers/edna/answer.h"

/* Between the answer to a send and the first status that knows the id. */
#define UNKNOWN_ID_PATIENCE_US (INT64_C(10) * 60 * 1000000)

/* Of one message in one answer; there is no sense in a second. */
#define EVENTS_MAX 16

/* A code other than "ok", of one message or of a packet about one. */
static void
decide_code(const MsgReply *reply, const MsgJob *job, const char *code,
			MsgOutcome *outcome)
{
	MsgVerdict verdict = MSG_VERDICT_REJECTED;

	switch (msgext_edna_code(code))
	{
		case EDNA_UNKNOWN_ID:
			if (reply->now_us - job->accepted_us < UNKNOWN_ID_PATIENCE_US)
				verdict = MSG_VERDICT_RETRY;
			break;
		case EDNA_OK:
		case EDNA_RETRY:
			verdict = MSG_VERDICT_RETRY;
			break;
		case EDNA_PAUSE:
			verdict = MSG_VERDICT_PAUSE;
			break;
		case EDNA_PAUSE_ACCOUNT:
			verdict = MSG_VERDICT_PAUSE_ACCOUNT;
			break;
		case EDNA_DUPLICATE:
		case EDNA_MALFORMED:
		case EDNA_REJECTED:
			break;
	}
	msgext_outcome(outcome, reply, verdict, code, NULL);
}

static void
decide_entry(MsgArena *arena, const MsgConn *conn, const MsgReply *reply,
			 const MsgJob *job, const MsgXml *entry, MsgOutcome *outcome)
{
	const char *code = msgext_edna_entry_code(arena, entry);
	bool ok = code == NULL || msgext_edna_code(code) == EDNA_OK;
	MsgEvent *event = ok ? msgext_edna_event(arena, conn, reply->body, entry) : NULL;
	MsgEvent **link = &outcome->events;
	int events = 0;

	/* Said of one message twice, both count: which is the newer the engine knows. */
	if (event != NULL && outcome->verdict == MSG_VERDICT_PROGRESS)
	{
		for (; *link != NULL; link = &(*link)->next)
			events++;
		if (events >= EVENTS_MAX)
			return;
	}
	else if (event != NULL)
	{
		msgext_outcome(outcome, reply, MSG_VERDICT_PROGRESS, NULL, NULL);
		outcome->provider_id = job->provider_id;
	}
	else if (outcome->verdict == MSG_VERDICT_PROGRESS)
		return;
	else if (ok)
		msgext_outcome(outcome, reply, MSG_VERDICT_RETRY, NULL,
					   "the answer has no status for the message");
	else
		decide_code(reply, job, code, outcome);
	if (event != NULL)
	{
		event->provider_id = job->provider_id;
		*link = event;
	}
	outcome->raw = reply->body + entry->start;
	outcome->raw_len = entry->end - entry->start;
}

/* The first job that an entry is about, by providerId, else by clientId. */
static int
find_job(MsgArena *arena, const MsgXml *entry, const MsgJob *jobs, int n)
{
	const char *id = msgext_xml_attribute(arena, entry, "providerId");

	if (id != NULL)
		return msgext_edna_find(jobs, n, 0, id, true);
	id = msgext_xml_attribute(arena, entry, "clientId");
	return id != NULL ? msgext_edna_find(jobs, n, 0, id, false) : -1;
}

static void
decide_list(MsgArena *arena, const MsgConn *conn, const MsgReply *reply,
			const EdnaPacket *packet, const MsgJob *jobs, int n, MsgOutcome *outcomes)
{
	int i;

	for (i = 0; i < n; i++)
	{
		msgext_outcome(&outcomes[i], reply, MSG_VERDICT_RETRY, NULL,
					   "the answer does not list the message");
		outcomes[i].raw = reply->body + packet->code_start;
		outcomes[i].raw_len = packet->code_len;
	}
	for (i = 0; i < packet->count; i++)
	{
		int job = find_job(arena, packet->entries[i], jobs, n);

		if (job >= 0)
			decide_entry(arena, conn, reply, &jobs[job], packet->entries[i],
						 &outcomes[job]);
	}

	/* An id is asked about once, whoever wants to know. */
	for (i = 0; i < n; i++)
	{
		int first = jobs[i].provider_id != NULL
						? msgext_edna_find(jobs, n, 0, jobs[i].provider_id, true)
						: i;

		outcomes[i] = outcomes[first];
	}
}

/* Not a packet: only what is refused to all of them stops anything. */
static void
decide_http(const MsgReply *reply, int n, MsgOutcome *outcomes)
{
	MsgVerdict verdict = MSG_VERDICT_RETRY;
	int i;

	if (reply->status == 401)
		verdict = MSG_VERDICT_PAUSE_ACCOUNT;
	else if (reply->status == 402 || reply->status == 403 || reply->status == 407)
		verdict = MSG_VERDICT_PAUSE;
	for (i = 0; i < n; i++)
		msgext_outcome(&outcomes[i], reply, verdict, NULL, NULL);
}

bool
msgext_edna_decode_status(MsgArena *arena, const MsgConn *conn, const MsgReply *reply,
						  const MsgJob *jobs, int n, MsgOutcome *outcomes,
						  MsgError *error)
{
	EdnaPacket packet;
	EdnaCode meaning;
	int i;

	if (reply->status != 200)
	{
		decide_http(reply, n, outcomes);
		return true;
	}
	if (!msgext_edna_open(arena, reply->body, reply->body_len, &packet, error))
		return false;
	if (!msgext_xml_is(packet.root, "provideOutMessageDlvStatusResponse"))
		return msgext_error(error, "", "",
							"the packet is no provideOutMessageDlvStatusResponse");
	if (packet.code == NULL)
		return msgext_error(error, "", "payload/code", "the packet has not one code");
	meaning = msgext_edna_code(packet.code);
	if (meaning == EDNA_OK)
	{
		decide_list(arena, conn, reply, &packet, jobs, n, outcomes);
		return true;
	}
	for (i = 0; i < n; i++)
	{
		if (n > 1 && !msgext_edna_is_general(meaning))
			msgext_outcome(&outcomes[i], reply, MSG_VERDICT_SPLIT, packet.code, NULL);
		else
			decide_code(reply, &jobs[i], packet.code, &outcomes[i]);
	}
	return true;
}
