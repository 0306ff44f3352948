/*
 * server_event.h
 *		What happened to servers: appends rows to msgext.server_event, never changes one.
 */
#ifndef MSGEXT_SERVER_EVENT_H
#define MSGEXT_SERVER_EVENT_H

#include "pg/store/table.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

typedef struct MsgServerEvent
{
	Oid server;
	const char *name;
	const char *kind;	/* as the comment on column kind lists them */
	const char *actor;	/* session_user; NULL: the dispatcher, by an answer */
	const char *reason; /* or NULL */
	Jsonb *detail;		/* or NULL */
} MsgServerEvent;

extern void msgext_server_event_append(const MsgServerEvent *event);

/* For retention: opened to be trimmed, and when a row was written. */
extern MsgTable *msgext_server_event_open(void);
extern TimestampTz msgext_server_event_at(TupleTableSlot *row);

#endif /* MSGEXT_SERVER_EVENT_H */
