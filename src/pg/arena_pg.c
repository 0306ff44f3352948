/*
 * arena_pg.c
 *		A codec's arena on a memory context: see arena_pg.h.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "pg/arena_pg.h"

typedef struct PgArena
{
	MsgArena base;
	MemoryContext context;
} PgArena;

static void *
pg_alloc(MsgArena *arena, size_t size)
{
	/* A document of 50 MB with its envelope is beyond palloc's ordinary limit. */
	return MemoryContextAllocHuge(((PgArena *) arena)->context, size);
}

static void
pg_own(MsgArena *arena, void (*release)(void *object), void *object)
{
	MemoryContext context = ((PgArena *) arena)->context;
	MemoryContextCallback *callback =
		MemoryContextAllocExtended(context, sizeof(*callback), MCXT_ALLOC_NO_OOM);

	if (callback == NULL)
	{
		release(object);
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	}
	callback->func = release;
	callback->arg = object;
	MemoryContextRegisterResetCallback(context, callback);
}

MsgArena *
msgext_arena_pg_create(MemoryContext context)
{
	PgArena *arena = MemoryContextAlloc(context, sizeof(PgArena));

	arena->base.alloc = pg_alloc;
	arena->base.own = pg_own;
	arena->context = context;
	return &arena->base;
}
