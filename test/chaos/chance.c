/*
 * chance.c
 *		Chance that can be repeated: see chance.h.
 */
#include "chance.h"

static uint64_t random_state;

void
seed_random(uint64_t seed)
{
	random_state = seed * 2 + 1;
}

/* xorshift64*: the same seed, the same choices in the same order. */
unsigned
random_below(unsigned n)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (unsigned) ((random_state * UINT64_C(2685821657736338717)) >> 33) % n;
}
