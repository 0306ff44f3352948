/*
 * news.c
 *		NOTIFY for consumers that want it: see news.h.
 *
 * Told once for what there is; again when there has been another event, or the consumer
 * has moved on and there is more. Who has just connected looks for himself.
 */
#include "postgres.h"

#include "commands/async.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "pg/outcome/news.h"
#include "pg/outcome/reader.h"
#include "pg/store/event_id.h"
#include "pg/store/origin.h"

/* What a consumer was told last. */
typedef struct Told
{
	char *name;
	Oid owner;
	int64 last_id;
	ItemPointerData place; /* the version of its row */
} Told;

/* Of all consumers that were told of something, in a context of its own. */
typedef struct News
{
	MemoryContext context;
	List *list; /* of Told * */
} News;

static News told;	 /* by transactions that have committed */
static News telling; /* with that of the last one, which may have failed */

static void
forget(News *news)
{
	if (news->context != NULL)
		MemoryContextDelete(news->context);
	news->context = NULL;
	news->list = NIL;
}

static Told *
last_told(const MsgFeed *feed)
{
	ListCell *cell;

	foreach (cell, told.list)
	{
		Told *last = lfirst(cell);

		if (last->owner == feed->owner && strcmp(last->name, feed->name) == 0)
			return last;
	}
	return NULL;
}

static void
note(const MsgFeed *feed, int64 last_id, ItemPointerData place)
{
	MemoryContext before = MemoryContextSwitchTo(telling.context);
	Told *now = palloc(sizeof(Told));

	now->name = pstrdup(feed->name);
	now->owner = feed->owner;
	now->last_id = last_id;
	now->place = place;
	telling.list = lappend(telling.list, now);
	MemoryContextSwitchTo(before);
}

/*
 * What was looked at for nothing is behind the consumer, who does not look himself before he
 * is told. One who reads just now does it himself.
 */
static void
move_on(MsgTable *feeds, MsgFeed *feed)
{
	MsgFeed *now;

	if (!msgext_feed_lock_if_free(feed->name, feed->owner))
		return;
	now = msgext_feed_find_latest(feeds, feed->name, feed->owner);
	if (now != NULL && ItemPointerEquals(&now->tid, &feed->tid))
		msgext_feed_write(feeds, feed);
}

/*
 * What has been looked at in this turn for all consumers of one role: who has many of them, far
 * behind, holds up the others no longer than who has one.
 */
typedef struct Looks
{
	Oid owner;
	int64 left;
} Looks;

static Looks *
looks_of(List **all, Oid owner)
{
	ListCell *cell;
	Looks *looks;

	foreach (cell, *all)
	{
		looks = lfirst(cell);
		if (looks->owner == owner)
			return looks;
	}
	looks = palloc(sizeof(Looks));
	looks->owner = owner;
	looks->left = MSG_READER_LOOKS;
	*all = lappend(*all, looks);
	return looks;
}

static bool
has_something(MsgTable *feeds, MsgFeed *feed, Looks *looks)
{
	MsgReader *reader;
	MsgReading reading;
	bool found;

	if (looks->left <= 0)
		return false;
	reader = msgext_reader_open(feed, looks->left);
	found = msgext_reader_next(reader, &reading);
	looks->left -= msgext_reader_looked_at(reader);
	if (msgext_reader_is_worth_a_write(reader))
		move_on(feeds, feed);
	msgext_reader_close(reader);
	return found;
}

static void
tell(MsgTable *feeds, MsgFeed *feed, Looks *looks)
{
	int64 last_id = msgext_event_last_id();
	Told *last = last_told(feed);

	if ((last == NULL || last->last_id != last_id ||
		 !ItemPointerEquals(&last->place, &feed->tid)) &&
		has_something(feeds, feed, looks))
	{
		Async_Notify(feed->notify, "");
		note(feed, last_id, feed->tid);
	}
	else if (last != NULL)
		note(feed, last->last_id, last->place);
}

void
msgext_news_tell(void)
{
	MsgTable *feeds = msgext_feed_open(true);
	List *looks = NIL;
	ListCell *cell;

	forget(&telling);
	telling.context =
		AllocSetContextCreate(TopMemoryContext, "msgext news", ALLOCSET_SMALL_SIZES);
	foreach (cell, msgext_feed_list(feeds, NULL, GetActiveSnapshot()))
	{
		MsgFeed *feed = lfirst(cell);

		if (feed->notify != NULL && feed->origin == msgext_origin())
			tell(feeds, feed, looks_of(&looks, feed->owner));
	}
	msgext_table_close(feeds);
}

void
msgext_news_told(void)
{
	forget(&told);
	told = telling;
	telling = (News){NULL, NIL};
}
