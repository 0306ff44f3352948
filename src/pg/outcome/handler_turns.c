/*
 * handler_turns.c
 *		Whose handler is run next: see handler_turns.h.
 *
 * Start-time fair queueing: the role is served that has been served least. Who has had
 * nothing to do is served first when he has, and has saved up no more than that.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "pg/outcome/handler_turns.h"

/*
 * What a process does not know of handlers that failed before its time, and may have ended the one
 * before it: as much as one can take.
 */
#define FAILED_US (60 * USECS_PER_SEC)

/* A role that has, or had, handlers. */
typedef struct Share
{
	Oid owner;
	int64 used; /* in microseconds, from an origin that nobody needs */
	char *last; /* the handler that was run last; the next one by name follows */
} Share;

/* For as long as the process is there: of each role that has had a handler since. */
static List *shares = NIL;

/* How much the role had used that was served last. */
static int64 served = 0;

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
	share->used = -1;
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
msgext_handler_turns_begin(const List *due)
{
	ListCell *cell;

	foreach (cell, due)
	{
		const MsgHandlerId *id = lfirst(cell);
		Share *share = share_of(id->owner);

		if (share->used < 0)
			share->used = served + failed_before(due, id->owner);
		share->used = Max(share->used, served);
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
msgext_handler_turns_next(const List *due)
{
	MsgHandlerId *next = NULL;
	Share *of_next = NULL;
	ListCell *cell;

	foreach (cell, due)
	{
		MsgHandlerId *id = lfirst(cell);
		Share *share = id->over ? NULL : share_of(id->owner);

		if (share != NULL && (next == NULL || share->used < of_next->used ||
							  (share == of_next && precedes(share, id, next))))
		{
			next = id;
			of_next = share;
		}
	}
	if (of_next != NULL)
		served = of_next->used;
	return next;
}

void
msgext_handler_turns_took(MsgHandlerId *id, int64 us, bool more)
{
	Share *share = share_of(id->owner);
	char *last = MemoryContextStrdup(TopMemoryContext, id->name);

	if (share->last != NULL)
		pfree(share->last);
	share->last = last;
	share->used += Max(us, 0);
	id->over = !more;
}
