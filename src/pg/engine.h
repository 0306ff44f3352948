/*
 * engine.h
 *		What the parts of the dispatcher share: channels, flights and batches. For
 *		dispatcher.c, channels.c, take.c, flight.c, record.c and login.c only.
 */
#ifndef MSGEXT_ENGINE_H
#define MSGEXT_ENGINE_H

#include "pg/channel.h"
#include "pg/connection.h"
#include "pg/dispatcher.h"
#include "pg/due.h"
#include "pg/lane.h"
#include "pg/limit.h"
#include "pg/outbox.h"
#include "utils/hsearch.h"

#define MSGEXT_PRIORITIES 5

/* A server as the dispatcher works it. */
typedef struct MsgChannel
{
	char *name;
	MsgServer *server; /* pinned; NULL when its options cannot be read */
	MsgLane *lanes[MSGEXT_PRIORITIES];
	bool hungry[MSGEXT_PRIORITIES]; /* the lane may have something to read */
	int in_flight;					/* requests */
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
} MsgChannel;

/* A claim's row in memory. */
typedef struct MsgBatch
{
	int64 id;
	int left;		  /* messages without a recorded result */
	int recorded_now; /* of them, those this turn records */
} MsgBatch;

/* Whether the result of a message is in the tables. */
typedef enum MsgSettled
{
	MSGEXT_OPEN,
	MSGEXT_WRITTEN, /* by this turn, which has not committed */
	MSGEXT_DONE
} MsgSettled;

/* Sessions with providers: see login.h. */
typedef struct MsgLogins MsgLogins;

/* One request, from claim to record. */
typedef struct MsgFlight
{
	struct MsgFlight *next;
	MemoryContext context; /* everything of it, itself too */
	MsgArena *arena;
	MsgChannel *channel;
	MsgServer *server; /* pinned */
	MsgAccount *account;
	MsgConn conn;	/* the account's, with the session this request is sent with */
	uint64 session; /* which one that was */
	bool login;		/* a login: one job, for no message */
	const char *refresh_token; /* of a login; NULL = by password */
	MsgLogin login_answer;
	bool poll;
	MsgDue reminder; /* of a poll: where it stood */
	MsgBatch *batch; /* of a send */
	int n;
	MsgJob *jobs;
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

/* A report that another transaction was writing when its message was recorded. */
typedef struct MsgRematch
{
	MsgChannel *channel;
	char *provider_id;
	int64 message;
	TimestampTz until;
} MsgRematch;

typedef struct MsgTables
{
	MsgTable *outbox;
	MsgTable *events;
	MsgTable *due;
	MsgTable *claims;
	MsgTable *references;
	MsgTable *uses;
} MsgTables;

#define MSGEXT_POISON_MAX 64

struct MsgDispatcher
{
	MemoryContext context;
	MemoryContext turn; /* reset after each turn */
	const MsgHost *host;
	struct MsgHttp *http;
	List *channels; /* of MsgChannel * */
	uint64 generation;
	int rotation; /* which channel comes first in this turn */
	MsgLimiter *limiter;
	MsgLogins *logins;
	HTAB *under_way;

	MsgFlight *fresh;  /* claimed by this turn, to be submitted after its commit */
	MsgFlight *landed; /* with a result to record */
	int nlanded;
	TimestampTz landed_at; /* the first of them */
	MsgFlight *spare;	   /* contexts to use again */
	int flights;		   /* claimed or asked, and not recorded */

	MsgBatch *batch; /* of this turn, or NULL */
	int64 last_batch;
	List *rematches;

	bool news;
	bool more; /* capacity ended before the work did */
	bool stopping;
	bool careful; /* a turn failed: record one flight at a time */
	TimestampTz last_turn;
	TimestampTz last_save;
	TimestampTz now; /* of this turn */

	int64 reading; /* message being looked at, should it raise an error */
	int npoison;
	int64 poison[MSGEXT_POISON_MAX]; /* messages that raised one */
	MsgTables tables;				 /* open during a turn */
};

/* take.c */
extern void msgext_take(MsgDispatcher *dispatcher);

/* flight.c */
extern MsgFlight *msgext_flight_create(MsgDispatcher *dispatcher, MsgChannel *channel,
									   int n);
extern void msgext_flight_load(MsgFlight *flight, int i, const MsgRow *row);
extern void msgext_flight_free(MsgDispatcher *dispatcher, MsgFlight *flight);
extern void msgext_flight_launch(MsgDispatcher *dispatcher, MsgFlight *flight);
/* Takes what the HTTP client has done. */
extern void msgext_flight_land(MsgDispatcher *dispatcher);

/* record.c */
extern void msgext_record(MsgDispatcher *dispatcher);
/* Settles messages of a claim whose dispatcher died. */
extern void msgext_record_interrupted(MsgDispatcher *dispatcher, int64 message,
									  int32 attempt);
extern void msgext_record_rematch(MsgDispatcher *dispatcher);

/* channels.c: adds a reminder and makes sure that it is woken up for. */
extern void msgext_remind(MsgDispatcher *dispatcher, MsgChannel *channel,
						  const char *kind, TimestampTz at, int64 id);
/* record.c: holds a channel back from the next turn on; the pause is written down then. */
extern void msgext_pause_channel(MsgChannel *channel, const char *code, const char *text,
								 int http_status);
/* channels.c: remembers an error of a channel for server_status. */
extern void msgext_channel_error(MsgDispatcher *dispatcher, MsgChannel *channel,
								 const char *text);

/* channels.c: what memory held of a channel, read from the tables again. */
extern void msgext_channel_load(MsgDispatcher *dispatcher, MsgChannel *channel);
/* channels.c: which servers there are, and their settings, if the catalogs changed. */
extern void msgext_channels_refresh(MsgDispatcher *dispatcher);
/* channels.c: who is paused. */
extern void msgext_channels_look(MsgDispatcher *dispatcher);
/* channels.c: writes down whom an answer has paused. */
extern void msgext_channels_pause(MsgDispatcher *dispatcher);
/* channels.c: writes down how far lanes have been read, and health. */
extern void msgext_channels_save(MsgDispatcher *dispatcher);

#endif /* MSGEXT_ENGINE_H */
