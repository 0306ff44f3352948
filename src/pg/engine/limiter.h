/*
 * limiter.h
 *		Rate limits that a provider sets and we keep before it has to refuse: so many a
 *		second for one sender.
 *
 * Rates are kept in memory, exactly, over a sliding window; a dispatcher that starts
 * waits as if the window before it were full. Limits per recipient:
 * store/recipient_use.h.
 */
#ifndef MSGEXT_LIMITER_H
#define MSGEXT_LIMITER_H

#include "core/rate.h"
#include "utils/timestamp.h"

typedef struct MsgLimiter MsgLimiter;

extern MsgLimiter *msgext_limiter_create(MemoryContext context);

/*
 * May one more message of this server and key leave now? Counts it if so. Otherwise
 * *until is when the next one may. last_claim is when the server last sent anything
 * before this dispatcher started, or 0.
 */
extern bool msgext_limiter_take(MsgLimiter *limiter, const char *server, const char *key,
								const MsgRate *rate, TimestampTz now,
								TimestampTz last_claim, TimestampTz *until);

/*
 * What was counted in the turn of claimed_at leaves now, after its commit: from here on
 * it counts.
 */
extern void msgext_limiter_leave(MsgLimiter *limiter, TimestampTz claimed_at,
								 TimestampTz now);

/* Counts a message of this server and key that left before this limiter was made. */
extern void msgext_limiter_restore(MsgLimiter *limiter, const char *server,
								   const char *key, const MsgRate *rate, TimestampTz at);

/*
 * Where a message that had to wait should line up: the time at which its turn comes if
 * those that wait already go first. False when more than a window's worth waits.
 */
extern bool msgext_limiter_reserve(MsgLimiter *limiter, const char *server,
								   const char *key, const MsgRate *rate, TimestampTz now,
								   TimestampTz *at);

#endif /* MSGEXT_LIMITER_H */
