/*
 * turn_tables.h
 *		The transaction of a turn: its tables, its memory, and the message it is at.
 *
 * Begins and commits it, and opens a table when a turn comes to need it. Names the
 * message and the server in every error that is raised meanwhile. Never decides anything.
 */
#ifndef MSGEXT_TURN_TABLES_H
#define MSGEXT_TURN_TABLES_H

#include "postgres.h"

#include "pg/store/outbox.h"
#include "utils/timestamp.h"

/* How the owner of a dispatcher begins and ends transactions. */
typedef struct MsgXactOps
{
	void (*begin)(void);
	void (*commit)(void);
} MsgXactOps;

typedef enum MsgTableKind
{
	MSG_TABLE_OUTBOX,
	MSG_TABLE_EVENTS,
	MSG_TABLE_REMINDERS,
	MSG_TABLE_CLAIMS,
	MSG_TABLE_REFERENCES,
	MSG_TABLE_USES,
	MSG_TABLE_BLOCKED
} MsgTableKind;

#define MSG_TABLE_COUNT (MSG_TABLE_BLOCKED + 1)

/*
 * So many results a turn takes and records, and at so many messages it looks to send them:
 * some milliseconds, however much there is to do. What is left, the next one does at once.
 * A half of it is packets of a hundred, too.
 */
#define MSG_TURN_MESSAGES 400

typedef struct MsgTurn
{
	const MsgXactOps *xact;
	MemoryContext context; /* reset after each turn */
	MemoryContext message; /* reset after each message that a turn looks at */
	bool active;		   /* between msgext_turn_begin() and msgext_turn_commit() */
	TimestampTz now;	   /* of this turn, from its begin on */
	MsgTable *tables[MSG_TABLE_COUNT]; /* NULL = not opened in this turn */
	bool work_left;					   /* capacity ended before the work did */
	int looked;						   /* at so many messages, to send them */
	bool more;						   /* than one turn does */

	/* What an error would be about; see msgext_turn_reading(). */
	int64 reading;		/* message, or 0 */
	const char *server; /* or NULL */
	ErrorContextCallback context_callback;
} MsgTurn;

extern void msgext_turn_init(MsgTurn *turn, MemoryContext parent, const MsgXactOps *xact);

/*
 * Begins a transaction with a snapshot, and makes the turn's context the current one. An
 * ERROR until msgext_turn_commit() leaves the turn to msgext_turn_abandon().
 */
extern void msgext_turn_begin(MsgTurn *turn);

/*
 * Commits it, to this machine's disk whatever synchronous_commit says: what is claimed
 * may be on the wire a moment later, and must not be forgotten by a crash.
 */
extern void msgext_turn_commit(MsgTurn *turn);

/* After the abort of its transaction: forgets what was open in it. */
extern void msgext_turn_abandon(MsgTurn *turn);

/*
 * Messages that it may still look at, to send them: a backlog of which nothing may leave
 * must not make it long. One that finds no room, and stays where it is, does not count.
 */
static inline int
msgext_turn_looks_left(const MsgTurn *turn)
{
	return MSG_TURN_MESSAGES - turn->looked;
}

/* From here on, errors are about this message of this server. 0 and NULL: about none. */
static inline void
msgext_turn_reading(MsgTurn *turn, int64 message, const char *server)
{
	turn->reading = message;
	turn->server = server;
}

/* One of the tables, open until the turn commits. */
extern MsgTable *msgext_turn_table(MsgTurn *turn, MsgTableKind kind);

static inline MsgTable *
outbox_of(MsgTurn *turn)
{
	return msgext_turn_table(turn, MSG_TABLE_OUTBOX);
}

static inline MsgTable *
events_of(MsgTurn *turn)
{
	return msgext_turn_table(turn, MSG_TABLE_EVENTS);
}

static inline MsgTable *
reminders_of(MsgTurn *turn)
{
	return msgext_turn_table(turn, MSG_TABLE_REMINDERS);
}

static inline MsgTable *
claims_of(MsgTurn *turn)
{
	return msgext_turn_table(turn, MSG_TABLE_CLAIMS);
}

static inline MsgTable *
references_of(MsgTurn *turn)
{
	return msgext_turn_table(turn, MSG_TABLE_REFERENCES);
}

static inline MsgTable *
uses_of(MsgTurn *turn)
{
	return msgext_turn_table(turn, MSG_TABLE_USES);
}

static inline MsgTable *
blocked_of(MsgTurn *turn)
{
	return msgext_turn_table(turn, MSG_TABLE_BLOCKED);
}

/* Writes what has been gathered of the timeline and of the providers' ids. */
extern void msgext_turn_flush(MsgTurn *turn);

/* What this turn has written is seen by what it reads from here on. */
extern void msgext_turn_see_own_writes(void);

#endif /* MSGEXT_TURN_TABLES_H */
