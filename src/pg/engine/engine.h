/*
 * engine.h
 *		What the parts of the dispatcher share: upstreams, flights and batches. For
 *		dispatcher.c, upstreams.c, take.c, poll.c, batch.c, flight.c, record.c and session.c
 *		only.
 */
#ifndef MSGEXT_ENGINE_H
#define MSGEXT_ENGINE_H

#include "pg/catalog/server.h"
#include "pg/engine/dispatcher.h"
#include "pg/engine/limiter.h"
#include "pg/store/claim.h"
#include "pg/store/event.h"
#include "pg/store/lane.h"
#include "pg/store/outbox.h"
#include "pg/store/reference.h"
#include "pg/store/reminder.h"
#include "pg/store/server_pause.h"
#include "utils/hsearch.h"

#define MSG_PRIORITIES 5

/* A sender without usable credentials is looked at again this often. */
#define MSG_ACCOUNT_RETRY_US (10 * USECS_PER_SEC)

/* Of a provider's code so many bytes are kept. */
#define MSG_CODE_MAX 256

/*
 * What is to go out again at once waits for the next turn: until the end of this one it
 * counts as under way.
 */
#define MSG_NEXT_TURN_US 1000

/* A server as the dispatcher works it. */
typedef struct MsgUpstream
{
	char *name;
	MsgServer *server; /* pinned; NULL when its options cannot be read */
	MsgLane *lanes[MSG_PRIORITIES];
	bool hungry[MSG_PRIORITIES]; /* the lane may have something to read */
	int in_flight;				 /* requests */
	unsigned asked;				 /* turns that had room for a request */
	bool paused;
	char pause_wanted[512];		  /* a pause that could not be written down yet, or "" */
	TimestampTz send_from;		  /* reminders before this have been taken */
	TimestampTz poll_from;		  /* likewise, and of those at poll_from itself ... */
	int64 poll_after;			  /* ... those up to this message */
	TimestampTz polls_held_until; /* a login is wanted for them, and not to be had */
	TimestampTz next_due;		  /* the first reminder that may be there; 0 = none */
	TimestampTz throttled_until;  /* a rate limit holds messages back until then */
	TimestampTz line_until;		  /* the last of those set aside for it has its turn */
	MsgHealth health;
} MsgUpstream;

/* A claim's row in memory. */
typedef struct MsgOpenClaim
{
	int64 id;
	int left;		  /* messages without a recorded result */
	int recorded_now; /* of them, those this turn records */
} MsgOpenClaim;

/* Whether the result of a message is in the tables. */
typedef enum MsgSettled
{
	MSG_SETTLED_OPEN,
	MSG_SETTLED_WRITTEN, /* by this turn, which has not committed */
	MSG_SETTLED_DONE
} MsgSettled;

/* Sessions with providers: see session.h. */
typedef struct MsgSessions MsgSessions;

/* One request, from claim to record. */
typedef struct MsgFlight
{
	struct MsgFlight *next;
	MemoryContext context; /* everything of it, itself too */
	MsgArena *arena;
	MsgUpstream *upstream;
	MsgServer *server; /* pinned */
	MsgAccount *account;
	MsgConn conn;	/* the account's, with the session this request is sent with */
	uint64 session; /* which one that was */
	bool login;		/* a login: one job, for no message */
	const char *refresh_token; /* of a login; NULL = by password */
	const char **secrets;	   /* once it has landed: what the answer must not echo */
	MsgLogin login_answer;
	bool poll;
	MsgOpenClaim *batch; /* of a send */
	int n;				 /* messages; one for a login */
	int room;			 /* for so many without growing */
	int most;			 /* may become as many */
	size_t bytes;		 /* of their fragments */
	MsgJob *jobs;
	MsgReminder *reminders;	 /* of a poll: where each stood */
	ItemPointerData *places; /* of the rows, when they were read */
	MsgOutcome *outcomes;
	MsgSettled *settled;
	MsgRequest request;
	int http_status; /* 0 = no answer */
	const char *answer;
	size_t answer_len;
	bool landed;			/* outcomes are filled in */
	TimestampTz not_before; /* recording it failed: not again before this */
	int strikes;
} MsgFlight;

typedef struct MsgUnderWay
{
	int64 id; /* message; the hash key */
	MsgFlight *flight;
} MsgUnderWay;

/* A message of a request that was refused as a whole. */
typedef struct MsgBatchLimit
{
	int64 id; /* message; the hash key */
	int most; /* messages its next request may have */
} MsgBatchLimit;

/* A report that another transaction was writing when its message was recorded. */
typedef struct MsgRematch
{
	MsgUpstream *upstream;
	char *provider_id;
	int64 message;
	TimestampTz until;
} MsgRematch;

