/*
 * event.h
 *		The timeline of messages: appends rows to msgext.event, never changes one.
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
} MsgEventRow;

extern MsgTable *msgext_event_open(void);
/*
 * Written by msgext_table_flush(). Texts that are no valid text in this database are made
 * so.
 */
extern void msgext_event_append(MsgTable *events, const MsgEventRow *event);

/*
 * A provider's text as this database can store it: cut to max bytes, without NULs and
 * other control characters, what is not valid in the encoding replaced. NULL stays NULL.
 */
extern char *msgext_clean_text(const char *text, size_t max);

/* How much of len bytes a cut to max leaves that splits no character of UTF-8. */
extern size_t msgext_whole_characters(const char *text, size_t len, size_t max);

#endif /* MSGEXT_EVENT_H */
