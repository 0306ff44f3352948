/*
 * flight.c
 *		One request: from rows claimed to an answer understood.
 *
 * Has the codec encode and decode, outside any transaction, and the HTTP client carry
 * the bytes. Decides nothing about what follows an answer: record.c does.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "core/mask.h"
#include "core/verdict.h"
#include "net/http_thread.h"
#include "pg/base/arena_pg.h"
#include "pg/base/clock.h"
#include "pg/engine/engine.h"

/* A context of this size, reused, holds an ordinary message with its request. */
#define FLIGHT_BLOCK_SIZE 4096

MsgFlight *
msgext_flight_create(MsgDispatcher *dispatcher, MsgUpstream *upstream,
					 MsgAccount *account)
{
	MemoryContext context;
	MemoryContext before;
	MsgFlight *flight;

	if (dispatcher->spare != NULL)
	{
		context = dispatcher->spare->context;
		dispatcher->spare = dispatcher->spare->next;
		MemoryContextReset(context);
	}
	else
		context = AllocSetContextCreate(dispatcher->context, "msgext flight", 0,
										FLIGHT_BLOCK_SIZE, ALLOCSET_DEFAULT_MAXSIZE);
	before = MemoryContextSwitchTo(context);
	flight = palloc0(sizeof(MsgFlight));
	flight->context = context;
	flight->arena = msgext_arena_pg_create(context);
	flight->upstream = upstream;
	flight->server = upstream->server;
	msgext_server_pin(flight->server);
	flight->account = account;
	MemoryContextSwitchTo(before);
	dispatcher->flights++;
	upstream->in_flight++;
	return flight;
}

/* An array of the flight with room for more elements, the new ones zeroed. */
static void *
grow(MsgFlight *flight, void *array, size_t size, int room)
{
	char *grown = MemoryContextAllocZero(flight->context, size * room);

	if (array == NULL)
		return grown;
	memcpy(grown, array, size * flight->n);
	pfree(array);
	return grown;
}

int
msgext_flight_add(MsgFlight *flight)
{
	if (flight->n == flight->room)
	{
		int room = flight->room == 0 ? 1 : Min(flight->room * 4, flight->most);

		flight->jobs = grow(flight, flight->jobs, sizeof(MsgJob), room);
		flight->outcomes = grow(flight, flight->outcomes, sizeof(MsgOutcome), room);
		flight->settled = grow(flight, flight->settled, sizeof(MsgSettled), room);
		flight->reminders = grow(flight, flight->reminders, sizeof(MsgReminder), room);
		flight->places = grow(flight, flight->places, sizeof(ItemPointerData), room);
		flight->room = room;
	}
	return flight->n++;
}

void
msgext_flight_load(MsgFlight *flight, const MsgRow *row)
{
	MemoryContext before = MemoryContextSwitchTo(flight->context);
	int i = msgext_flight_add(flight);
	MsgJob *job = &flight->jobs[i];
	bytea *payload;

	flight->places[i] = row->tuple->t_self;
	job->id = row->id;
	job->created_us = msgext_unix_us(row->created_at);
	job->accepted_us = msgext_unix_us(row->accepted_at);
	job->key = msgext_row_key(row);
	job->attempt = flight->poll ? row->attempts : row->attempts + 1;
	job->maybe_sent = row->maybe_sent;
	job->provider_id = msgext_row_text(row, Anum_outbox_provider_id);
	job->channels = msgext_row_text(row, Anum_outbox_channels);
	job->detail = msgext_row_detail(flight->arena, row);
	if (!flight->poll)
	{
		payload = msgext_row_payload(row);
		job->fragment_len = VARSIZE_ANY_EXHDR(payload);
		job->fragment =
			msgext_strndup(flight->arena, VARDATA_ANY(payload), job->fragment_len);
		flight->bytes += job->fragment_len;
	}
	MemoryContextSwitchTo(before);
}

void
msgext_flight_free(MsgDispatcher *dispatcher, MsgFlight *flight)
{
	msgext_server_unpin(flight->server);
	dispatcher->flights--;

	/* A large one goes back to the system, the others wait for their next message. */
	if (MemoryContextMemAllocated(flight->context, false) > 4 * FLIGHT_BLOCK_SIZE)
		MemoryContextDelete(flight->context);
	else
	{
		flight->next = dispatcher->spare;
		dispatcher->spare = flight;
	}
}

static void
set_outcomes(MsgFlight *flight, MsgVerdict verdict, const char *text)
{
	int i;

	memset(&flight->login_answer, 0, sizeof(MsgLogin));
	flight->login_answer.verdict = verdict;
	flight->login_answer.retry_after_ms = -1;
	flight->login_answer.text = text;
	for (i = 0; i < flight->n; i++)
	{
		memset(&flight->outcomes[i], 0, sizeof(MsgOutcome));
		flight->outcomes[i].verdict = verdict;
		flight->outcomes[i].retry_after_ms = -1;
		flight->outcomes[i].text = text;
	}
}

static void
land(MsgDispatcher *dispatcher, MsgFlight *flight)
{
	flight->landed = true;
	flight->upstream->in_flight--;
	flight->next = dispatcher->landed;
	dispatcher->landed = flight;
	dispatcher->nlanded++;
	dispatcher->record_at = 0;
}

