/*
 * event_filter.h
 *		Which events a consumer wants.
 *
 * {"server": …, "kind": …, "state": …, "code": …}: each a text or a list of texts, of
 * which one must fit; all that are given must fit.
 */
#ifndef MSGEXT_EVENT_FILTER_H
#define MSGEXT_EVENT_FILTER_H

#include "postgres.h"

#include "utils/jsonb.h"

typedef struct MsgEventFilter
{
	List *servers; /* of texts; NIL = any */
	List *kinds;
	List *states;
	List *codes;
} MsgEventFilter;

/* ERROR 22023 when it is not of this form. NULL lets everything pass. */
extern MsgEventFilter *msgext_event_filter_read(Jsonb *filter);

extern bool msgext_event_filter_takes_row(const MsgEventFilter *filter, const char *kind,
										  const char *state, const char *code);
extern bool msgext_event_filter_takes_server(const MsgEventFilter *filter,
											 const char *server);

#endif /* MSGEXT_EVENT_FILTER_H */
