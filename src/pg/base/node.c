/*
 * node.c
 *		Several databases that send as one: see node.h.
 */
#include "postgres.h"

#include "common/int.h"

#include "pg/base/node.h"

int msgext_node = 0;

#define NODES (MSG_NODE_MAX + 1)

int64
msgext_node_id(int64 number)
{
	int64 id;

	if (msgext_node == 0)
		return number;
	if (msgext_node == MSG_NODE_UNKNOWN)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("msgext.node of this database cannot be read"),
						errdetail("An id of a message could be another node's."),
						errhint("Set it to the number of this node, or reset it.")));
	if (pg_mul_s64_overflow(number, NODES, &id) ||
		pg_add_s64_overflow(id, msgext_node, &id))
		ereport(ERROR,
				(errcode(ERRCODE_SEQUENCE_GENERATOR_LIMIT_EXCEEDED),
				 errmsg("message ids of node %d have run out", msgext_node),
				 errdetail("The sequence msgext.outbox_id_seq stands at " INT64_FORMAT
						   ", and an id is a hundred times that.",
						   number)));
	return id;
}

/* The other node whose message this id is; 0 = it may be ours. */
static int
other_node(int64 id)
{
	int node = (int) (id % NODES);

	/* Ids of 0 and of no node are from before the nodes were named. */
	return msgext_node <= 0 || id < 1 || node == msgext_node ? 0 : node;
}

void
msgext_node_refuse_other(int64 id)
{
	int node = other_node(id);

	if (node != 0)
		ereport(ERROR, (errcode(MSG_ERRCODE_OTHER_NODE),
						errmsg("message " INT64_FORMAT " is not of this node", id),
						errdetail("This is node %d; the id is one of node %d.",
								  msgext_node, node),
						errhint("Ask the database whose msgext.node is %d.", node)));
}
