/*
 * flight.h
 *		One request, from the messages claimed for it to an answer understood: its memory,
 *		its pins, and where it stands.
 *
 * A flight is in exactly one of three lists; what can be trusted in each:
 *
 *		fresh	made by the turn under way. Its messages are claimed only when that turn
 *				has committed; if it does not, recover.c drops the flight.
 *		sent	its claim is committed, and the HTTP thread has it or is about to get it.
 *				Nobody else may touch its request.
 *		landed	outcomes are filled in. It stays until the result of its last message is
 *				committed; settled[] says of each how far that is.
 *
 * fresh -> sent (msgext_request_launch) -> landed (msgext_flight_land) -> freed. Whoever
 * makes a flight pins its server once, and freeing it unpins it once, whatever the number
 * of its messages.
 */
#ifndef MSGEXT_FLIGHT_H
#define MSGEXT_FLIGHT_H

#include "core/mask.h"
#include "lib/ilist.h"
#include "pg/engine/upstream.h"
#include "pg/store/reminder.h"
#include "utils/hsearch.h"

/* Of a provider's code so many bytes are kept. */
#define MSG_CODE_MAX 256

/*
 * What is to go out again at once waits for the next turn: until the end of this one it
 * counts as under way.
 */
#define MSG_NEXT_TURN_US 1000

/* A row of msgext.claim in memory: messages that were claimed together. */
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

typedef enum MsgFlightKind
{
	MSG_FLIGHT_SEND,  /* messages, under a claim */
	MSG_FLIGHT_POLL,  /* asks for the status of messages, under their reminders */
	MSG_FLIGHT_LOGIN, /* fetches a session: one job, for no message */
} MsgFlightKind;

typedef struct MsgFlight
{
	dlist_node node;	   /* in the list of where it stands */
	MemoryContext context; /* everything of it, itself too */
	MsgArena *arena;
	MsgFlightKind kind;
	MsgUpstream *upstream;
	MsgServer *server; /* pinned */
	MsgAccount *account;
	MsgConn conn;			   /* the account's, with the session it is sent with */
	uint64 session;			   /* which one that was */
	const char *refresh_token; /* of a login; NULL = by password */
	MsgSecrets secrets;		   /* once it has landed: what the answer must not echo */
	MsgLogin login_answer;
	MsgOpenClaim *claim; /* of a send */
	int n;				 /* messages; one for a login */
	int room;			 /* for so many without growing */
	int most;			 /* may become as many */
	size_t bytes;		 /* of their fragments */
	MsgJob *jobs;
	MsgReminder *reminders; /* of a poll: where each stood */
	MsgRowIdentity *rows;	/* which they were, when they were read */
	MsgOutcome *outcomes;
	MsgSettled *settled;
	MsgRequest request;
	TimestampTz expires_at; /* the first end of one of its messages; 0 = none ends */
	TimestampTz sent_at;	/* 0 = it could not be made */
	bool probe;				/* while its server was left alone: see outage.h */
	int http_status;		/* 0 = no answer */
	const char *answer;
	size_t answer_len;
	TimestampTz not_before; /* recording it failed: not again before this */
	int strikes;
} MsgFlight;

typedef struct MsgFlights
{
	MemoryContext context;
	dlist_head fresh;
	dlist_head sent;
	dlist_head landed;
	dlist_head spare; /* contexts to use again */
	int count;		  /* in the first three lists */
	int nlanded;
	TimestampTz record_at; /* when the first of the landed ones can be recorded */
	HTAB *under_way;	   /* messages with a flight, by id */
} MsgFlights;

extern void msgext_flights_init(MsgFlights *flights, MemoryContext context);
/* Unpins what all of them pin; for the end of a dispatcher. */
extern void msgext_flights_release(MsgFlights *flights);

/* Makes a fresh flight without messages. */
extern MsgFlight *msgext_flight_create(MsgFlights *flights, MsgFlightKind kind,
									   MsgUpstream *upstream, MsgAccount *account);
/* Room for one more job, zeroed; its index. */
extern int msgext_flight_add(MsgFlight *flight);
/* Adds the message of this row, which is under way from here on. */
extern void msgext_flight_load(MsgFlights *flights, MsgFlight *flight, const MsgRow *row);
/* Its outcomes are there: it waits to be recorded. */
extern void msgext_flight_land(MsgFlights *flights, MsgFlight *flight);
/* Ends it; its messages are no longer under way. */
extern void msgext_flight_free(MsgFlights *flights, MsgFlight *flight);

/* The flight of this message, or NULL. */
extern const MsgFlight *msgext_flights_find(const MsgFlights *flights, int64 message);
/* The result of this message is committed: it may go out again. */
extern void msgext_flights_forget(MsgFlights *flights, int64 message);

/* One outcome for all of its messages, or for the login. text lives in the flight. */
extern void msgext_flight_set_outcomes(MsgFlight *flight, MsgVerdict verdict,
									   const char *text);

#endif /* MSGEXT_FLIGHT_H */
