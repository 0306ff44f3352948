/*
 * node.h
 *		Several databases that send as one: which of them a message belongs to.
 *
 * Owns msgext.node and how it is part of an id: the last two digits. Knows no other node
 * and asks none.
 */
#ifndef MSGEXT_NODE_H
#define MSGEXT_NODE_H

#include "postgres.h"

/* Of this database, 1 to MSG_NODE_MAX; 0 = it is on its own. */
extern int msgext_node;

/* One has been set, and cannot be read. */
#define MSG_NODE_UNKNOWN (-1)

#define MSG_NODE_MAX 99

/* What was asked about is another node's. */
#define MSG_ERRCODE_OTHER_NODE MAKE_SQLSTATE('M', 'X', '4', '2', '1')

/* The id of the message of this number of the sequence. */
extern int64 msgext_node_id(int64 number);

/* There is no message of this id here: ERROR if it is another node's. */
extern void msgext_node_refuse_other(int64 id);

#endif /* MSGEXT_NODE_H */