/* Tables that a turn opens when it comes to need them. */
typedef enum MsgTableKind
{
	MSG_TABLE_OUTBOX,
	MSG_TABLE_EVENTS,
	MSG_TABLE_REMINDERS,
	MSG_TABLE_CLAIMS,
	MSG_TABLE_REFERENCES,
	MSG_TABLE_USES
} MsgTableKind;

#define MSG_TABLE_COUNT (MSG_TABLE_USES + 1)

/* What no latch tells of (a lock that went, a clock that moved) is found by this. */
#define MSG_TICK_US USECS_PER_SEC

#define MSG_POISON_MAX 64

struct MsgDispatcher
{
	MemoryContext context;
	MemoryContext turn;	   /* reset after each turn */
	MemoryContext message; /* reset after each message that a turn looks at */
	const MsgXactOps *host;
	struct MsgHttpThread *http;
	List *upstreams; /* of MsgUpstream * */
	uint64 generation;
	int rotation; /* which upstream comes first in this turn */
	MsgLimiter *limiter;
	MsgSessions *logins;
	HTAB *under_way;
	HTAB *portions;

	MsgFlight *fresh;  /* claimed by this turn, to be submitted after its commit */
	MsgFlight *landed; /* with a result to record */
	int nlanded;
	TimestampTz record_at; /* when the first of them can be recorded */
	MsgFlight *spare;	   /* contexts to use again */
	int flights;		   /* claimed or asked, and not recorded */

	MsgOpenClaim *batch; /* of this turn, or NULL */
	int64 last_batch;
	List *rematches;

	uint64 news; /* see registry.h */
	bool more;	 /* capacity ended before the work did */
	bool stopping;
	bool careful; /* a turn failed: record one flight at a time */
	TimestampTz last_turn;
	TimestampTz last_look; /* at everything, news or not */
	TimestampTz last_save;
	TimestampTz now; /* of this turn */

	int64 reading; /* message being looked at, should it raise an error */
	int npoison;
	int64 poison[MSG_POISON_MAX];	   /* messages that raised one */
	MsgTable *tables[MSG_TABLE_COUNT]; /* open in this turn; see outbox_of() */
};

/*
 * turn.c: one turn. Results are recorded in it if so wanted; what there is to send is
 * claimed in any case, and sent.
 */
extern void msgext_turn(MsgDispatcher *dispatcher, bool recording);
/* turn.c: the transaction of a turn, for what is done outside of one. */
extern void msgext_turn_begin(MsgDispatcher *dispatcher);
extern void msgext_turn_commit(MsgDispatcher *dispatcher);

/* turn.c: does it claim new work at all? */
extern bool msgext_takes(const MsgDispatcher *dispatcher);

/* turn.c: opens one of the tables, if this turn has not. */
extern MsgTable *msgext_turn_table(MsgDispatcher *dispatcher, MsgTableKind kind);

static inline MsgTable *
outbox_of(MsgDispatcher *dispatcher)
{
	return msgext_turn_table(dispatcher, MSG_TABLE_OUTBOX);
}

static inline MsgTable *
events_of(MsgDispatcher *dispatcher)
{
	return msgext_turn_table(dispatcher, MSG_TABLE_EVENTS);
}

static inline MsgTable *
reminders_of(MsgDispatcher *dispatcher)
{
	return msgext_turn_table(dispatcher, MSG_TABLE_REMINDERS);
}

static inline MsgTable *
claims_of(MsgDispatcher *dispatcher)
{
	return msgext_turn_table(dispatcher, MSG_TABLE_CLAIMS);
}

static inline MsgTable *
references_of(MsgDispatcher *dispatcher)
{
	return msgext_turn_table(dispatcher, MSG_TABLE_REFERENCES);
}

static inline MsgTable *
uses_of(MsgDispatcher *dispatcher)
{
	return msgext_turn_table(dispatcher, MSG_TABLE_USES);
}

/* take.c */
extern void msgext_take(MsgDispatcher *dispatcher);

/* poll.c: asks for the status of messages whose reminder is due. */
extern void msgext_take_polls(MsgDispatcher *dispatcher, MsgUpstream *upstream,
							  int requests);
/*
 * poll.c: records the answer about one message of the flight. False when another
 * transaction holds the row: to be recorded by a later turn.
 */
extern bool msgext_record_poll(MsgDispatcher *dispatcher, MsgFlight *flight, int i);
/*
 * poll.c: when to ask next. Geometric in effect: half of the time that has passed,
 * within the server's bounds.
 */
