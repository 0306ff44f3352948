/*
 * arena_pg.c
 *		A codec's arena on a memory context: see arena_pg.h.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "pg/base/arena_pg.h"

/*
 * Small pieces are cut from chunks of this size: nobody frees one by itself. A power of two,
 * as memory contexts deal in; the arena itself is in the first.
 */
#define CHUNK_SIZE 1024

typedef struct PgArena
{
	MsgArena base;
	MemoryContext context;
	char *next; /* what is left of the chunk */
	size_t left;
} PgArena;

static void *
pg_alloc(MsgArena *base, size_t size)
{
	PgArena *arena = (PgArena *) base;
	void *piece;

	/* A document of 50 MB with its envelope is beyond palloc's ordinary limit. */
	if (size > CHUNK_SIZE / 4)
		return MemoryContextAllocHuge(arena->context, size);
	size = MAXALIGN(size);
	if (size > arena->left)
	{
		arena->next = MemoryContextAlloc(arena->context, CHUNK_SIZE);
		arena->left = CHUNK_SIZE;
	}
	piece = arena->next;
	arena->next += size;
	arena->left -= size;
	return piece;
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
	PgArena *arena = MemoryContextAlloc(context, CHUNK_SIZE);

	arena->next = (char *) arena + MAXALIGN(sizeof(PgArena));
	arena->left = CHUNK_SIZE - MAXALIGN(sizeof(PgArena));
	arena->base.alloc = pg_alloc;
	arena->base.own = pg_own;
	arena->context = context;
	return &arena->base;
}
