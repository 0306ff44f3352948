/*
 * arena_std.c
 *		The arena of programs without a server: unit tests, fuzz targets.
 *
 * Owns malloc'ed blocks and the objects registered with them. Each allocation is a
 * block of its own, so that a memory checker sees every overrun.
 */
#include "core/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct Block
{
	struct Block *next;
	max_align_t data[];
} Block;

typedef struct Owned
{
	struct Owned *next;
	void (*release)(void *object);
	void *object;
} Owned;

typedef struct StdArena
{
	MsgArena base;
	Block *blocks;
	Owned *owned;
} StdArena;

static void *
std_alloc(MsgArena *arena, size_t size)
{
	StdArena *std = (StdArena *) arena;
	Block *block;

	if (size > SIZE_MAX - sizeof(Block) || (block = malloc(sizeof(Block) + size)) == NULL)
		abort();
	block->next = std->blocks;
	std->blocks = block;
	return block->data;
}

static void
std_own(MsgArena *arena, void (*release)(void *object), void *object)
{
	StdArena *std = (StdArena *) arena;
	Owned *owned = std_alloc(arena, sizeof(Owned));

	owned->release = release;
	owned->object = object;
	owned->next = std->owned;
	std->owned = owned;
}

MsgArena *
msgext_arena_std_create(void)
{
	StdArena *std = calloc(1, sizeof(StdArena));

	if (std == NULL)
		abort();
	std->base.alloc = std_alloc;
	std->base.own = std_own;
	return &std->base;
}

void
msgext_arena_std_reset(MsgArena *arena)
{
	StdArena *std = (StdArena *) arena;
	Owned *owned;
	Block *block;

	for (owned = std->owned; owned != NULL; owned = owned->next)
		owned->release(owned->object);
	std->owned = NULL;
	while ((block = std->blocks) != NULL)
	{
		std->blocks = block->next;
		free(block);
	}
}

void
msgext_arena_std_destroy(MsgArena *arena)
{
	msgext_arena_std_reset(arena);
	free(arena);
}
