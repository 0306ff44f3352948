/*
 * decode.c
 *		Answers to a send: consumeOutMessageResponse.
 *
 * Owns the decision of the two levels: payload/code is about the packet, the code of
 * each outMessage about that message. Answers and messages are paired by clientId, never
 * by their order. What is missing or contradicts itself is unsure, and harmless: the
 * message is sent again under the same clientId, and the provider takes it once.
 */
#include "providers/edna/edna.h"

#include <string.h>

#include "core/ascii.h"
#include "core/verdict.h"
#include "providers/edna/answer.h"

typedef struct Decoder
{
	MsgArena *arena;
	const MsgReply *reply;
	EdnaPacket packet;
} Decoder;

/*
 * "…-client-id-not-unique" names the providerId of the message that had this clientId
 * first: ours, if an earlier attempt may have arrived, else somebody else's.
 */
static void
decide_duplicate(const Decoder *decoder, const MsgJob *job, const MsgXml *entry,
				 const char *code, MsgOutcome *outcome)
{
	if (!job->maybe_sent)
	{
		msgext_outcome(outcome, decoder->reply, MSG_VERDICT_REJECTED, code,
					   "collision: another message has this clientId, and this one "
					   "was not sent; another database or a restored copy uses the "
					   "same login: see msgext.node");
		return;
	}
	msgext_outcome(outcome, decoder->reply, MSG_VERDICT_ACCEPTED, NULL, NULL);
	outcome->provider_id = msgext_edna_provider_id(decoder->arena, entry);
}

/* What a code means for one message; entry is NULL for the code of a packet of one. */
static void
decide_code(const Decoder *decoder, const MsgJob *job, const MsgXml *entry,
			const char *code, MsgOutcome *outcome)
{
	MsgVerdict verdict = MSG_VERDICT_REJECTED;

	switch (msgext_edna_code(code))
	{
		case EDNA_OK:
			/* Only "ok" accepts: a refused message may have a providerId too. */
			msgext_outcome(outcome, decoder->reply, MSG_VERDICT_ACCEPTED, NULL, NULL);
			outcome->provider_id = msgext_edna_provider_id(decoder->arena, entry);
			return;
		case EDNA_DUPLICATE:
			decide_duplicate(decoder, job, entry, code, outcome);
			return;
		case EDNA_RETRY:
			verdict = MSG_VERDICT_RETRY;
			break;
		case EDNA_PAUSE:
			verdict = MSG_VERDICT_PAUSE;
			break;
		case EDNA_PAUSE_ACCOUNT:
			verdict = MSG_VERDICT_PAUSE_ACCOUNT;
			break;
		case EDNA_UNKNOWN_ID:
		case EDNA_MALFORMED:
		case EDNA_REJECTED:
			break;
	}
	msgext_outcome(outcome, decoder->reply, verdict, code, NULL);
	outcome->inherent = msgext_edna_code(code) == EDNA_MALFORMED;
}

static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && msgext_ascii_same(a, strlen(a), b));
}

/* Do two entries for one clientId say the same? */
static bool
agree(const Decoder *decoder, const MsgXml *a, const MsgXml *b)
{
	return same(msgext_edna_entry_code(decoder->arena, a),
				msgext_edna_entry_code(decoder->arena, b)) &&
		   same(msgext_edna_provider_id(decoder->arena, a),
				msgext_edna_provider_id(decoder->arena, b));
}

/* Finds the entry of each job; torn[i] is set where several disagree. */
static const MsgXml **
pair(const Decoder *decoder, const MsgJob *jobs, int n, bool *torn)
{
	const MsgXml **found = msgext_alloc0(decoder->arena, (size_t) n * sizeof(MsgXml *));
	int i;

	memset(torn, 0, (size_t) n * sizeof(bool));
	for (i = 0; i < decoder->packet.count; i++)
	{
		const MsgXml *entry = decoder->packet.entries[i];
		const char *id = msgext_xml_attribute(decoder->arena, entry, "clientId");
		int job = id != NULL ? msgext_edna_find(jobs, n, i, id, false) : -1;

		if (job < 0)
			continue;
		if (found[job] == NULL)
			found[job] = entry;
		else if (!agree(decoder, found[job], entry))
			torn[job] = true;
	}
	return found;
}

