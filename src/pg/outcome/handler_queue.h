/*
 * handler_queue.h
 *		Whose handler is run next, where those of many roles share one process.
 *
 * By the time that each role's handlers have taken: a role whose handlers are slow, or end
 * the process, holds up another role's for one round at a time, however many it has. Runs
 * none of them.
 */
#ifndef MSGEXT_HANDLER_QUEUE_H
#define MSGEXT_HANDLER_QUEUE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "pg/outcome/handler.h"

/* Once a pass, with the handlers that may be due in it (MsgHandlerId *). */
extern void msgext_handler_queue_begin(const List *due);

/* The next one of them, or NULL when there is none. */
extern MsgHandlerId *msgext_handler_queue_next(const List *due);

/* Its round has taken us microseconds. Without more to do, it is over for this pass. */
extern void msgext_handler_queue_took(MsgHandlerId *id, int64 us, bool more);

#endif /* MSGEXT_HANDLER_QUEUE_H */
