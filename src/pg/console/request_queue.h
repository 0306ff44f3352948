/*
 * request_queue.h
 *		Requests that wait for the one process, and whose is answered next.
 *
 * By the time that each session's requests have taken: one that asks for much, or for many
 * things at once, holds up another session for one request at a time. Owns the order, and
 * answers nothing.
 */
#ifndef MSGEXT_CONSOLE_REQUEST_QUEUE_H
#define MSGEXT_CONSOLE_REQUEST_QUEUE_H

#include "postgres.h"

#include "net/http_push.h"

/* It waits from now on. The listener owns the push, and keeps it until it is answered. */
extern void msgext_console_queue_add(MsgPush *push);

/* The next one, which waits no longer, or NULL. */
extern MsgPush *msgext_console_queue_next(void);

/* To answer the one that was next has taken so many microseconds. */
extern void msgext_console_queue_took(int64 us);

#endif /* MSGEXT_CONSOLE_REQUEST_QUEUE_H */
