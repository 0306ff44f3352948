/*
 * waiting.h
 *		Requests that wait for the one process, and whose is answered next.
 *
 * By the time that each session's have taken: whoever asks for much, or for many things at
 * once, holds up another session for one request at a time.
 */
#ifndef MSGEXT_CONSOLE_WAITING_H
#define MSGEXT_CONSOLE_WAITING_H

#include "postgres.h"

#include "net/http_push.h"

/* It waits from now on. The push is the listener's, which keeps it until it is answered. */
extern void msgext_console_waiting_add(MsgPush *push);

/* The next one, which waits no longer, or NULL. */
extern MsgPush *msgext_console_waiting_next(void);

/* To answer it has taken so long. */
extern void msgext_console_waiting_took(int64 us);

#endif /* MSGEXT_CONSOLE_WAITING_H */
