/*
 * personium_store.c
 *		What cells remember: the ids of the messages they have received, and the
 *		copies of those they have sent.
 *
 * Owns both, and nothing of what is said about them. Keys are text, in a tree.
 */
#define _GNU_SOURCE /* tdestroy */

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "personium.h"

typedef struct Node
{
	uint64_t ledger;	/* of a received message */
	PersoniumSent sent; /* of a sent one */
	char key[];
} Node;

static void *received;
static void *sent;

static int
compare(const void *a, const void *b)
{
	return strcmp(((const Node *) a)->key, ((const Node *) b)->key);
}

static Node *
new_node(const char *cell, const char *id)
{
	Node *node = must_alloc(sizeof(Node) + strlen(cell) + strlen(id) + 2);

	/* Neither has a blank in it. */
	strcpy(node->key, cell);
	strcat(node->key, " ");
	strcat(node->key, id);
	return node;
}

static Node *
find(void *const *tree, const char *cell, const char *id)
{
	Node *key = new_node(cell, id);
	Node **found = tfind(key, tree, compare);

	free(key);
	return found != NULL ? *found : NULL;
}

static Node *
add(void **tree, const char *cell, const char *id)
{
	Node *node = new_node(cell, id);

	if (tsearch(node, tree, compare) == NULL)
		die("out of memory");
	return node;
}

static void
node_free(void *arg)
{
	Node *node = arg;

	buf_free(&node->sent.answer);
	free(node);
}

uint64_t
personium_received(const char *target, const char *id)
{
	const Node *node = find(&received, target, id);

	return node != NULL ? node->ledger : 0;
}

void
personium_receive(const char *target, const char *id, uint64_t ledger)
{
	add(&received, target, id)->ledger = ledger;
}

const PersoniumSent *
personium_sent(const char *cell, const char *id)
{
	Node *node = find(&sent, cell, id);

	return node != NULL ? &node->sent : NULL;
}

void
personium_keep_sent(const char *cell, const char *id, PersoniumSent *copy)
{
	add(&sent, cell, id)->sent = *copy;
	memset(copy, 0, sizeof(*copy));
}

void
personium_forget(void)
{
	tdestroy(received, node_free);
	tdestroy(sent, node_free);
	received = sent = NULL;
}
