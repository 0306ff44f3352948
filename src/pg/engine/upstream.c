/*
 * channels.c
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
msgext_remind(MsgDispatcher *dispatcher, MsgChannel *channel, const char *kind,
			  TimestampTz at, int64 id)
{
	msgext_due_add(due_of(dispatcher), channel->name, kind, at, id);
	if (strcmp(kind, MSGEXT_DUE_UNKNOWN) == 0)
		return;
	if (strcmp(kind, MSGEXT_DUE_SEND) == 0)
		channel->send_from = Min(channel->send_from, at);
	else if (at <= channel->poll_from)
	{
		channel->poll_from = at;
		channel->poll_after = 0;
	}
	if (channel->next_due == 0 || at < channel->next_due)
		channel->next_due = at;
}

void
msgext_channel_error(MsgDispatcher *dispatcher, MsgChannel *channel, const char *text)
{
	if (text != NULL)
		strlcpy(channel->health.last_error, msgext_clean_text(text, 500),
				sizeof(channel->health.last_error));
	channel->health.last_error_at = dispatcher->now;
	channel->health.changed = true;
}

void
msgext_channel_success(MsgDispatcher *dispatcher, MsgChannel *channel)
{
	channel->health.last_success_at = dispatcher->now;
	channel->health.changed = true;
}

/* Everything about a channel that memory held, read from the tables. */
void
msgext_channel_load(MsgDispatcher *dispatcher, MsgChannel *channel)
{
	int i;

	for (i = 0; i < MSGEXT_PRIORITIES; i++)
	{
		if (channel->lanes[i] == NULL)
			channel->lanes[i] =
				msgext_lane_create(dispatcher->context, channel->name, i + 1);
		else
			msgext_lane_reload(channel->lanes[i]);
		channel->hungry[i] = true;
	}
	channel->send_from = channel->poll_from = PG_INT64_MIN;
	channel->poll_after = 0;
	channel->next_due = dispatcher->now;
}

/* The settings as they are now; a server whose options are wrong is left out. */
static void
load_server(MsgChannel *channel)
{
	MsgServer *server = msgext_server_find(channel->name);

	if (server == channel->server)
		return;
	if (channel->server != NULL)
		msgext_server_unpin(channel->server);
	channel->server = server;
	if (server != NULL)
		msgext_server_pin(server);
}

static MsgChannel *
find_channel(MsgDispatcher *dispatcher, const char *name)
{
	ListCell *cell;

	foreach (cell, dispatcher->channels)
	{
		MsgChannel *channel = lfirst(cell);

		if (strcmp(channel->name, name) == 0)
			return channel;
	}
	return NULL;
}

void
msgext_channels_refresh(MsgDispatcher *dispatcher)
{
	ListCell *cell;
	List *names;

	if (dispatcher->generation == msgext_connection_generation())
		return;
	dispatcher->generation = msgext_connection_generation();
	names = msgext_server_names();
	foreach (cell, names)
	{
		MsgChannel *channel = find_channel(dispatcher, lfirst(cell));
		MemoryContext before = MemoryContextSwitchTo(dispatcher->context);

		if (channel == NULL)
		{
			channel = palloc0(sizeof(MsgChannel));
			channel->name = pstrdup(lfirst(cell));
			dispatcher->channels = lappend(dispatcher->channels, channel);
			MemoryContextSwitchTo(dispatcher->turn);
			msgext_channel_load(dispatcher, channel);
			msgext_health_load(channel->name, &channel->health);
		}
		MemoryContextSwitchTo(before);
	}

	/* Those that went keep their place: results of their requests may still come. */
	foreach (cell, dispatcher->channels)
		load_server(lfirst(cell));
}

void
msgext_channels_feed(MsgDispatcher *dispatcher, uint64 news)
{
	ListCell *cell;
	int i;

	foreach (cell, dispatcher->channels)
	{
		MsgChannel *channel = lfirst(cell);

		for (i = 0; i < MSGEXT_PRIORITIES; i++)
			if ((news & msgext_news_of_lane(channel->lanes[i]->number)) != 0)
				channel->hungry[i] = true;
	}
}

bool
msgext_channel_is_paused(MsgChannel *channel)
{
	MsgPause pause;

	if (!channel->paused)
	{
		msgext_channel_look(channel->name, &pause);
		channel->paused = pause.paused;
	}
	return channel->paused;
}

void
msgext_channels_look(MsgDispatcher *dispatcher)
{
	ListCell *cell;

	foreach (cell, dispatcher->channels)
	{
		MsgChannel *channel = lfirst(cell);
		bool was_paused = channel->paused;
		MsgPause pause;

		if (channel->pause_wanted[0] != '\0')
			continue;
		msgext_channel_look(channel->name, &pause);
		channel->paused = pause.paused;
		if (was_paused && !channel->paused)
		{
			/* What was wrong may have been mended in a file, which no catalog tells of. */
			msgext_connection_forget();
			msgext_channel_load(dispatcher, channel);
		}
	}
}

void
msgext_channels_pause(MsgDispatcher *dispatcher)
{
	ListCell *cell;

	foreach (cell, dispatcher->channels)
	{
		MsgChannel *channel = lfirst(cell);

		if (channel->pause_wanted[0] == '\0')
			continue;
		if (!msgext_channel_set(channel->name, true,
								msgext_clean_text(channel->pause_wanted, 400), false))
			continue;
		ereport(LOG,
				(errmsg("server \"%s\" was paused: %s", channel->name,
						msgext_clean_text(channel->pause_wanted, 400)),
				 errhint("Mend the cause, then run SELECT msgext.resume_server('%s').",
						 channel->name)));
		channel->pause_wanted[0] = '\0';
	}
}

void
msgext_channels_save(MsgDispatcher *dispatcher)
{
	ListCell *cell;

	foreach (cell, dispatcher->channels)
	{
		MsgChannel *channel = lfirst(cell);
		int i;

		for (i = 0; i < MSGEXT_PRIORITIES; i++)
			if (channel->lanes[i]->moved)
				msgext_lane_save(channel->lanes[i]);
		if (channel->health.changed)
			msgext_health_save(channel->name, &channel->health);
	}
	dispatcher->last_save = dispatcher->now;
}
