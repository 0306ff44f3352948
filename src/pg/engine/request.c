/*
 * request.c
 *		A flight's bytes: see request.h.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "core/verdict.h"
#include "pg/base/clock.h"
#include "pg/engine/request.h"
#include "pg/engine/scrub.h"
#include "pg/engine/statistics.h"

/* What a codec does for the flights of one kind. */
typedef struct Codec
{
	bool (*encode)(MsgFlight *flight, MsgError *error);
	bool (*decode)(MsgFlight *flight, const MsgReply *reply, MsgError *error);

	/*
	 * What a flight that cannot be encoded ends with. A payload was checked when it was
	 * queued, so the sender's settings are wrong. They are mended, as a rule, before the
	 * asking ends.
	 */
	MsgVerdict not_encoded;
} Codec;

static bool
encode_send(MsgFlight *flight, MsgError *error)
{
	return flight->server->provider->encode_send(
		flight->arena, &flight->conn, flight->jobs, flight->n, &flight->request, error);
}

static bool
decode_send(MsgFlight *flight, const MsgReply *reply, MsgError *error)
{
	return flight->server->provider->decode_send(flight->arena, &flight->conn, reply,
												 flight->jobs, flight->n,
												 flight->outcomes, error);
}

static bool
encode_poll(MsgFlight *flight, MsgError *error)
{
	return flight->server->provider->encode_status(
		flight->arena, &flight->conn, flight->jobs, flight->n, &flight->request, error);
}

static bool
decode_poll(MsgFlight *flight, const MsgReply *reply, MsgError *error)
{
	return flight->server->provider->decode_status(flight->arena, &flight->conn, reply,
												   flight->jobs, flight->n,
												   flight->outcomes, error);
}

static bool
encode_login(MsgFlight *flight, MsgError *error)
{
	return flight->server->provider->encode_login(
		flight->arena, &flight->conn, flight->refresh_token, &flight->request, error);
}

static bool
decode_login(MsgFlight *flight, const MsgReply *reply, MsgError *error)
{
	return flight->server->provider->decode_login(flight->arena, &flight->conn, reply,
												  &flight->login_answer, error);
}

static const Codec codecs[] = {
	[MSG_FLIGHT_SEND] = {encode_send, decode_send, MSG_VERDICT_PAUSE_ACCOUNT},
	[MSG_FLIGHT_POLL] = {encode_poll, decode_poll, MSG_VERDICT_RETRY},
	[MSG_FLIGHT_LOGIN] = {encode_login, decode_login, MSG_VERDICT_PAUSE_ACCOUNT},
};

/*
 * Ends an error that must not cost what is in memory: to whoever called dispatch() it is
 * a warning, in a worker a line of the log.
 */
static void
warn_instead(MsgFlight *flight)
{
	ErrorData *error;

	MemoryContextSwitchTo(flight->context);
	error = CopyErrorData();
	FlushErrorState();
	ereport(WARNING, (errcode(error->sqlerrcode),
					  errmsg("a request to server \"%s\" could not be handled: %s",
							 flight->server->name, error->message)));
}

/* It leaves. */
static void
count_request(const MsgFlight *flight)
{
	MsgCounts *counts = msgext_lasting_counts(flight->upstream);

	msgext_counts_add(counts, MSG_COUNT_REQUESTS, 1);
	if (flight->kind == MSG_FLIGHT_POLL)
		msgext_counts_add(counts, MSG_COUNT_POLLS, 1);
	else if (flight->kind == MSG_FLIGHT_LOGIN)
		msgext_counts_add(counts, MSG_COUNT_LOGINS, 1);
	msgext_counts_add(counts, MSG_COUNT_BYTES_SENT, (int64) flight->request.body_len);
}

/* Is there all of an answer that its provider's codec looks at? */
static bool
is_answered(const MsgFlight *flight, const MsgHttpResult *result)
{
	return result->transport == MSG_TRANSPORT_ANSWERED ||
		   (result->clipped && (flight->server->provider->caps & MSG_READS_STATUS) != 0);
}

/* Its answer has come, or will not. */
static void
count_answer(const MsgFlight *flight, const MsgHttpResult *result)
{
	MsgCounts *counts = msgext_lasting_counts(flight->upstream);
	int status = result->reply.status;

	if (!is_answered(flight, result) || status == 429 || status >= 500)
		msgext_counts_add(counts, MSG_COUNT_REQUEST_ERRORS, 1);
	msgext_counts_add(counts, MSG_COUNT_BYTES_RECEIVED, (int64) result->reply.body_len);
	msgext_counts_time(counts, MSG_TIME_REQUEST,
					   msgext_from_unix_us(result->reply.now_us) - flight->sent_at);
}

bool
msgext_request_encode(MsgFlight *flight, MsgError *error)
{
	int64_t now_us = msgext_unix_us(msgext_clock());
	int i;

	for (i = 0; i < flight->n; i++)
		flight->jobs[i].now_us = now_us;
	return codecs[flight->kind].encode(flight, error);
}

/*
 * Is it too late for one of its messages? A commit may have waited long: for a disk, or for
 * a standby. The others go out in the next turn.
 */
static bool
has_expired(const MsgFlight *flight)
{
	return flight->kind == MSG_FLIGHT_SEND && flight->expires_at != 0 &&
		   flight->expires_at <= msgext_clock();
}

