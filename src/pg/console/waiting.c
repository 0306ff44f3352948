/*
 * waiting.c
 *		Whose request is answered next: see waiting.h.
 *
 * Start-time fair queueing, as outcome/handler_turns.c. A session is its cookie as it was
 * given: who makes one up has a turn of his own, in which he is refused.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"

#include "pg/console/http.h"
#include "pg/console/waiting.h"

/* Sessions whose cookies fall together share what they have used. */
#define SHARES 1024

typedef struct Waiting
{
	MsgPush *push;
	int share;
} Waiting;

static List *all = NIL; /* of Waiting *, the oldest first */

/* What each has used, in microseconds from an origin that nobody needs. */
static int64 used[SHARES];
static int64 served = 0; /* what the one had used that was served last */
static int serving = 0;

void
msgext_console_waiting_add(MsgPush *push)
{
	const char *cookie = msgext_console_cookie(push);
	MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);
	Waiting *one = palloc(sizeof(Waiting));

	one->push = push;
	one->share =
		cookie == NULL
			? 0
			: (int) (hash_bytes((const unsigned char *) cookie, (int) strlen(cookie)) %
					 SHARES);
	all = lappend(all, one);
	MemoryContextSwitchTo(before);
}

/* Who has had nothing to ask for has saved up nothing. */
static int64
start_of(const Waiting *one)
{
	return Max(used[one->share], served);
}

MsgPush *
msgext_console_waiting_next(void)
{
	Waiting *next = NULL;
	ListCell *cell;
	MsgPush *push;

	foreach (cell, all)
	{
		Waiting *one = lfirst(cell);

		if (next == NULL || start_of(one) < start_of(next))
			next = one;
	}
	if (next == NULL)
		return NULL;
	served = start_of(next);
	serving = next->share;
	push = next->push;
	all = list_delete_ptr(all, next);
	pfree(next);
	return push;
}

void
msgext_console_waiting_took(int64 us)
{
	used[serving] = served + Max(us, 0);
}
