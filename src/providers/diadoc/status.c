/*
 * status.c
 *		Answers to GET /V3/GetDocument and GET /V6/GetMessage.
 *
 * Owns the sum of several documents: a message is delivered when all of them are, and has
 * failed when all have ended and one has failed.
 */
#include "providers/diadoc/diadoc.h"

#include <string.h>

#include "core/ascii.h"
#include "core/timestamp.h"
#include "core/verdict.h"
#include "providers/diadoc/answer.h"
#include "providers/diadoc/document.h"
#include "providers/diadoc/schema.h"

/* What was accepted just now may not be found everywhere yet. */
#define PATIENCE_US (10 * 60 * INT64_C(1000000))

static const char *const document_fields[] = {DIADOC_DOCUMENT_FIELDS(""), NULL};

static bool
same_id(const char *a, const char *b)
{
	return a != NULL && b != NULL && msgext_ascii_same(a, strlen(a), b);
}

/* The answer about one document; false when it is about another, or about nothing. */
static bool
read_single(MsgArena *arena, const MsgReply *reply, const char *entity,
			DiadocDocument *document, MsgError *error)
{
	const MsgJson *json =
		msgext_pb_decode(arena, DIADOC_DOCUMENT, reply->body, reply->body_len,
						 document_fields, &msgext_diadoc_answer_limits, error);

	if (json == NULL)
		return false;
	msgext_diadoc_document(json, document);
	if (json->count == 0 ||
		(document->entity_id != NULL && !same_id(document->entity_id, entity)))
		return msgext_error(error, "", "", "the answer is not the document asked for");
	document->entity_id = entity;
	return true;
}

static const MsgJson *
read_whole(MsgArena *arena, const MsgReply *reply, const MsgJob *job, MsgError *error)
{
	const MsgJson *json = msgext_pb_decode(arena, DIADOC_MESSAGE, reply->body,
										   reply->body_len, msgext_diadoc_message_fields,
										   &msgext_diadoc_answer_limits, error);
	const char *id;

	if (json == NULL)
		return NULL;
	id = msgext_diadoc_string(json, "MessageId");
	if (json->count == 0 || (id != NULL && !same_id(id, job->provider_id)))
	{
		msgext_error(error, "", "", "the answer is not the message asked for");
		return NULL;
	}
	return json;
}

/* What the detail knows of a document that the answer does not mention. */
static void
recall(const MsgJson *entry, DiadocDocument *document)
{
	const char *state = msgext_diadoc_string(entry, "state");
	const char *at = msgext_diadoc_string(entry, "at");

	memset(document, 0, sizeof(*document));
	document->entity_id = msgext_diadoc_string(entry, "entity_id");
	document->custom_id = msgext_diadoc_string(entry, "custom_document_id");
	document->error = msgext_diadoc_string(entry, "error");
	document->recipient = msgext_diadoc_string(entry, "recipient_response");
	document->text = msgext_diadoc_string(entry, "text");
	document->status = "";
	if (state == NULL || !msgext_state_parse(state, &document->state))
		document->state = MSG_ACCEPTED;
	if (at != NULL && !msgext_timestamp_parse(at, strlen(at), 0, &document->at_us))
		document->at_us = 0;
}

/*
 * The documents that were sent, each as the answer shows it. Others that the message has
 * by now are not ours; where nothing was noted at the time, all of them are.
 */
static DiadocDocument *
match(MsgArena *arena, const MsgJob *job, const DiadocDocument *found, int nfound, int *n)
{
	const MsgJson *noted = msgext_json_get(job->detail, "documents");
	const MsgJson *entry = noted != NULL ? noted->first : NULL;
	DiadocDocument *all;
	int i;

	if (entry == NULL)
	{
		*n = nfound;
		return (DiadocDocument *) found;
	}
	all = msgext_alloc(arena, (size_t) noted->count * sizeof(DiadocDocument));
	*n = 0;
	for (; entry != NULL; entry = entry->next)
	{
		DiadocDocument *document = &all[(*n)++];

		recall(entry, document);
		for (i = 0; i < nfound; i++)
		{
			if (same_id(found[i].entity_id, document->entity_id))
			{
				const char *custom_id = document->custom_id;

				*document = found[i];
				if (document->custom_id == NULL)
					document->custom_id = custom_id;
				break;
			}
		}
	}
	return all;
}