extern TimestampTz msgext_next_poll(const MsgServer *server, TimestampTz accepted_at,
									TimestampTz now);

/*
 * batch.c: may one more message of this account leave with this turn, in a request of
 * it or in a new one?
 */
extern bool msgext_batch_has_room(MsgDispatcher *dispatcher, MsgUpstream *upstream,
								  MsgAccount *account, int64 id, bool poll);
/* batch.c: adds it, and returns the request. */
extern MsgFlight *msgext_batch_join(MsgDispatcher *dispatcher, MsgUpstream *upstream,
									MsgAccount *account, const MsgRow *row, bool poll);
/*
 * batch.c: notes whether the message was judged, or goes out again in half a request
 * because this one was refused as a whole. flight may be NULL.
 */
extern void msgext_batch_note_outcome(MsgDispatcher *dispatcher, const MsgFlight *flight,
									  int64 id, const MsgOutcome *outcome);

/* flight.c */
extern MsgFlight *msgext_flight_create(MsgDispatcher *dispatcher, MsgUpstream *upstream,
									   MsgAccount *account);
/* Room for one more job, zeroed; its index. */
extern int msgext_flight_add(MsgFlight *flight);
/* Adds the message of this row. */
extern void msgext_flight_load(MsgFlight *flight, const MsgRow *row);
extern void msgext_flight_free(MsgDispatcher *dispatcher, MsgFlight *flight);
extern void msgext_flight_launch(MsgDispatcher *dispatcher, MsgFlight *flight);
/* Takes what the HTTP client has done. */
extern void msgext_flight_land(MsgDispatcher *dispatcher);

/* What is recorded of an answer beside its outcome. */
typedef struct MsgAnswer
{
	const char *kind; /* of the event */
	int http_status;
	const char *bytes;
	size_t len;

	/*
	 * When it was recorded: the turn's time for a send, from which its next attempt is
	 * counted too. 0 for status answers, which follow the events of their reports.
	 */
	TimestampTz at;
} MsgAnswer;

/* record.c: what an event of one message keeps of the answer to its request. */
extern MsgAnswer msgext_answer_to(const MsgFlight *flight, int i, const char *kind,
								  TimestampTz at);
extern void msgext_record_event(MsgDispatcher *dispatcher, const MsgRow *row, int attempt,
								MsgState state, const MsgOutcome *outcome,
								const MsgAnswer *answer, const char *note);

/* record.c */
extern void msgext_record(MsgDispatcher *dispatcher);
/* Settles messages of a claim whose dispatcher died. */
extern void msgext_record_interrupted(MsgDispatcher *dispatcher, int64 message,
									  int32 attempt);
extern void msgext_record_rematch(MsgDispatcher *dispatcher);

/* upstreams.c: adds a reminder and makes sure that it is woken up for. */
extern void msgext_upstream_remind(MsgDispatcher *dispatcher, MsgUpstream *upstream,
								   const char *kind, TimestampTz at, int64 id);
/* record.c: holds a upstream back from the next turn on; the pause is written down then. */
extern void msgext_upstream_pause(MsgUpstream *upstream, const char *code,
								  const char *text, int http_status);
/* upstreams.c: remembers a success of a upstream for server_status. */
extern void msgext_upstream_success(MsgDispatcher *dispatcher, MsgUpstream *upstream);
/* upstreams.c: remembers an error of a upstream for server_status. */
extern void msgext_upstream_error(MsgDispatcher *dispatcher, MsgUpstream *upstream,
								  const char *text);

/* upstreams.c: what memory held of a upstream, read from the tables again. */
extern void msgext_upstream_load(MsgDispatcher *dispatcher, MsgUpstream *upstream);
/* upstreams.c: which servers there are, and their settings, if the catalogs changed. */
extern void msgext_upstreams_refresh(MsgDispatcher *dispatcher);
/* upstreams.c: which lanes the news is of. */
extern void msgext_upstreams_mark_news(MsgDispatcher *dispatcher, uint64 news);
/*
 * upstreams.c: is it paused by now? To be asked before anything is claimed: what a restore
 * has written into the tables, no news tells of.
 */
extern bool msgext_upstream_is_paused(MsgUpstream *upstream);
/* upstreams.c: who is paused, and who no longer. */
extern void msgext_upstreams_read_pauses(MsgDispatcher *dispatcher);
/* upstreams.c: writes down whom an answer has paused. */
extern void msgext_upstreams_write_pauses(MsgDispatcher *dispatcher);
/* upstreams.c: writes down how far lanes have been read, and health. */
extern void msgext_upstreams_save(MsgDispatcher *dispatcher);

#endif /* MSGEXT_ENGINE_H */
