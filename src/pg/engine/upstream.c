/*
 * upstream.c
 *		The servers as the dispatcher works them: see upstream.h.
 */
#include "postgres.h"

#include "foreign/foreign.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "pg/base/clock.h"
#include "pg/base/text.h"
#include "pg/engine/upstream.h"
#include "pg/ipc/notify.h"
#include "pg/store/reminder.h"
#include "pg/store/server_event.h"

/* Servers that are looked at without news at a time, which is once a second. */
#define LOOKS 50

void
msgext_upstreams_init(MsgUpstreams *upstreams, MemoryContext context)
{
	memset(upstreams, 0, sizeof(*upstreams));
	upstreams->context = context;
}

void
msgext_upstreams_release(MsgUpstreams *upstreams)
{
	ListCell *cell;

	foreach (cell, upstreams->list)
	{
		MsgUpstream *upstream = lfirst(cell);

		if (upstream->server != NULL)
			msgext_server_unpin(upstream->server);
	}
	upstreams->list = NIL;
}

void
msgext_upstream_remind(MsgTurn *turn, MsgUpstream *upstream, const char *kind,
					   TimestampTz at, int64 id)
{
	msgext_reminder_add(reminders_of(turn), upstream->oid, kind, at, id);
	if (strcmp(kind, MSG_REMINDER_UNKNOWN) == 0)
		return;
	if (strcmp(kind, MSG_REMINDER_SEND) == 0)
		upstream->send_from = Min(upstream->send_from, at);
	else if (at <= upstream->poll_from)
	{
		upstream->poll_from = at;
		upstream->poll_after = 0;
	}
	if (upstream->next_due == 0 || at < upstream->next_due)
		upstream->next_due = at;
}

/* A code that is but an HTTP status, as a webhook's, in words. */
static const char *
words_of(const char *code)
{
	return strlen(code) == 3 && strspn(code, "0123456789") == 3
			   ? psprintf("HTTP status %s", code)
			   : code;
}

void
msgext_upstream_error(const MsgTurn *turn, MsgUpstream *upstream, const char *text)
{
	if (text != NULL)
		strlcpy(upstream->health.last_error, msgext_clean_text(words_of(text), 500),
				sizeof(upstream->health.last_error));
	upstream->health.last_error_at = turn->now;
	upstream->health.changed = true;
}

void
msgext_upstream_describe(char *reason, size_t size, const char *code, const char *text,
						 int http_status)
{
	if (code == NULL && text == NULL)
		snprintf(reason, size, "HTTP status %d", http_status);
	else if (text == NULL)
		strlcpy(reason, words_of(code), size);
	else
		snprintf(reason, size, "%s%s%s", code != NULL ? code : "",
				 code != NULL ? ": " : "", text);
}

void
msgext_upstream_pause(MsgUpstream *upstream, const char *code, const char *text,
					  int http_status)
{
	if (upstream->paused)
		return;
	upstream->paused = true;
	msgext_upstream_describe(upstream->pause_wanted, sizeof(upstream->pause_wanted), code,
							 text, http_status);
}

void
msgext_upstream_come_again(const MsgTurn *turn, MsgUpstream *upstream)
{
	if (upstream->next_due == 0 || turn->now < upstream->next_due)
		upstream->next_due = turn->now;
}

void
msgext_upstream_recheck(const MsgTurn *turn, MsgUpstream *upstream)
{
	if (!upstream->recheck.possible)
		return;
	upstream->recheck.wanted = true;
	msgext_upstream_come_again(turn, upstream);
}

void
msgext_upstream_refuse_copy(MsgUpstream *upstream)
{
	msgext_upstream_pause(upstream, NULL,
						  "messages were restored from a dump or another database", 0);
	upstream->pause_copied = true;
}

void
msgext_upstream_success(const MsgTurn *turn, MsgUpstream *upstream)
{
	upstream->health.last_success_at = turn->now;
	upstream->health.changed = true;
}

/* Everything about an upstream that memory held, read from the tables. */
void
msgext_upstream_load(MsgTurn *turn, MsgUpstreams *upstreams, MsgUpstream *upstream)
{
	int i;

	for (i = 0; i < MSG_PRIORITIES; i++)
	{
		if (upstream->lanes[i] == NULL)
			upstream->lanes[i] =
				msgext_lane_create(upstreams->context, upstream->oid, i + 1);
		else
			msgext_lane_reload(upstream->lanes[i]);
		upstream->may_have_rows[i] = true;
	}
	upstream->send_from = upstream->poll_from = PG_INT64_MIN;
	upstream->poll_after = 0;
	upstream->next_due = turn->now;
	upstream->recheck.possible = upstream->recheck.wanted = true;
	upstream->recheck.running = false;
	upstream->recheck.poll_at = 0;
}