static void
launch(MsgFlights *flights, MsgPeer *peer, MsgFlight *flight)
{
	const Codec *codec = &codecs[flight->kind];
	MsgError error = {0};

	if (has_expired(flight))
	{
		msgext_flight_set_outcomes(flight, MSG_VERDICT_CONTINUE,
								   "it did not leave in time");
		msgext_flight_land(flights, flight);
		return;
	}
	if (!msgext_request_encode(flight, &error))
	{
		msgext_flight_set_outcomes(flight, codec->not_encoded, pstrdup(error.text));
		msgext_flight_land(flights, flight);
		return;
	}
	ereport(DEBUG3, (errmsg_internal("request for %d messages to server \"%s\"",
									 flight->n, flight->server->name)));
	flight->sent_at = GetCurrentTimestamp();
	if (!peer->submit(peer, flight))
	{
		msgext_flight_set_outcomes(flight, MSG_VERDICT_RETRY, "out of memory");
		msgext_flight_land(flights, flight);
		return;
	}
	count_request(flight);
}

void
msgext_request_launch(MsgFlights *flights, MsgPeer *peer)
{
	MemoryContext before = CurrentMemoryContext;

	while (!dlist_is_empty(&flights->fresh))
	{
		MsgFlight *flight = dlist_head_element(MsgFlight, node, &flights->fresh);

		dlist_delete(&flight->node);
		dlist_push_tail(&flights->sent, &flight->node);
		MemoryContextSwitchTo(flight->context);
		PG_TRY();
		{
			launch(flights, peer, flight);
		}
		PG_CATCH();
		{
			/*
			 * Nothing of it has left: to submit it is the last step, and raises nothing.
			 */
			warn_instead(flight);
			msgext_flight_set_outcomes(flight, MSG_VERDICT_RETRY,
									   "the request could not be made");
			msgext_flight_land(flights, flight);
		}
		PG_END_TRY();
	}
	MemoryContextSwitchTo(before);
}

/* What the engine knows better than a codec, or adds to its words. */
static void
complete_outcome(const MsgReply *reply, MsgOutcome *outcome)
{
	if (reply->retry_after_ms >= 0 && outcome->retry_after_ms < 0)
		outcome->retry_after_ms = reply->retry_after_ms;

	/* A proxy's page has no words of the provider: people still want to know. */
	if (outcome->text == NULL && outcome->code == NULL &&
		outcome->verdict != MSG_VERDICT_ACCEPTED &&
		outcome->verdict != MSG_VERDICT_PROGRESS &&
		outcome->verdict != MSG_VERDICT_CONTINUE && outcome->verdict != MSG_VERDICT_SPLIT)
		outcome->text = psprintf("HTTP status %d", reply->status);
}

/*
 * What the provider's codec makes of an answer; the HTTP status where it makes nothing.
 */
static void
decode(MsgFlight *flight, const MsgReply *reply)
{
	MsgLogin *login = &flight->login_answer;
	MsgError error = {0};
	int i;

	if (!codecs[flight->kind].decode(flight, reply, &error))
		msgext_flight_set_outcomes(
			flight, msgext_verdict_http(reply->status),
			psprintf("HTTP %d, and an answer that could not be read: %s", reply->status,
					 error.text));

	/* Nothing is left to log in with. */
	if (flight->kind == MSG_FLIGHT_LOGIN && login->verdict == MSG_VERDICT_RELOGIN &&
		flight->refresh_token == NULL)
		login->verdict = MSG_VERDICT_PAUSE_ACCOUNT;
	if (reply->retry_after_ms >= 0 && login->retry_after_ms < 0)
		login->retry_after_ms = reply->retry_after_ms;
	for (i = 0; i < flight->n; i++)
		complete_outcome(reply, &flight->outcomes[i]);
}

static void
collect(MsgFlight *flight, MsgHttpResult *result)
{
	char *answer =
		msgext_strndup(flight->arena, result->reply.body, result->reply.body_len);

	/* What the codec finds in the body may point into it, and outlives the reply. */
	result->reply.body = answer;
	flight->answer = answer;
	flight->answer_len = result->reply.body_len;
	flight->http_status = result->reply.status;
	if (is_answered(flight, result))
		decode(flight, &result->reply);
	else
		msgext_flight_set_outcomes(flight, msgext_verdict_transport(result->transport),
								   pstrdup(result->error));
	msgext_scrub(flight, answer);
}

bool
msgext_request_collect(MsgFlights *flights, MsgPeer *peer)
{
	MemoryContext before = CurrentMemoryContext;
	MsgHttpResult result;
	int n = 0;

	while (n < MSG_TURN_MESSAGES && peer->take(peer, &result))
	{
		MsgFlight *flight = result.cookie;

		n += flight->n;
		count_answer(flight, &result);
		MemoryContextSwitchTo(flight->context);
		PG_TRY();
		{
			collect(flight, &result);
		}
		PG_CATCH();
		{
			/* Out of memory, as a rule. There was an answer; what it said is lost. */
			warn_instead(flight);
			flight->answer_len = 0;
			msgext_flight_set_outcomes(flight, MSG_VERDICT_UNSURE,
									   "the answer could not be taken");
		}
		PG_END_TRY();
		peer->release(peer, &result);
		msgext_flight_land(flights, flight);
	}
	MemoryContextSwitchTo(before);
	return n >= MSG_TURN_MESSAGES;
}
