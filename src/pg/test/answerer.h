/*
 * answerer.h
 *		The provider in a rehearsal: a peer that answers from memory, as the test's rules
 *		say, in the provider's own words.
 *
 * Reads the case's messages, rules and journal at its beginning, and writes down rules and
 * journal at its end; in between it reads and writes no table but by
 * msgext_answerer_refresh(). So it may answer where no error may be raised.
 */
#ifndef MSGEXT_ANSWERER_H
#define MSGEXT_ANSWERER_H

#include "pg/engine/engine.h"
#include "pg/test/case_message.h"
#include "pg/test/journal.h"
#include "pg/test/wording.h"

/* What a call tells its caller, in order. */
typedef struct MsgHappening
{
	int n;
	int attempt;		/* 0 = none was made */
	const char *answer; /* or NULL */
	const char *state;
} MsgHappening;

typedef struct MsgAnswerer
{
	MsgPeer peer; /* the first */
	MemoryContext context;
	int n;
	MsgCaseMessage *messages; /* by id */
	MsgRules rules;
	int64 case_number;
	int written;	   /* entries of the journal before this call */
	List *entries;	   /* and of this call */
	List *unrecorded;  /* of them, those whose outcome is not in the tables */
	List *results;	   /* answers that wait to be taken */
	List *happenings;  /* of MsgHappening */
	int64 last_number; /* the last that was given */
	int turn;
} MsgAnswerer;

/* Also gives the engine's limiter what has left before. */
extern void msgext_answerer_init(MsgAnswerer *answerer, MemoryContext context,
								 MsgEngine *engine);

/* The n-th message; ERROR 22023 when there is none. */
extern MsgCaseMessage *msgext_answerer_message(MsgAnswerer *answerer, int n);

/* The message with this id, which there is. */
extern MsgCaseMessage *msgext_answerer_find(const MsgAnswerer *answerer, int64 id);

/* Reads again the rows that have been changed. */
extern void msgext_answerer_refresh(MsgAnswerer *answerer, MsgTable *outbox);
/* Tells of what the last turn has recorded. */
extern void msgext_answerer_note_states(MsgAnswerer *answerer);

extern void msgext_answerer_tell(MsgAnswerer *answerer, MsgCaseMessage *message,
								 int attempt, const char *answer);

/* Writes down what it has to remember. */
extern void msgext_answerer_finish(MsgAnswerer *answerer);

#endif /* MSGEXT_ANSWERER_H */