/* Another limit of recipients: what waits for the one before may go, or wait shorter. */
static void
note_limit(MsgUpstream *upstream, const MsgServer *server)
{
	const MsgRate *before = &upstream->server->recipient_limit;
	const MsgRate *now = &server->recipient_limit;

	if (before->count != now->count || before->per_ms != now->per_ms)
		upstream->recheck.possible = upstream->recheck.limits = true;
}

/* The settings as they are now; a server whose options are wrong is left out. */
static void
load_server(const MsgTurn *turn, MsgUpstream *upstream)
{
	MsgServer *server = msgext_server_get(upstream->oid);

	if (server == upstream->server)
		return;
	if (upstream->server != NULL)
	{
		if (server != NULL)
			note_limit(upstream, server);
		msgext_server_unpin(upstream->server);
	}
	else
		/* It may have been another one, or the look at what waits for it not ended. */
		upstream->recheck.possible = upstream->recheck.limits = true;
	upstream->server = server;
	if (server == NULL)
		return;
	msgext_server_pin(server);

	/* What was not to be done is due, perhaps: asking for statuses. */
	msgext_upstream_come_again(turn, upstream);
	if (strcmp(upstream->name, server->name) != 0)
		upstream->name =
			MemoryContextStrdup(GetMemoryChunkContext(upstream), server->name);
}

/*
 * As it was written down; a probe that was under way then is none any more. What opened
 * later than now did so before the clock was set back.
 */
static void
load_breaker(MsgUpstream *upstream, TimestampTz now)
{
	const MsgHealth *health = &upstream->health;
	bool set_back = health->broken_at > now;

	upstream->breaker = (MsgBreaker){
		.state = health->broken_at != 0 ? MSG_BREAKER_OPEN : MSG_BREAKER_CLOSED,
		.failing_us = health->failing_at,
		.failures = health->failures,
		.opened_us = set_back ? now : health->broken_at,
		.probe_us = set_back ? now : health->probe_at,
		.probes = health->probes,
	};
	upstream->breaker_before = upstream->breaker;
}

/* What was written down by a clock that has been set back since was so now, at the latest. */
static bool
mend_health(MsgHealth *health, TimestampTz now)
{
	TimestampTz *times[] = {&health->last_error_at, &health->last_success_at,
							&health->last_claim_at};
	bool was_ahead = false;
	int i;

	for (i = 0; i < lengthof(times); i++)
	{
		if (!msgext_clock_was_ahead(*times[i], now))
			continue;
		*times[i] = now;
		was_ahead = true;
	}
	health->changed |= was_ahead;
	return was_ahead;
}

MsgUpstream *
msgext_upstream_find(const MsgUpstreams *upstreams, Oid server)
{
	ListCell *cell;

	foreach (cell, upstreams->list)
	{
		MsgUpstream *upstream = lfirst(cell);

		if (upstream->oid == server)
			return upstream;
	}
	return NULL;
}

/* What waits for a provider that is not here waits on, and says so. */
static void
tell_missing(MsgUpstreams *upstreams)
{
	ListCell *cell;

	foreach (cell, msgext_server_oids_missing())
	{
		Oid server = lfirst_oid(cell);
		MemoryContext before;

		if (list_member_oid(upstreams->missing, server))
			continue;
		ereport(LOG,
				(errmsg("messages of server \"%s\" wait: its provider \"%s\" is not "
						"loaded",
						GetForeignServer(server)->servername,
						msgext_server_missing_provider(server)),
				 errhint("Add the provider's library to shared_preload_libraries.")));
		before = MemoryContextSwitchTo(upstreams->context);
		upstreams->missing = lappend_oid(upstreams->missing, server);
		MemoryContextSwitchTo(before);
	}
}

/* Listed only when all of it is known: what an error has cut short is begun anew. */
static void
add_upstream(MsgTurn *turn, MsgUpstreams *upstreams, Oid server)
{
	MemoryContext before = MemoryContextSwitchTo(upstreams->context);
	MsgUpstream *upstream = palloc0(sizeof(MsgUpstream));

	upstream->oid = server;
	upstream->name = GetForeignServer(server)->servername;
	MemoryContextSwitchTo(turn->context);
	msgext_upstream_load(turn, upstreams, upstream);
	msgext_health_load(server, &upstream->health);
	upstream->recheck.set_back = upstream->recheck.polls_set_back =
		mend_health(&upstream->health, turn->now);
	load_breaker(upstream, turn->now);
	MemoryContextSwitchTo(upstreams->context);
	upstreams->list = lappend(upstreams->list, upstream);
	MemoryContextSwitchTo(before);
}

