/*
 * rate.h
 *		So many in a period, kept over a sliding window: may one more go now, and when
 *		does the next one have its turn?
 *
 * Pure arithmetic: the caller tells the time and gives the memory. Times are microseconds
 * of whatever clock; 0 stands for never.
 */
#ifndef MSGEXT_RATE_H
#define MSGEXT_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/option.h"

typedef struct MsgRateWindow
{
	MsgRate rate;
	int count; /* entries of times, so many in period_us */
	int64_t period_us;
	int next;			 /* the oldest entry: overwritten by the next one that goes */
	int64_t *times;		 /* when the last count went; the caller's */
	int64_t line_end_us; /* when the last of those that wait has its turn */
} MsgRateWindow;

/*
 * A part of a rate, for one of several who share it. Rounded down, so that all parts
 * together are never more; what is less than one a period is one in a longer period.
 */
extern MsgRate msgext_rate_share(const MsgRate *rate, const MsgShare *share);

/* How many entries the window of this rate, which is not off, needs: 10000 at most. */
extern int msgext_rate_entries(const MsgRate *rate);

/*
 * Starts a window with as many entries. What went before last_us, 0 = nothing did, is not
 * known: a window of up to a minute is taken for full at that time. To do so for a day's
 * would stop the sender for a day: a longer one is taken for evenly used.
 */
extern void msgext_rate_start(MsgRateWindow *window, const MsgRate *rate, int64_t *times,
							  int64_t last_us);

/* When the last one went. */
extern int64_t msgext_rate_newest(const MsgRateWindow *window);

/* Does the window hold nothing that counts now? */
extern bool msgext_rate_rests(const MsgRateWindow *window, int64_t now_us);

/*
 * May one more go now? Counts it if so. Otherwise *until_us is when the next one may. A
 * rate of more than 10000 is kept in coarser steps, never looser.
 */
extern bool msgext_rate_take(MsgRateWindow *window, int64_t now_us, int64_t *until_us);

/*
 * What was counted at claimed_us leaves only now: it counts from now on, for the other
 * side counts what arrives.
 */
extern void msgext_rate_leave(MsgRateWindow *window, int64_t claimed_us, int64_t now_us);

/*
 * Where one that had to wait should line up: the time at which its turn comes if those
 * that wait already go first. False when more than a window's worth and a thousand wait;
 * *at_us is then when it would be.
 */
extern bool msgext_rate_reserve(MsgRateWindow *window, int64_t now_us, int64_t *at_us);

#endif /* MSGEXT_RATE_H */
