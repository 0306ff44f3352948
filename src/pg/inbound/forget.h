/*
 * forget.h
 *		What reports and pushes say of somebody, removed: the rows stay, so that a repeat is
 *		known again.
 *
 * Reads both tables from end to end; what they keep, they keep for a week. Not touched is
 * what is needed as it is: a report that waits for its message, a push that the
 * application has not taken.
 */
#ifndef MSGEXT_FORGET_H
#define MSGEXT_FORGET_H

#include "postgres.h"

typedef struct MsgMention
{
	bool (*is_meant)(void *arg, int64 message);
	bool (*is_mentioned)(void *arg, const char *bytes, size_t len);
	void *arg;
} MsgMention;

/*
 * Reports on messages that are meant, and pushes that could not be read and mention him.
 * Returns how many there were.
 */
extern int64 msgext_forget_reports(Oid server, const MsgMention *mention);

/* Pushes for the application that mention him. */
extern int64 msgext_forget_pushes(Oid server, const MsgMention *mention);

#endif /* MSGEXT_FORGET_H */
