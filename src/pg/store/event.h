/*
 * event.h
 *		The timeline of messages: appends rows to msgext.event, and changes none but to
 *		forget what was said of somebody.
 */
#ifndef MSGEXT_EVENT_H
#define MSGEXT_EVENT_H

#include "core/provider.h"
#include "pg/store/table.h"
#include "utils/timestamp.h"

/* The part of a raw answer that is kept. */
#define MSG_EVENT_ANSWER_MAX 8192

typedef struct MsgEventRow
{
	int64 message_id;
	TimestampTz at;	  /* 0 = now, by the clock */
	const char *kind; /* as the comment on column kind lists them */
	int attempt;	  /* 0 = NULL */
	MsgState state;	  /* of the message after it */
	const char *channel;
	const char *status;
	const char *code;
	const char *error;
	int http_status; /* 0 = NULL */
	TimestampTz reported_at;
	const char *answer; /* cut to MSG_EVENT_ANSWER_MAX */
	size_t answer_len;
	const MsgJson *headers; /* of the answer, or NULL */
	int64 related;			/* another message it is about, too; 0 = none */
	const char *actor;		/* who did it, of what people do */
	const char *reason;		/* why, in his words */
} MsgEventRow;

/* clang-format off */
#define EVENT_COLUMNS(C) \
	C(event, id) C(event, message_id) C(event, at) C(event, xid) C(event, kind) \
	C(event, attempt) C(event, state) C(event, channel) C(event, status) \
	C(event, code) C(event, error) C(event, http_status) C(event, reported_at) \
	C(event, related) C(event, actor) C(event, reason) C(event, answer) \
	C(event, headers)
/* clang-format on */
MSG_COLUMN_NUMBERS(event, EVENT_COLUMNS);

extern MsgTable *msgext_event_open(void);

/* To read only. */
extern MsgTable *msgext_event_open_read(void);

/*
 * Written by msgext_table_flush(). Texts that are no valid text in this database are made
 * so. The message's row has been changed, and is held, before: ids tell the order of its
 * events.
 */
extern void msgext_event_append(MsgTable *events, const MsgEventRow *event);

/* When the newest event of the message was; 0 = it has none. */
extern TimestampTz msgext_event_last_at(MsgTable *events, int64 message);

/*
 * Has the message's timeline less than max events of this kind? A very long one, of whatever
 * kinds, has no room either. Good as long as the message's row is the one that was read.
 */
extern bool msgext_event_has_room(MsgTable *events, int64 message, const char *kind,
								  int max);

/*
 * Removes what was said in the timeline of a message, and leaves what happened. Returns how
 * many events said something.
 */
extern int64 msgext_event_blank(MsgTable *events, int64 message);

/* Removes the timeline of a message. */
extern void msgext_event_remove(MsgTable *events, int64 message);

#endif /* MSGEXT_EVENT_H */
