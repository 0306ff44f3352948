/*
 * handler_queue.c
 *		Whose handler is run next: see handler_queue.h.
 *
 * Start-time fair queueing, with the time that handlers have taken as what is shared: the
 * role with the lowest start tag is served. A role that had nothing to do begins at the
 * virtual time, so that it is served soon and has saved up nothing. The same rule, for
 * sessions, is in console/request_queue.c.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "pg/outcome/handler_queue.h"

/*
 * Handlers that failed before this process began may have ended the process before it,
 * and nobody knows how long they took: they are charged as much as one can take.
 */
#define FAILED_US (60 * USECS_PER_SEC)

/* A role that has, or had, handlers. */
typedef struct Share
{
	Oid owner;
	int64 start; /* tag of its next round, in us of virtual time; -1 = none yet */
	char *last;	 /* the handler that was run last; the next one by name follows */
} Share;

/* For as long as the process is there: of each role that has had a handler since. */
static List *shares = NIL;

/* The start tag of the round that was served last. */
static int64 virtual_time = 0;

static Share *
share_of(Oid owner)
{
	MemoryContext before;
	ListCell *cell;
	Share *share;

	foreach (cell, shares)
	{
		share = lfirst(cell);
		if (share->owner == owner)
			return share;
	}
	before = MemoryContextSwitchTo(TopMemoryContext);
	share = palloc0(sizeof(Share));
	share->owner = owner;
	share->start = -1;
	shares = lappend(shares, share);
	MemoryContextSwitchTo(before);
	return share;
}

static int64
failed_before(const List *due, Oid owner)
{
	int64 us = 0;
	ListCell *cell;

	foreach (cell, due)
	{
		const MsgHandlerId *id = lfirst(cell);

		if (id->owner == owner && id->failed)
			us += FAILED_US;
	}
	return us;
}

void
msgext_handler_queue_begin(const List *due)
{
	ListCell *cell;

	foreach (cell, due)
	{
		const MsgHandlerId *id = lfirst(cell);
		Share *share = share_of(id->owner);

		if (share->start < 0)
			share->start = virtual_time + failed_before(due, id->owner);
		share->start = Max(share->start, virtual_time);
	}
}

/* Is it, of two of one role, the one to be run before? They take turns by name. */
static bool
precedes(const Share *share, const MsgHandlerId *one, const MsgHandlerId *other)
{
	bool one_follows = share->last == NULL || strcmp(one->name, share->last) > 0;
	bool other_follows = share->last == NULL || strcmp(other->name, share->last) > 0;

	if (one_follows != other_follows)
		return one_follows;
	return strcmp(one->name, other->name) < 0;
}

MsgHandlerId *
msgext_handler_queue_next(const List *due)
{
	MsgHandlerId *next = NULL;
	Share *of_next = NULL;
	ListCell *cell;

	foreach (cell, due)
	{
		MsgHandlerId *id = lfirst(cell);
		Share *share = id->over ? NULL : share_of(id->owner);

		if (share != NULL && (next == NULL || share->start < of_next->start ||
							  (share == of_next && precedes(share, id, next))))
		{
			next = id;
			of_next = share;
		}
	}
	if (of_next != NULL)
		virtual_time = of_next->start;
	return next;
}

void
msgext_handler_queue_took(MsgHandlerId *id, int64 us, bool more)
{
	Share *share = share_of(id->owner);
	char *last = MemoryContextStrdup(TopMemoryContext, id->name);

	if (share->last != NULL)
		pfree(share->last);
	share->last = last;
	share->start += Max(us, 0);
	id->over = !more;
}