void
msgext_flight_launch(MsgDispatcher *dispatcher, MsgFlight *flight)
{
	const MsgProvider *provider = flight->server->provider;
	MemoryContext before = MemoryContextSwitchTo(flight->context);
	MsgError error = {0};
	bool encoded;

	if (flight->login)
		encoded = provider->encode_login(flight->arena, &flight->conn,
										 flight->refresh_token, &flight->request, &error);
	else if (flight->poll)
		encoded = provider->encode_status(flight->arena, &flight->conn, flight->jobs,
										  flight->n, &flight->request, &error);
	else
		encoded = provider->encode_send(flight->arena, &flight->conn, flight->jobs,
										flight->n, &flight->request, &error);
	if (!encoded)
	{
		/*
		 * The payload was checked when it was queued: the settings are what is wrong. A
		 * message that cannot be asked about harms no other.
		 */
		set_outcomes(flight, flight->poll ? MSG_VERDICT_REJECTED : MSG_VERDICT_PAUSE,
					 pstrdup(error.text));
		land(dispatcher, flight);
	}
	else if (!msgext_http_thread_submit(dispatcher->http, &flight->server->target,
										&flight->request, flight))
	{
		set_outcomes(flight, MSG_VERDICT_RETRY, "out of memory");
		land(dispatcher, flight);
	}
	MemoryContextSwitchTo(before);
}

/* What the provider's codec makes of an answer; the HTTP status where it makes nothing. */
static void
understand(MsgFlight *flight, const MsgReply *reply)
{
	const MsgProvider *provider = flight->server->provider;
	const MsgConn *conn = &flight->conn;
	MsgError error = {0};
	bool readable;
	int i;

	if (flight->login)
		readable = provider->decode_login(flight->arena, conn, reply,
										  &flight->login_answer, &error);
	else if (flight->poll)
		readable = provider->decode_status(flight->arena, conn, reply, flight->jobs,
										   flight->n, flight->outcomes, &error);
	else
		readable = provider->decode_send(flight->arena, conn, reply, flight->jobs,
										 flight->n, flight->outcomes, &error);
	if (!readable)
		set_outcomes(flight, msgext_verdict_http(reply->status),
					 psprintf("HTTP %d, and an answer that could not be read: %s",
							  reply->status, error.text));

	/* Nothing is left to log in with. */
	if (flight->login && flight->login_answer.verdict == MSG_VERDICT_RELOGIN &&
		flight->refresh_token == NULL)
		flight->login_answer.verdict = MSG_VERDICT_PAUSE;
	if (reply->retry_after_ms >= 0 && flight->login_answer.retry_after_ms < 0)
		flight->login_answer.retry_after_ms = reply->retry_after_ms;
	for (i = 0; i < flight->n; i++)
	{
		MsgOutcome *outcome = &flight->outcomes[i];

		if (reply->retry_after_ms >= 0 && outcome->retry_after_ms < 0)
			outcome->retry_after_ms = reply->retry_after_ms;

		/* A proxy's page has no words of the provider: people still want to know. */
		if (outcome->text == NULL && outcome->code == NULL &&
			outcome->verdict != MSG_VERDICT_ACCEPTED &&
			outcome->verdict != MSG_VERDICT_PROGRESS &&
			outcome->verdict != MSG_VERDICT_AGAIN)
			outcome->text = psprintf("HTTP status %d", reply->status);
	}
}

/* Everything that an answer must not echo. */
static void
list_secrets(MsgFlight *flight)
{
	const char **own = flight->account->secrets;
	int n = 0;

	while (own[n] != NULL)
		n++;
	flight->secrets = msgext_alloc(flight->arena, (n + 3) * sizeof(char *));
	memcpy(flight->secrets, own, n * sizeof(char *));
	if (flight->conn.session != NULL)
		flight->secrets[n++] = flight->conn.session->token;
	if (flight->login && flight->refresh_token != NULL)
		flight->secrets[n++] = flight->refresh_token;
	flight->secrets[n] = NULL;
}

static void
hide_secrets(const MsgFlight *flight, char *bytes, size_t len)
{
	msgext_mask(bytes, len, flight->secrets);
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

/* The same in a part of the answer, which is scrubbed itself. */
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

/* The same in what goes into the message's detail. */
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
		scrub_detail(flight, member);
}

/* Hides our own secrets in whatever the provider may have echoed. */
static void
scrub(MsgFlight *flight, char *answer)
{
	int i;

	list_secrets(flight);

	/* A login's answer is a secret as a whole, and is kept nowhere. */
	if (flight->login)
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

void
msgext_flight_land(MsgDispatcher *dispatcher)
{
	MsgHttpResult result;

	while (msgext_http_thread_take(dispatcher->http, &result))
	{
		MsgFlight *flight = result.cookie;
		MemoryContext before = MemoryContextSwitchTo(flight->context);

		char *answer =
			msgext_strndup(flight->arena, result.reply.body, result.reply.body_len);

		/* What the codec finds in the body may point into it, and outlives the reply. */
		result.reply.body = answer;
		flight->answer = answer;
		flight->answer_len = result.reply.body_len;
		flight->http_status = result.reply.status;
		if (result.transport == MSG_TRANSPORT_ANSWERED)
			understand(flight, &result.reply);
		else
			set_outcomes(flight, msgext_verdict_transport(result.transport),
						 pstrdup(result.error));
		msgext_http_thread_release(dispatcher->http, &result);
		scrub(flight, answer);
		MemoryContextSwitchTo(before);
		land(dispatcher, flight);
	}
}
