/*
 * event_id.h
 *		Ids of events, in the order they are given: only ever higher, whatever somebody
 *		makes of their sequence. Consumers know by them how far they have read.
 */
#ifndef MSGEXT_EVENT_ID_H
#define MSGEXT_EVENT_ID_H

#include "pg/store/table.h"

/* The highest id that has been given to an event so far. */
extern int64 msgext_event_last_id(void);

/* Ids up to this have been given: whoever finds the sequence below puts it there. */
extern void msgext_event_ids_reach(int64 id);

/* For a row that is put into events, which is open for writing, in this transaction. */
extern int64 msgext_event_next_id(MsgTable *events);

#endif /* MSGEXT_EVENT_ID_H */
