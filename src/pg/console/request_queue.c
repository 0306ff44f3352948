/*
 * request_queue.c
 *		Whose request is answered next: see request_queue.h.
 *
 * Start-time fair queueing, as in outcome/handler_queue.c. Sessions are told apart by the
 * cookie as it was sent, whether it is one of ours or not: a made-up one is a session of
 * its own, which is refused.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"

#include "pg/console/http.h"
#include "pg/console/request_queue.h"

/* Sessions whose cookies have the same hash modulo this share one tag. */
#define SHARES 1024

typedef struct Waiting
{
	MsgPush *push;
	int share;
} Waiting;

static List *all = NIL; /* of Waiting *, the oldest first */

/* When each share's last request was done, in microseconds of virtual time. */
static int64 finish[SHARES];
static int64 virtual_time = 0; /* the start tag of the request that was served last */
static int serving = 0;		   /* its share */

void
msgext_console_queue_add(MsgPush *push)
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

/* A session that had nothing to ask for has saved up nothing. */
static int64
start_tag(const Waiting *one)
{
	return Max(finish[one->share], virtual_time);
}

MsgPush *
msgext_console_queue_next(void)
{
	Waiting *next = NULL;
	ListCell *cell;
	MsgPush *push;

	foreach (cell, all)
	{
		Waiting *one = lfirst(cell);

		if (next == NULL || start_tag(one) < start_tag(next))
			next = one;
	}
	if (next == NULL)
		return NULL;
	virtual_time = start_tag(next);
	serving = next->share;
	push = next->push;
	all = list_delete_ptr(all, next);
	pfree(next);
	return push;
}

void
msgext_console_queue_took(int64 us)
{
	finish[serving] = virtual_time + Max(us, 0);
}
