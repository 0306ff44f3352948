/*
 * consumer_notify.c
 *		NOTIFY for consumers that want it: see consumer_notify.h.
 *
 * A consumer is notified once of what there is, and again when there has been another
 * event, or it has moved on and there is more. A client that has just connected looks
 * without being notified.
 */
#include "postgres.h"

#include "commands/async.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "pg/outcome/consumer_notify.h"
#include "pg/outcome/reader.h"
#include "pg/store/event_id.h"
#include "pg/store/origin.h"

/* What a consumer was notified of last. */
typedef struct Notified
{
	char *name;
	Oid owner;
	int64 last_id;
	ItemPointerData place; /* the version of its row */
} Notified;

/* Of all consumers that were notified, in a context of its own. */
typedef struct NotifiedList
{
	MemoryContext context;
	List *list; /* of Notified * */
} NotifiedList;

static NotifiedList committed; /* by transactions that have committed */
static NotifiedList pending;   /* and by the last one, which may not have committed */

static void
forget(NotifiedList *all)
{
	if (all->context != NULL)
		MemoryContextDelete(all->context);
	all->context = NULL;
	all->list = NIL;
}

static Notified *
last_notified(const MsgFeed *feed)
{
	ListCell *cell;

	foreach (cell, committed.list)
	{
		Notified *last = lfirst(cell);

		if (last->owner == feed->owner && strcmp(last->name, feed->name) == 0)
			return last;
	}
	return NULL;
}

static void
note(const MsgFeed *feed, int64 last_id, ItemPointerData place)
{
	MemoryContext before = MemoryContextSwitchTo(pending.context);
	Notified *now = palloc(sizeof(Notified));

	now->name = pstrdup(feed->name);
	now->owner = feed->owner;
	now->last_id = last_id;
	now->place = place;
	pending.list = lappend(pending.list, now);
	MemoryContextSwitchTo(before);
}

/*
 * Events that were looked at and not wanted are passed for the consumer, which does not
 * read before it is notified. One that is reading at this moment passes them itself.
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
 * How many more events may be looked at in this call for all consumers of one role: a
 * role with many consumers that are far behind holds up the others no longer than a role
 * with one.
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
notify(MsgTable *feeds, MsgFeed *feed, Looks *looks)
{
	int64 last_id = msgext_event_last_id();
	Notified *last = last_notified(feed);

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
msgext_consumer_notify(void)
{
	MsgTable *feeds = msgext_feed_open(true);
	List *looks = NIL;
	ListCell *cell;

	forget(&pending);
	pending.context = AllocSetContextCreate(TopMemoryContext, "msgext notified consumers",
											ALLOCSET_SMALL_SIZES);
	foreach (cell, msgext_feed_list(feeds, NULL, GetActiveSnapshot()))
	{
		MsgFeed *feed = lfirst(cell);

		if (feed->notify != NULL && feed->origin == msgext_origin())
			notify(feeds, feed, looks_of(&looks, feed->owner));
	}
	msgext_table_close(feeds);
}

void
msgext_consumer_notify_committed(void)
{
	forget(&committed);
	committed = pending;
	pending = (NotifiedList){NULL, NIL};
}
