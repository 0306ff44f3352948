/*
 * due.h
 *		What is to be done later: rows of msgext.due.
 *
 * Only a dispatcher takes what is due. A row is a reminder, not the truth: whoever
 * takes one looks at the message itself.
 */
#ifndef MSGEXT_DUE_H
#define MSGEXT_DUE_H

#include "pg/store/table.h"
#include "utils/timestamp.h"

#define MSGEXT_DUE_SEND "send"
#define MSGEXT_DUE_POLL "poll"
#define MSGEXT_DUE_UNKNOWN "unknown"

typedef struct MsgDue
{
	int64 id;
	TimestampTz at;
	ItemPointerData tid;
} MsgDue;

extern MsgTable *msgext_due_open(bool writable);
extern void msgext_due_add(MsgTable *due, const char *server, const char *kind,
						   TimestampTz at, int64 id);

/*
 * Reads up to max reminders at or before until, oldest first, none before from, and at
 * from itself only those of messages above after: the caller passes how far it has
 * read, so that no dead entry is walked twice. Returns how many.
 */
extern int msgext_due_read(MsgTable *due, const char *server, const char *kind,
						   TimestampTz from, int64 after, TimestampTz until,
						   MsgDue *found, int max);
extern void msgext_due_remove(MsgTable *due, const MsgDue *reminder);

/* Removes the reminder of this message at this time, if it is there. */
extern void msgext_due_remove_one(MsgTable *due, const char *server, const char *kind,
								  TimestampTz at, int64 id);

/* The time of the first reminder behind from and after, or 0. */
extern TimestampTz msgext_due_first(MsgTable *due, const char *server, const char *kind,
									TimestampTz from, int64 after);

#endif /* MSGEXT_DUE_H */
