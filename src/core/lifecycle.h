/*
 * lifecycle.h
 *		States of a message, which may follow which, and what follows an answer.
 *
 * Pure functions of their arguments: no clock, no randomness, no storage. This is the
 * only place that decides on a transition.
 */
#ifndef MSGEXT_LIFECYCLE_H
#define MSGEXT_LIFECYCLE_H

#include <stdbool.h>
#include <stdint.h>

typedef enum MsgState
{
	MSG_QUEUED,		 /* waits in the outbox */
	MSG_SENDING,	 /* claimed: a request for it may be on the wire */
	MSG_ACCEPTED,	 /* the provider took it */
	MSG_SENT,		 /* handed on towards the recipient */
	MSG_DELIVERED,	 /* reached the recipient */
	MSG_READ,		 /* seen by the recipient */
	MSG_UNDELIVERED, /* sent on, did not reach the recipient */
	MSG_FAILED,		 /* failed on the way, or attempts ran out */
	MSG_REJECTED,	 /* the provider said no for good */
	MSG_EXPIRED,	 /* not sent in time, or its validity ended */
	MSG_CANCELLED,	 /* withdrawn before it left, or at the provider */
	MSG_UNKNOWN		 /* perhaps taken, nobody can say */
} MsgState;

#define MSG_STATE_COUNT (MSG_UNKNOWN + 1)

/* What an answer means. */
typedef enum MsgVerdict
{
	MSG_VERDICT_ACCEPTED, /* the provider took it */
	MSG_VERDICT_PROGRESS, /* answer to a status request: see the events */
	MSG_VERDICT_RETRY,	  /* certainly not taken, and may be sent again */
	MSG_VERDICT_CONTINUE, /* nothing failed, something is left: send again at once */
	MSG_VERDICT_SPLIT,	  /* the request was refused as a whole for the sake of one of its
						   * messages: send them again at once, in smaller ones */
	MSG_VERDICT_REJECTED, /* never again; code and text say why */
	MSG_VERDICT_RELOGIN,  /* the session was refused: log in, then send again */
	MSG_VERDICT_PAUSE,	  /* not taken, and nothing else of this channel will be */
	MSG_VERDICT_PAUSE_ACCOUNT, /* nor will anything with these credentials be */
	MSG_VERDICT_UNSURE		   /* perhaps taken */
} MsgVerdict;

/* Whom an answer stops, beside the message. */
typedef enum MsgHold
{
	MSG_HOLD_NOBODY,
	MSG_HOLD_ACCOUNT, /* the sender's, whose credentials were refused */
	MSG_HOLD_SERVER	  /* everybody's */
} MsgHold;

/* What the engine knows beside the answer. Durations are milliseconds. */
typedef struct MsgPolicy
{
	bool deduplicates;	 /* the provider knows our key and takes a message once */
	bool resend_unknown; /* on_unknown 'resend' */
	int max_attempts;	 /* counted failures; 0 = no limit */
	int64_t retry_min_ms;
	int64_t retry_max_ms;
	int64_t give_up_ms; /* since the first attempt; 0 = never */
} MsgPolicy;

typedef struct MsgHistory
{
	int failures;			  /* counted ones before this answer */
	int64_t first_attempt_us; /* since it was queued, or retried by a person */
	int64_t expires_us;		  /* 0 = never */
	uint64_t seed;	 /* of the jitter: the same for the same message and attempt */
	bool maybe_sent; /* an earlier attempt may have reached the provider */
	bool begun;		 /* a part of it has gone out: sending goes on from there */
} MsgHistory;

typedef struct MsgDecision
{
	MsgState state;	 /* QUEUED = wait for next_us, then send again */
	int64_t next_us; /* only with QUEUED */
	bool counted;	 /* adds to failures */
	MsgHold hold;
	const char *note; /* why, where the answer's own text does not say it, or NULL */
} MsgDecision;

/* As columns and views have it. */
extern const char *msgext_state_name(MsgState state);
/* False when the text names no state. */
extern bool msgext_state_parse(const char *text, MsgState *state);
/* For tests and their golden files. */
extern const char *msgext_verdict_name(MsgVerdict verdict);

/* Nothing more is sent or asked for it by itself. */
extern bool msgext_state_is_final(MsgState state);

/* It did not arrive, or nobody can tell: somebody may have to look at it. */
extern bool msgext_state_is_bad_end(MsgState state);

/*
 * May a status report move a message from one state to the other? Never backwards:
 * proof of delivery beats every other end, and no end gives way to progress.
 */
extern bool msgext_state_may_follow(MsgState current, MsgState reported);

/* Exponential backoff with full jitter over its upper half, in milliseconds. */
extern int64_t msgext_backoff_ms(int64_t min_ms, int64_t max_ms, int failures,
								 uint64_t seed);

/*
 * The one table of what follows a send's answer. retry_after_ms is -1 when not given;
 * inherent is that of MsgOutcome.
 *
 * A message that may have been sent before ends as its repeat's acceptance, or unknown: a
 * repeat that is refused, or that is not made any more, says nothing of the first one.
 */
extern void msgext_lifecycle_decide(const MsgPolicy *policy, const MsgHistory *history,
									MsgVerdict verdict, bool inherent,
									int64_t retry_after_ms, int64_t now_us,
									MsgDecision *decision);

#endif /* MSGEXT_LIFECYCLE_H */
