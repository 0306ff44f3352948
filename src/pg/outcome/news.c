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

static List *told_list = NIL; /* of Told *, as long as the process */

static Told *
told_of(const MsgFeed *feed)
{
	MemoryContext before;
	ListCell *cell;
	Told *told;

	foreach (cell, told_list)
	{
		told = lfirst(cell);
		if (told->owner == feed->owner && strcmp(told->name, feed->name) == 0)
			return told;
	}
	before = MemoryContextSwitchTo(TopMemoryContext);
	told = palloc0(sizeof(Told));
	told->name = pstrdup(feed->name);
	told->owner = feed->owner;
	told->last_id = -1;
	told_list = lappend(told_list, told);
	MemoryContextSwitchTo(before);
	return told;
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

static bool
has_something(MsgTable *feeds, MsgFeed *feed)
{
	MsgReader *reader = msgext_reader_open(feed, MSG_READER_LOOKS);
	MsgReading reading;
	bool found = msgext_reader_next(reader, &reading);

	if (!found && msgext_reader_is_worth_a_write(reader))
		move_on(feeds, feed);
	msgext_reader_close(reader);
	return found;
}

void
msgext_news_tell(void)
{
	MsgTable *feeds = msgext_feed_open(true);
	ListCell *cell;

	foreach (cell, msgext_feed_list(feeds, NULL, GetActiveSnapshot()))
	{
		MsgFeed *feed = lfirst(cell);
		int64 last_id = msgext_event_last_id();
		Told *told;

		if (feed->notify == NULL || feed->origin != msgext_origin())
			continue;
		told = told_of(feed);
		if ((told->last_id == last_id && ItemPointerEquals(&told->place, &feed->tid)) ||
			!has_something(feeds, feed))
			continue;
		Async_Notify(feed->notify, "");
		told->last_id = last_id;
		told->place = feed->tid;
	}
	msgext_table_close(feeds);
}