static void
decide_message(const Decoder *decoder, const MsgJob *job, const MsgXml *entry, bool torn,
			   MsgOutcome *outcome)
{
	const EdnaPacket *packet = &decoder->packet;
	const char *code =
		entry != NULL ? msgext_edna_entry_code(decoder->arena, entry) : NULL;

	if (code == NULL || torn)
		msgext_outcome(outcome, decoder->reply, MSG_VERDICT_UNSURE, NULL,
					   entry == NULL ? "the answer is ok, but does not list the "
									   "message"
					   : torn		 ? "the answer says two things of the message"
									 : "the answer has no code for the message");
	else
		decide_code(decoder, job, entry, code, outcome);
	outcome->raw =
		decoder->reply->body + (entry != NULL ? entry->start : packet->code_start);
	outcome->raw_len = entry != NULL ? entry->end - entry->start : packet->code_len;
}

/*
 * "If the code is an error, none of the messages was taken." One bad message sinks its
 * packet, so a refusal that is not about the account is looked into in smaller packets.
 */
static void
decide_packet(const Decoder *decoder, const MsgJob *job, int n, const MsgXml *entry,
			  MsgOutcome *outcome)
{
	const char *code = decoder->packet.code;
	EdnaCode meaning = msgext_edna_code(code);
	const char *own =
		entry != NULL ? msgext_edna_entry_code(decoder->arena, entry) : NULL;

	if (own != NULL && msgext_edna_code(own) == EDNA_OK)
	{
		msgext_outcome(outcome, decoder->reply, MSG_VERDICT_UNSURE, code,
					   "the answer refuses the packet and accepts the message");
		outcome->raw = decoder->reply->body + entry->start;
		outcome->raw_len = entry->end - entry->start;
	}
	else if (n > 1 && !msgext_edna_is_general(meaning))
		msgext_outcome(outcome, decoder->reply, MSG_VERDICT_SPLIT, code, NULL);
	else
		decide_code(decoder, job, NULL, code, outcome);
}

bool
msgext_edna_decode_send(MsgArena *arena, const MsgConn *conn, const MsgReply *reply,
						const MsgJob *jobs, int n, MsgOutcome *outcomes, MsgError *error)
{
	Decoder decoder = {.arena = arena, .reply = reply};
	const MsgXml **entries;
	bool *torn;
	int i;

	(void) conn;

	/*
	 * Every packet that was looked at is answered with 200: anything else is a gateway's
	 * word. Where that would reject, it was about the request, not about each message.
	 */
	if (reply->status != 200)
	{
		if (n == 1 || msgext_verdict_http(reply->status) != MSG_VERDICT_REJECTED)
			return msgext_error(error, "", "", "it has not the status 200 of a packet");
		for (i = 0; i < n; i++)
			msgext_outcome(&outcomes[i], reply, MSG_VERDICT_SPLIT, NULL, NULL);
		return true;
	}
	if (!msgext_edna_open(arena, reply->body, reply->body_len, &decoder.packet, error))
		return false;
	if (!msgext_xml_is(decoder.packet.root, "consumeOutMessageResponse"))
		return msgext_error(error, "", "", "the packet is no consumeOutMessageResponse");
	if (decoder.packet.code == NULL)
		return msgext_error(error, "", "payload/code", "the packet has not one code");
	torn = msgext_alloc(arena, (size_t) n * sizeof(bool));
	entries = pair(&decoder, jobs, n, torn);
	for (i = 0; i < n; i++)
	{
		if (msgext_edna_code(decoder.packet.code) == EDNA_OK)
			decide_message(&decoder, &jobs[i], entries[i], torn[i], &outcomes[i]);
		else
			decide_packet(&decoder, &jobs[i], n, entries[i], &outcomes[i]);
	}
	return true;
}
