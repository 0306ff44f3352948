/*
 * taken.c
 *		The messages that were taken, by their id and their key: see peer.h.
 */
#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

#define BUCKETS 65536

static Taken *by_id[BUCKETS];
static Taken *by_key[BUCKETS];
static uint64_t last_id = UINT64_C(3222000000000000000);

Taken *
find_id(const char *id)
{
	Taken *t = by_id[hash(id) % BUCKETS];

	while (t != NULL && strcmp(t->id, id) != 0)
		t = t->next_id;
	return t;
}

Taken *
find_key(const char *key)
{
	Taken *t = by_key[hash(key) % BUCKETS];

	while (t != NULL && strcmp(t->key, key) != 0)
		t = t->next_key;
	return t;
}

Taken *
take(const char *prefix, const char *tag, const char *key)
{
	Taken *t = calloc(1, sizeof(Taken));
	Taken **place;

	if (t == NULL ||
		asprintf(&t->id, "%s%llu", prefix, (unsigned long long) ++last_id) < 0)
		die("memory");
	t->tag = strdup(tag);
	place = &by_id[hash(t->id) % BUCKETS];
	t->next_id = *place;
	*place = t;
	if (key != NULL)
	{
		t->key = strdup(key);
		place = &by_key[hash(key) % BUCKETS];
		t->next_key = *place;
		*place = t;
	}
	return t;
}

bool
is_refused(const char *tag)
{
	return hash(tag) % 20 == 7;
}

const char *
last_status(const Taken *taken)
{
	return hash(taken->tag) % 10 == 4 ? "undelivered" : "delivered";
}
