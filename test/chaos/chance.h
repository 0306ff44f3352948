/*
 * chance.h
 *		Chance that can be repeated: of the driver's provider and of its sessions.
 */
#ifndef CHAOS_CHANCE_H
#define CHAOS_CHANCE_H

#include <stdint.h>

extern void seed_random(uint64_t seed);
extern unsigned random_below(unsigned n);

#endif /* CHAOS_CHANCE_H */
