/*
 * arena.h
 *		Allocation for everything that knows no server: one arena lives as long as
 *		the piece of work it serves, and all of it goes at once.
 *
 * Owns the contract only. The backend's arena is a MemoryContext (pg/arena_pg.c), the
 * tests' is a list of malloc blocks (core/arena_std.c). A codec never frees anything.
 */
#ifndef MSGEXT_ARENA_H
#define MSGEXT_ARENA_H

#include <stddef.h>

typedef struct MsgArena MsgArena;

struct MsgArena
{
	/*
	 * Returns memory aligned for any type. Never returns NULL: when there is none left
	 * the backend's arena raises an error (the caller's frame is unwound) and the
	 * tests' arena aborts.
	 */
	void *(*alloc)(MsgArena *arena, size_t size);

	/*
	 * Ties a foreign object (a libxml2 document, say) to the arena: release(object) is
	 * called when the arena goes. If registering fails the object is released at once.
	 */
	void (*own)(MsgArena *arena, void (*release)(void *object), void *object);
};

/* An arena of malloc blocks, for programs without a server. */
extern MsgArena *msgext_arena_std_create(void);
extern void msgext_arena_std_reset(MsgArena *arena);
extern void msgext_arena_std_destroy(MsgArena *arena);

static inline void *
msgext_alloc(MsgArena *arena, size_t size)
{
	return arena->alloc(arena, size);
}

/* Zeroed. */
extern void *msgext_alloc0(MsgArena *arena, size_t size);

/* Copies, with a NUL behind them; of len bytes, which may hold NULs, exactly those. */
extern char *msgext_strndup(MsgArena *arena, const char *text, size_t len);
extern char *msgext_strdup(MsgArena *arena, const char *text);

#endif /* MSGEXT_ARENA_H */
