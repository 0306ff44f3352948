/*
 * claim.h
 *		Batches of messages whose requests may be on the wire: rows of msgext.claim.
 *
 * A claim is committed before the first byte of its requests leaves, and removed with
 * the last of its results. What a dead dispatcher leaves is exactly what nobody can
 * tell the outcome of. The message's own row is not touched: its state says queued and
 * its attempts are one less than the claim's until the result is recorded.
 *
 * Also owns the fence that makes cancel_message() and a claim see each other.
 */
#ifndef MSGEXT_CLAIM_H
#define MSGEXT_CLAIM_H

#include "pg/store/table.h"
#include "utils/timestamp.h"

typedef struct MsgClaim
{
	int64 id;
	int n;
	int64 *messages;
	int32 *attempts;
	TimestampTz *created; /* with its id, the identity of a message's row */
} MsgClaim;

extern MsgTable *msgext_claim_open(bool writable);
extern void msgext_claim_add(MsgTable *claims, int64 id, TimestampTz at, int n,
							 const int64 *messages, const int32 *attempts,
							 const TimestampTz *created);
extern void msgext_claim_remove(MsgTable *claims, int64 id);

/* Reads the claim in slot into the current memory context. */
extern void msgext_claim_read(TupleTableSlot *slot, MsgClaim *claim);

/* All claims there are, MsgClaims in the current memory context. */
extern List *msgext_claim_list(MsgTable *claims);

/* Is there a claim of this attempt of this message, as the snapshot sees it? */
extern bool msgext_claim_exists(MsgTable *claims, Snapshot snapshot, int64 message,
								int32 attempt);

/*
 * The fence, by which a claim and a change of its row see each other:
 *
 *	dispatcher		1. holds the fence	2. takes a snapshot	3. leaves rows alone that
 *					another transaction is changing	4. writes the claim	5. commits, which
 *					lets go of the fence
 *	cancel_message	1. changes the row	2. waits at the fence	3. looks for a claim
 *					of the row with a new snapshot, and gives up when there is one
 *
 * Either the dispatcher's third step comes after the change, and it leaves the row, or
 * before: then its claim has committed when the wait is over.
 */
extern void msgext_claim_fence_hold(void);
extern void msgext_claim_fence_wait(void);

/*
 * Who cancels many may keep it up from before his changes until after them: nothing is
 * claimed meanwhile, so that he looks for claims first, and need take nothing back. Sending
 * waits for him: he must wait for nobody, and not for long.
 */
extern void msgext_claim_fence_block(void);
extern void msgext_claim_fence_unblock(void);

#endif /* MSGEXT_CLAIM_H */
