/*
 * event_filter.h
 *		Which events a consumer wants.
 *
 * {"server": …, "kind": …, "state": …, "code": …}: each a text or a list of texts, of
 * which one must fit; all that are given must fit. {"kind": "push", "server": …} is for
 * pushes, which are no events of messages.
 */
#ifndef MSGEXT_EVENT_FILTER_H
#define MSGEXT_EVENT_FILTER_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#define MSG_KIND_PUSH "push"

typedef struct MsgEventFilter
{
	List *servers; /* of texts; NIL = any */
	List *kinds;
	List *states;
	List *codes;
	bool pushes;
} MsgEventFilter;

/* ERROR 22023 when it is not of this form. NULL lets everything pass. */
extern MsgEventFilter *msgext_event_filter_read(Jsonb *filter);

extern bool msgext_event_filter_takes_row(const MsgEventFilter *filter, const char *kind,
										  const char *state, const char *code);
extern bool msgext_event_filter_takes_server(const MsgEventFilter *filter,
											 const char *server);

#endif /* MSGEXT_EVENT_FILTER_H */
