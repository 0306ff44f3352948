/*
 * sequence.h
 *		Numbers from the extension's sequences.
 *
 * As from nextval(), but for two things: the session's lastval() stays what the application
 * has made it, who may queue by a trigger and ask for the id of its own row after that; and
 * a sequence can be held open for many numbers.
 */
#ifndef MSGEXT_SEQUENCE_H
#define MSGEXT_SEQUENCE_H

#include "postgres.h"

#include "storage/buf.h"
#include "utils/relcache.h"

typedef struct MsgSequence
{
	Relation rel;
	Buffer buffer; /* its only page, pinned */
	bool plain;	   /* as it was created: the next number is one more */
} MsgSequence;

/*
 * For writing, until it is closed or the current resource owner ends. The lock stays until
 * the transaction ends.
 */
extern void msgext_sequence_open(MsgSequence *sequence, const char *name);
extern void msgext_sequence_close(MsgSequence *sequence);

/* Like nextval()'s, a number does not come back with a rollback. Asks for no privilege. */
extern int64 msgext_sequence_next(MsgSequence *sequence);

/* One number of a sequence that is not open. */
extern int64 msgext_sequence_take(const char *name);

/* The last number that was given. Asks for no privilege. */
extern int64 msgext_sequence_last(const char *name);

#endif /* MSGEXT_SEQUENCE_H */