static MsgState
sum(const DiadocDocument *documents, int n)
{
	bool ended = n > 0;
	bool failed = false;
	bool moved = false;
	int i;

	for (i = 0; i < n; i++)
	{
		ended &= msgext_state_is_final(documents[i].state);
		failed |= documents[i].state == MSG_FAILED;
		moved |= documents[i].state != MSG_ACCEPTED;
	}
	if (ended)
		return failed ? MSG_FAILED : MSG_DELIVERED;
	return moved ? MSG_SENT : MSG_ACCEPTED;
}

/* The words of the event are those of the documents that are where the whole is. */
static void
put_event(MsgArena *arena, const MsgReply *reply, const MsgJob *job,
		  const DiadocDocument *documents, int n, MsgOutcome *outcome)
{
	MsgEvent *event = msgext_alloc0(arena, sizeof(*event));
	MsgJson *list = msgext_json_new(arena, MSG_JSON_ARRAY);
	int i;

	event->provider_id = job->provider_id;
	event->state = sum(documents, n);
	event->status = "";
	event->raw = reply->body;
	event->raw_len = reply->body_len;
	for (i = 0; i < n; i++)
	{
		if (documents[i].state == event->state)
		{
			if (event->status[0] == '\0')
				event->status = documents[i].status;
			if (event->error == NULL)
				event->error = documents[i].error;
			if (documents[i].at_us > event->at_us)
				event->at_us = documents[i].at_us;
		}
		msgext_json_append(list, msgext_diadoc_document_json(arena, &documents[i]));
	}
	event->detail = msgext_json_new(arena, MSG_JSON_OBJECT);
	msgext_json_set(event->detail, "documents", list);
	msgext_diadoc_outcome(arena, outcome, reply, MSG_VERDICT_PROGRESS, NULL);
	outcome->provider_id = job->provider_id;
	outcome->events = event;
}

static bool
decide_answer(MsgArena *arena, const MsgReply *reply, const MsgJob *job,
			  MsgOutcome *outcome, MsgError *error)
{
	const char *entity = msgext_diadoc_single(job);
	const MsgJson *message;
	DiadocDocument *found;
	DiadocDocument *documents;
	DiadocDocument single;
	int n = 1;

	if (entity != NULL)
	{
		if (!read_single(arena, reply, entity, &single, error))
			return false;
		found = &single;
	}
	else
	{
		message = read_whole(arena, reply, job, error);
		if (message == NULL)
			return false;
		if (msgext_diadoc_is_draft(message))
		{
			msgext_diadoc_outcome(arena, outcome, reply, MSG_VERDICT_REJECTED,
								  "it is a draft, which goes nowhere until a person "
								  "sends it");
			return true;
		}
		found = msgext_diadoc_documents(arena, message, &n);
	}
	documents = match(arena, job, found, n, &n);
	put_event(arena, reply, job, documents, n, outcome);
	return true;
}

/*
 * To ask again costs little and ends by itself. What stops the asking concerns this
 * message: 403 comes where the user may not see one of its documents, 410 where one was
 * found to be malware. The channel is stopped by nothing but refused credentials.
 */
static MsgVerdict
decide_failure(const MsgConn *conn, const MsgReply *reply, const MsgJob *job)
{
	switch (reply->status)
	{
		case 401:
			return msgext_diadoc_unauthorized(conn);
		case 404: /* deleted, or not there yet */
			return reply->now_us - job->accepted_us < PATIENCE_US ? MSG_VERDICT_RETRY
																  : MSG_VERDICT_REJECTED;
		case 400:
		case 403:
		case 409:
		case 410:
			return MSG_VERDICT_REJECTED;
		default:
			return MSG_VERDICT_RETRY;
	}
}

bool
msgext_diadoc_decode_status(MsgArena *arena, const MsgConn *conn, const MsgReply *reply,
							const MsgJob *jobs, int n, MsgOutcome *outcomes,
							MsgError *error)
{
	if (n != 1)
		return msgext_error(error, "", "", "an answer is about one message, not %d", n);
	if (reply->retry_after_ms < 0 && reply->status == 200)
		return decide_answer(arena, reply, &jobs[0], outcomes, error);
	msgext_diadoc_outcome(arena, outcomes, reply,
						  reply->retry_after_ms >= 0
							  ? MSG_VERDICT_RETRY
							  : decide_failure(conn, reply, &jobs[0]),
						  msgext_diadoc_error_text(arena, reply));
	return true;
}
