/*
 * breaker.h
 *		A circuit breaker: after nothing but failures for some time a server is left
 *		alone, but for one probe at growing intervals.
 *
 * A pure state machine; the caller tells the time, in microseconds, and what happened.
 *
 *		CLOSED	requests go out. failing_us is when the present run of failures began, 0
 *				without one. A failure that is at least break_after behind the first of
 *				MSG_BREAKER_RUN or more, with no success between: to OPEN.
 *		OPEN	nothing goes out. From probe_us on, one message may: to PROBING.
 *		PROBING	that message is on its way, and nothing else. Any success: to CLOSED. Its
 *				failure, or its going without an outcome: to OPEN. Where nothing is told of
 *				it at all, another may try MSG_BREAKER_MAX_US behind probe_us.
 *
 * What was under way when it opened may still come back: its success closes the breaker,
 * its failure tells nothing new.
 */
#ifndef MSGEXT_BREAKER_H
#define MSGEXT_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

/* So many failures at least: one in the evening and one in the morning are no outage. */
#define MSG_BREAKER_RUN 5

/*
 * From one probe to the next one, at first and at last. Where break_after is shorter than
 * the first, it is that.
 */
#define MSG_BREAKER_MIN_US (INT64_C(30) * 1000000)
#define MSG_BREAKER_MAX_US (INT64_C(900) * 1000000)

typedef enum MsgBreakerState
{
	MSG_BREAKER_CLOSED,
	MSG_BREAKER_OPEN,
	MSG_BREAKER_PROBING
} MsgBreakerState;

typedef struct MsgBreaker
{
	MsgBreakerState state;
	int64_t failing_us; /* of CLOSED */
	int failures;		/* since then; counts up to MSG_BREAKER_RUN */
	int64_t opened_us;	/* of the others: since when */
	int64_t probe_us;	/* of the others: no probe before this */
	int probes;			/* made since it opened */
} MsgBreaker;

/*
 * A request failed; the provider asked to be left alone for wait_us, 0 = it did not. True
 * when the breaker opens with it. break_us 0: it never does.
 */
extern bool msgext_breaker_failed(MsgBreaker *breaker, int64_t break_us, int64_t wait_us,
								  int64_t now_us);

/* A request got an answer to its question. True when the breaker closes with it. */
extern bool msgext_breaker_worked(MsgBreaker *breaker);

/* When the next message may go out; INT64_MIN: at any time. */
extern int64_t msgext_breaker_next_us(const MsgBreaker *breaker);

/* May one go out now? */
extern bool msgext_breaker_admits(const MsgBreaker *breaker, int64_t now_us);

/*
 * One does. True when that is the probe, for which the time of the next one is set, by
 * the caller to be kept.
 */
extern bool msgext_breaker_claimed(MsgBreaker *breaker, int64_t break_us, int64_t now_us);

/* The probe is over, however it ended, if nothing was said of it before. */
extern void msgext_breaker_probe_ended(MsgBreaker *breaker);

/* Somebody has released the server: from here on anew. */
extern void msgext_breaker_reset(MsgBreaker *breaker);

#endif /* MSGEXT_BREAKER_H */
