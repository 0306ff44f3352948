/*
 * reminder.h
 *		What is to be done later: rows of msgext.reminder.
 *
 * Only a dispatcher takes what is due. A row is a reminder, not the truth: whoever
 * takes one looks at the message itself.
 */
#ifndef MSGEXT_REMINDER_H
#define MSGEXT_REMINDER_H

#include "pg/store/table.h"
#include "utils/timestamp.h"

#define MSG_REMINDER_SEND "send"
#define MSG_REMINDER_POLL "poll"
#define MSG_REMINDER_UNKNOWN "unknown"

typedef struct MsgReminder
{
	int64 id;
	TimestampTz at;
	ItemPointerData tid; /* good in the transaction that read it */
} MsgReminder;

extern MsgTable *msgext_reminder_open(bool writable);
extern void msgext_reminder_add(MsgTable *reminders, Oid server, const char *kind,
								TimestampTz at, int64 id);

/*
 * Reads up to max reminders at or before until, oldest first, none before from, and at
 * from itself only those of messages above after: the caller passes how far it has
 * read, so that no dead entry is walked twice. Returns how many.
 */
extern int msgext_reminder_read(MsgTable *reminders, Oid server, const char *kind,
								TimestampTz from, int64 after, TimestampTz until,
								MsgReminder *found, int max);
/* In the transaction that read it; later, msgext_reminder_remove_one(). */
extern void msgext_reminder_remove(MsgTable *reminders, const MsgReminder *reminder);

/* Removes the reminder of this message at this time, if it is there. */
extern void msgext_reminder_remove_one(MsgTable *reminders, Oid server, const char *kind,
									   TimestampTz at, int64 id);

/* Such a message, queued first at that time, does not wait for a person any more. */
extern void msgext_reminder_forget_unknown(Oid server, TimestampTz created_at, int64 id);

/* Is there a reminder of this message between these times, both included? */
extern bool msgext_reminder_exists(MsgTable *reminders, Oid server, const char *kind,
								   TimestampTz from, TimestampTz to, int64 id);

/* The time of the first reminder behind from and after, or 0. */
extern TimestampTz msgext_reminder_first(MsgTable *reminders, Oid server,
										 const char *kind, TimestampTz from, int64 after);

#endif /* MSGEXT_REMINDER_H */
