/*
 * upstream.c
 *		The servers as the dispatcher works them: which there are, who is paused, how far
 *		their lanes have been read, what is due for them next.
 *
 * Runs inside a turn. Owns no table: it keeps memory and tables in step.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "pg/engine/engine.h"
#include "pg/ipc/registry.h"

void
msgext_upstream_remind(MsgDispatcher *dispatcher, MsgUpstream *upstream, const char *kind,
					   TimestampTz at, int64 id)
{
	msgext_reminder_add(reminders_of(dispatcher), upstream->name, kind, at, id);
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

void
msgext_upstream_error(MsgDispatcher *dispatcher, MsgUpstream *upstream, const char *text)
{
	if (text != NULL)
		strlcpy(upstream->health.last_error, msgext_clean_text(text, 500),
				sizeof(upstream->health.last_error));
	upstream->health.last_error_at = dispatcher->now;
	upstream->health.changed = true;
}

void
msgext_upstream_success(MsgDispatcher *dispatcher, MsgUpstream *upstream)
{
	upstream->health.last_success_at = dispatcher->now;
	upstream->health.changed = true;
}

/* Everything about a upstream that memory held, read from the tables. */
void
msgext_upstream_load(MsgDispatcher *dispatcher, MsgUpstream *upstream)
{
	int i;

	for (i = 0; i < MSG_PRIORITIES; i++)
	{
		if (upstream->lanes[i] == NULL)
			upstream->lanes[i] =
				msgext_lane_create(dispatcher->context, upstream->name, i + 1);
		else
			msgext_lane_reload(upstream->lanes[i]);
		upstream->hungry[i] = true;
	}
	upstream->send_from = upstream->poll_from = PG_INT64_MIN;
	upstream->poll_after = 0;
	upstream->next_due = dispatcher->now;
}

/* The settings as they are now; a server whose options are wrong is left out. */
static void
load_server(MsgUpstream *upstream)
{
	MsgServer *server = msgext_server_find(upstream->name);

	if (server == upstream->server)
		return;
	if (upstream->server != NULL)
		msgext_server_unpin(upstream->server);
	upstream->server = server;
	if (server != NULL)
		msgext_server_pin(server);
}

static MsgUpstream *
find_upstream(MsgDispatcher *dispatcher, const char *name)
{
	ListCell *cell;

	foreach (cell, dispatcher->upstreams)
	{
		MsgUpstream *upstream = lfirst(cell);

		if (strcmp(upstream->name, name) == 0)
			return upstream;
	}
	return NULL;
}

void
msgext_upstreams_refresh(MsgDispatcher *dispatcher)
{
	ListCell *cell;
	List *names;

	if (dispatcher->generation == msgext_server_generation())
		return;
	dispatcher->generation = msgext_server_generation();
	names = msgext_server_names();
	foreach (cell, names)
	{
		MsgUpstream *upstream = find_upstream(dispatcher, lfirst(cell));
		MemoryContext before = MemoryContextSwitchTo(dispatcher->context);

		if (upstream == NULL)
		{
			upstream = palloc0(sizeof(MsgUpstream));
			upstream->name = pstrdup(lfirst(cell));
			dispatcher->upstreams = lappend(dispatcher->upstreams, upstream);
			MemoryContextSwitchTo(dispatcher->turn);
			msgext_upstream_load(dispatcher, upstream);
			msgext_health_load(upstream->name, &upstream->health);
		}
		MemoryContextSwitchTo(before);
	}

	/* Those that went keep their place: results of their requests may still come. */
	foreach (cell, dispatcher->upstreams)
		load_server(lfirst(cell));
}

void
msgext_upstreams_mark_news(MsgDispatcher *dispatcher, uint64 news)
{
	ListCell *cell;
	int i;

	foreach (cell, dispatcher->upstreams)
	{
		MsgUpstream *upstream = lfirst(cell);

		for (i = 0; i < MSG_PRIORITIES; i++)
			if ((news & msgext_notify_news_of_lane(upstream->lanes[i]->number)) != 0)
				upstream->hungry[i] = true;
	}
}

bool
msgext_upstream_is_paused(MsgUpstream *upstream)
{
	MsgPause pause;

	if (!upstream->paused)
	{
		msgext_server_pause_read(upstream->name, &pause);
		upstream->paused = pause.paused;
	}
	return upstream->paused;
}

void
msgext_upstreams_read_pauses(MsgDispatcher *dispatcher)
{
	ListCell *cell;

	foreach (cell, dispatcher->upstreams)
	{
		MsgUpstream *upstream = lfirst(cell);
		bool was_paused = upstream->paused;
		MsgPause pause;

		if (upstream->pause_wanted[0] != '\0')
			continue;
		msgext_server_pause_read(upstream->name, &pause);
		upstream->paused = pause.paused;
		if (was_paused && !upstream->paused)
		{
			/* What was wrong may have been mended in a file, which no catalog tells of. */
			msgext_server_forget_all();
			msgext_upstream_load(dispatcher, upstream);
		}
	}
}

void
msgext_upstreams_write_pauses(MsgDispatcher *dispatcher)
{
	ListCell *cell;

	foreach (cell, dispatcher->upstreams)
	{
		MsgUpstream *upstream = lfirst(cell);

		if (upstream->pause_wanted[0] == '\0')
			continue;
		if (!msgext_server_pause_write(upstream->name, true,
									   msgext_clean_text(upstream->pause_wanted, 400),
									   false))
			continue;
		ereport(LOG,
				(errmsg("server \"%s\" was paused: %s", upstream->name,
						msgext_clean_text(upstream->pause_wanted, 400)),
				 errhint("Mend the cause, then run SELECT msgext.resume_server('%s').",
						 upstream->name)));
		upstream->pause_wanted[0] = '\0';
	}
}

void
msgext_upstreams_save(MsgDispatcher *dispatcher)
{
	ListCell *cell;

	foreach (cell, dispatcher->upstreams)
	{
		MsgUpstream *upstream = lfirst(cell);
		int i;

		for (i = 0; i < MSG_PRIORITIES; i++)
			if (upstream->lanes[i]->moved)
				msgext_lane_save(upstream->lanes[i]);
		if (upstream->health.changed)
			msgext_health_save(upstream->name, &upstream->health);
	}
	dispatcher->last_save = dispatcher->now;
}
