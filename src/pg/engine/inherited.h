/*
 * inherited.h
 *		Claims of dispatchers that have ended: what may have been on the wire then.
 *
 * Owns their list in memory. Their messages count as under way until what came of them is
 * recorded, which settle.c does.
 */
#ifndef MSGEXT_INHERITED_H
#define MSGEXT_INHERITED_H

#include "nodes/pg_list.h"

#include "pg/engine/turn_tables.h"

typedef struct MsgInheritedMessage
{
	int64 id;
	int32 attempt;
	TimestampTz created;
	bool written; /* by this transaction, which has not committed */
	bool settled;
	TimestampTz not_before;
} MsgInheritedMessage;

typedef struct MsgInheritedClaim
{
	int64 id;
	int n;
	MsgInheritedMessage messages[FLEXIBLE_ARRAY_MEMBER];
} MsgInheritedClaim;

typedef struct MsgInherited
{
	List *claims; /* of MsgInheritedClaim *, each with a message that is not settled */
	int64 last_claim;	 /* the newest id among them: the clock may have been set back */
	TimestampTz look_at; /* again */
} MsgInherited;

/* Reads what there is, in a transaction of its own, before the first turn. */
extern void msgext_inherited_read(MsgInherited *inherited, MsgTurn *turn,
								  MemoryContext context);

/*
 * The transaction failed: what it had written is open again. The message whose fault that
 * is, or 0, waits a while.
 */
extern void msgext_inherited_abort(MsgInherited *inherited, int64 culprit);

/* Is this message one of them, and not settled? */
extern bool msgext_inherited_has(const MsgInherited *inherited, int64 message);

#endif /* MSGEXT_INHERITED_H */
