/*
 * outage.c
 *		A server that does nothing but fail: see outage.h.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "pg/base/clock.h"
#include "pg/engine/outage.h"
#include "pg/engine/statistics.h"
#include "pg/store/server_event.h"

static int64
break_us(const MsgUpstream *upstream)
{
	return upstream->server == NULL ? 0 : upstream->server->break_after_ms * 1000;
}

void
msgext_outage_claim(MsgUpstream *upstream, MsgFlight *flight, TimestampTz now)
{
	if (msgext_breaker_claimed(&upstream->breaker, break_us(upstream), now))
		flight->probe = true;
}

static void
append_event(const MsgUpstream *upstream, const char *kind, const char *reason)
{
	MsgServerEvent event = {0};

	event.server = upstream->oid;
	event.name = upstream->name;
	event.kind = kind;
	event.reason = reason;
	msgext_server_event_append(&event);
}

/*
 * Any answer to the question shows that the provider is there, a refusal as well. A
 * session does not: who gives it may be another service than who takes messages.
 */
static bool
is_answered(const MsgFlight *flight, int64 *wait_ms)
{
	bool answered = false;
	int i;

	*wait_ms = 0;
	for (i = 0; i < flight->n; i++)
	{
		MsgVerdict verdict = flight->outcomes[i].verdict;

		answered |= verdict != MSG_VERDICT_RETRY && verdict != MSG_VERDICT_UNSURE;
		*wait_ms = Max(*wait_ms, flight->outcomes[i].retry_after_ms);
	}
	if (flight->kind == MSG_FLIGHT_LOGIN)
	{
		answered = flight->login_answer.verdict != MSG_VERDICT_RETRY &&
				   flight->login_answer.verdict != MSG_VERDICT_UNSURE;
		*wait_ms = Max(flight->login_answer.retry_after_ms, 0);
	}
	return answered;
}

void
msgext_outage_learn(const MsgTurn *turn, const MsgFlight *flight)
{
	MsgUpstream *upstream = flight->upstream;
	MsgBreaker *breaker = &upstream->breaker;
	int64 wait_ms;
	bool answered = is_answered(flight, &wait_ms);

	/* What could not even be made tells nothing of the provider. */
	if (flight->sent_at != 0 && !answered)
	{
		if (msgext_breaker_failed(breaker, break_us(upstream), wait_ms * 1000, turn->now))
		{
			msgext_counts_add(msgext_turn_counts(upstream), MSG_COUNT_BREAKS, 1);
			append_event(upstream, "circuit opened", upstream->health.last_error);
		}
	}
	else if (flight->sent_at != 0 && flight->kind != MSG_FLIGHT_LOGIN)
	{
		if (msgext_breaker_worked(breaker))
		{
			append_event(upstream, "circuit closed", NULL);
			msgext_upstream_come_again(turn, upstream);
		}
	}
	else if (flight->probe && answered)
		breaker->probe_us = turn->now; /* of the session: now a message may try it */
	if (flight->probe)
		msgext_breaker_probe_ended(breaker);
}

TimestampTz
msgext_outage_until(const MsgUpstream *upstream)
{
	return msgext_breaker_next_us(&upstream->breaker);
}

static bool
is_resumed(const MsgUpstream *upstream)
{
	MsgPause pause;

	msgext_server_pause_read(upstream->oid, &pause);
	return pause.resumed_at > upstream->breaker.opened_us;
}

void
msgext_outages_read(const MsgTurn *turn, const MsgUpstreams *upstreams, bool news)
{
	ListCell *cell;

	foreach (cell, upstreams->list)
	{
		MsgUpstream *upstream = lfirst(cell);

		if (upstream->breaker.state == MSG_BREAKER_CLOSED || upstream->server == NULL)
			continue;
		if (break_us(upstream) > 0 && !(news && is_resumed(upstream)))
			continue;
		msgext_breaker_reset(&upstream->breaker);
		msgext_upstream_come_again(turn, upstream);
	}
}

static void
note(const MsgBreaker *breaker, MsgHealth *health)
{
	if (health->broken_at == breaker->opened_us &&
		health->probe_at == breaker->probe_us &&
		health->failing_at == breaker->failing_us &&
		health->failures == breaker->failures)
		return;
	health->failing_at = breaker->failing_us;
	health->failures = breaker->failures;
	health->broken_at = breaker->opened_us;
	health->probe_at = breaker->probe_us;
	health->probes = breaker->probes;
	health->changed = true;
}

void
msgext_outages_note(const MsgUpstreams *upstreams)
{
	ListCell *cell;

	foreach (cell, upstreams->list)
	{
		MsgUpstream *upstream = lfirst(cell);

		note(&upstream->breaker, &upstream->health);
	}
}

static void
tell(const MsgUpstream *upstream)
{
	bool was_open = upstream->breaker_before.state != MSG_BREAKER_CLOSED;
	bool is_open = upstream->breaker.state != MSG_BREAKER_CLOSED;

	if (is_open && !was_open)
		ereport(
			LOG,
			(errmsg("server \"%s\" does nothing but fail: from now on one message at a "
					"time tries it",
					upstream->name),
			 errdetail("The last error: %s.", upstream->health.last_error),
			 errhint("To have it tried at once, run SELECT msgext.resume_server(%s).",
					 quote_literal_cstr(upstream->name))));
	else if (was_open && !is_open)
		ereport(LOG, (errmsg("server \"%s\" is used again", upstream->name)));
}

void
msgext_outages_commit(const MsgUpstreams *upstreams)
{
	ListCell *cell;

	foreach (cell, upstreams->list)
	{
		MsgUpstream *upstream = lfirst(cell);

		tell(upstream);
		upstream->breaker_before = upstream->breaker;
	}
}

void
msgext_outages_abort(const MsgUpstreams *upstreams)
{
	ListCell *cell;

	foreach (cell, upstreams->list)
	{
		MsgUpstream *upstream = lfirst(cell);

		/* What was written of it may be undone, too. */
		if (upstream->breaker.state != upstream->breaker_before.state)
			upstream->health.changed = true;
		upstream->breaker = upstream->breaker_before;
	}
}