void
msgext_upstreams_refresh(MsgTurn *turn, MsgUpstreams *upstreams)
{
	uint64 generation = msgext_server_generation();
	ListCell *cell;

	if (upstreams->generation == generation)
		return;
	tell_missing(upstreams);
	foreach (cell, msgext_server_oids())
		if (msgext_upstream_find(upstreams, lfirst_oid(cell)) == NULL)
			add_upstream(turn, upstreams, lfirst_oid(cell));

	/* Those that went keep their place: results of their requests may still come. */
	foreach (cell, upstreams->list)
	{
		load_server(turn, lfirst(cell));
		msgext_upstream_recheck(turn, lfirst(cell));
	}
	upstreams->generation = generation;
}

List *
msgext_upstreams_to_look_at(MsgUpstreams *upstreams)
{
	int n = list_length(upstreams->list);
	List *listed = NIL;
	int i;

	if (n <= LOOKS)
		return upstreams->list;
	for (i = 0; i < LOOKS; i++)
		listed =
			lappend(listed, list_nth(upstreams->list, (upstreams->look_from + i) % n));
	upstreams->look_from = (upstreams->look_from + LOOKS) % n;
	return listed;
}

void
msgext_upstreams_mark_news(const List *upstreams, uint64 news)
{
	ListCell *cell;
	int i;

	if (news == 0)
		return;
	foreach (cell, upstreams)
	{
		MsgUpstream *upstream = lfirst(cell);

		for (i = 0; i < MSG_PRIORITIES; i++)
			if ((news & msgext_notify_news_of_lane(upstream->lanes[i]->number)) != 0)
				upstream->may_have_rows[i] = true;
	}
}

bool
msgext_upstream_is_paused(MsgUpstream *upstream)
{
	MsgPause pause;

	if (!upstream->paused)
	{
		msgext_server_pause_read(upstream->oid, &pause);
		upstream->paused = pause.paused;
	}
	return upstream->paused;
}

void
msgext_upstreams_read_pauses(MsgTurn *turn, MsgUpstreams *upstreams, const List *listed,
							 bool all)
{
	ListCell *cell;

	foreach (cell, listed)
	{
		MsgUpstream *upstream = lfirst(cell);
		bool was_paused = upstream->paused;
		MsgPause pause;

		if (upstream->pause_wanted[0] != '\0' || !(was_paused || all))
			continue;
		msgext_server_pause_read(upstream->oid, &pause);
		upstream->paused = pause.paused;
		if (was_paused && !upstream->paused)
		{
			/*
			 * What was wrong may have been mended in a file, which no catalog tells of.
			 */
			msgext_server_forget_all();
			msgext_upstream_load(turn, upstreams, upstream);

			/* Nobody may have seen that the limit of recipients is another. */
			upstream->recheck.limits = true;
		}
	}
}

void
msgext_upstreams_write_pauses(MsgUpstreams *upstreams)
{
	ListCell *cell;

	foreach (cell, upstreams->list)
	{
		MsgUpstream *upstream = lfirst(cell);
		MsgPause pause = {.paused = true, .copied = upstream->pause_copied};
		MsgServerEvent event = {0};

		if (upstream->pause_wanted[0] == '\0')
			continue;
		pause.reason = msgext_clean_text(upstream->pause_wanted, 400);
		if (!msgext_server_pause_write(upstream->oid, &pause, false))
			continue;
		event.server = upstream->oid;
		event.name = upstream->name;
		event.kind = "paused";
		event.reason = pause.reason;
		msgext_server_event_append(&event);
		ereport(LOG,
				(errmsg("server \"%s\" was paused: %s", upstream->name, pause.reason),
				 errhint("Mend the cause, then run SELECT msgext.resume_server(%s).",
						 quote_literal_cstr(upstream->name))));
		upstream->pause_wanted[0] = '\0';
		upstream->pause_copied = false;
	}
}

void
msgext_upstreams_save(MsgTurn *turn, MsgUpstreams *upstreams)
{
	ListCell *cell;

	foreach (cell, upstreams->list)
	{
		MsgUpstream *upstream = lfirst(cell);
		int i;

		for (i = 0; i < MSG_PRIORITIES && upstream->lanes_moved; i++)
		{
			MsgLane *lane = upstream->lanes[i];

			if (!lane->moved)
				continue;

			/* With the position, so that what is passed again counts once. */
			if (lane->passed > 0)
				msgext_counts_add(&upstream->counted.turn, MSG_COUNT_QUEUED,
								  lane->passed);
			lane->passed = 0;
			msgext_lane_save(lane);
		}
		upstream->lanes_moved = false;
		if (upstream->health.changed)
			msgext_health_save(upstream->oid, &upstream->health);
	}
	upstreams->last_save = turn->now;
}

bool
msgext_upstream_may_have_rows(const MsgUpstream *upstream)
{
	int i;

	for (i = 0; i < MSG_PRIORITIES; i++)
		if (upstream->may_have_rows[i])
			return true;
	return false;
}
