/*
 * request.h
 *		One request to the console, from what came in to the whole of its answer.
 *
 * Files of the page for anybody; all else for sessions, as the session's role, which only
 * reads unless it acts. Tokens, cookies and keys are in no log and no error. All texts are
 * in the memory context that is current.
 */
#ifndef MSGEXT_CONSOLE_REQUEST_H
#define MSGEXT_CONSOLE_REQUEST_H

#include "core/json.h"
#include "net/http_listener.h"

typedef struct MsgConsoleRequest
{
	const MsgPush *push;
	const char *path;
	MsgJson *args; /* what it asks for, an object */
} MsgConsoleRequest;

/* False: it has been answered, and nothing is to be done. Outside a transaction. */
extern bool msgext_console_request_read(const MsgPush *push, MsgConsoleRequest *request,
										MsgPushAnswer *answer);

/*
 * In a transaction of its own, to be committed before the answer is given. What fails is an
 * ERROR.
 */
extern void msgext_console_request_run(const MsgConsoleRequest *request,
									   MsgPushAnswer *answer);

/* After an ERROR of run or of the commit, before the transaction's end. */
extern void msgext_console_request_clean_up(void);
/* Is it ours, or the server's, and not of who asked? */
extern bool msgext_console_request_is_fault(const ErrorData *error);
/* Answers with it. Outside a transaction, for one that has failed finds no conversion. */
extern void msgext_console_request_fail(const ErrorData *error, MsgPushAnswer *answer);

#endif /* MSGEXT_CONSOLE_REQUEST_H */
