/*
 * message_filter.h
 *		Which messages are meant, of many: a JSON object becomes a query of their ids.
 *
 * {"id": …, "server": …, "state": …, "code": …, "recipient": …, "ref": {…},
 *  "created_after": …, "created_before": …}: all that are given must fit. What somebody has
 * dealt with is not meant. This is the one place where SQL is made: which index
 * serves is for the planner to say. It is run as the current user, under row-level security.
 */
#ifndef MSGEXT_MESSAGE_FILTER_H
#define MSGEXT_MESSAGE_FILTER_H

#include "postgres.h"

#include "utils/jsonb.h"

typedef struct MsgMessageFilter MsgMessageFilter;

/* states: those that the act is for, "," between them. ERROR 22023. */
extern MsgMessageFilter *msgext_message_filter_read(Jsonb *filter, const char *states);

/*
 * Ids above "after", in their order, up to max of them; returns how many. Within
 * SPI_connect().
 */
extern int msgext_message_filter_ids(const MsgMessageFilter *filter, int64 after,
									 int64 *ids, int max);

#endif /* MSGEXT_MESSAGE_FILTER_H */
