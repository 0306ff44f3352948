/*
 * arena_pg.h
 *		A codec's arena on a memory context.
 */
#ifndef MSGEXT_ARENA_PG_H
#define MSGEXT_ARENA_PG_H

#include "core/arena.h"
#include "utils/palloc.h"

/*
 * The arena allocates in context, which it does not own: resetting or deleting the
 * context releases what was tied to the arena. The arena itself lies in the context.
 */
extern MsgArena *msgext_arena_pg_create(MemoryContext context);

#endif /* MSGEXT_ARENA_PG_H */
