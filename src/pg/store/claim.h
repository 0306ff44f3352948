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
	ItemPointerData tid;
	TimestampTz claimed_at;
	int n;
	int64 *messages;
	int32 *attempts;
} MsgClaim;

extern MsgTable *msgext_claim_open(bool writable);
extern void msgext_claim_add(MsgTable *claims, int64 id, TimestampTz at, int n,
							 const int64 *messages, const int32 *attempts);
extern void msgext_claim_remove(MsgTable *claims, int64 id);

/* Reads the claim in slot into the current memory context. */
extern void msgext_claim_read(TupleTableSlot *slot, MsgClaim *claim);

/* The first claim there is, in the current memory context; false when there is none. */
extern bool msgext_claim_first(MsgTable *claims, MsgClaim *claim);

/* Is there a claim of this attempt of this message, as the snapshot sees it? */
extern bool msgext_claim_exists(MsgTable *claims, Snapshot snapshot, int64 message,
								int32 attempt);

/*
 * The fence. A dispatcher holds it from before it looks whether a row is being changed
 * until its claim has committed. Who has changed a row waits at it and then looks for a
 * claim: one of the two always sees the other.
 */
extern void msgext_claim_fence_hold(void);
extern void msgext_claim_fence_wait(void);

#endif /* MSGEXT_CLAIM_H */
