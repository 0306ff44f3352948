/*
 * handler_turns.h
 *		Whose handler is run next, where those of many roles share one process.
 *
 * By the time that each role's have taken: one whose handlers are slow, or end the process,
 * holds up another role's for one round at a time, however many he has.
 */
#ifndef MSGEXT_HANDLER_TURNS_H
#define MSGEXT_HANDLER_TURNS_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "pg/outcome/handler.h"

/* Once a pass, with the handlers that may be due in it (MsgHandlerId *). */
extern void msgext_handler_turns_begin(const List *due);

/* The next one of them, or NULL when there is none. */
extern MsgHandlerId *msgext_handler_turns_next(const List *due);

/* It has taken so long. Where there is no more to do for it, it is over for this pass. */
extern void msgext_handler_turns_took(MsgHandlerId *id, int64 us, bool more);

#endif /* MSGEXT_HANDLER_TURNS_H */
