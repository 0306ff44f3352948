/*
 * receive.h
 *		A provider's push becomes rows: for the SQL function and for the listener.
 */
#ifndef MSGEXT_RECEIVE_H
#define MSGEXT_RECEIVE_H

#include "fmgr.h"
#include "utils/jsonb.h"

#include "core/provider.h"
#include "pg/catalog/server.h"

/* What became of a push. */
typedef struct MsgReceived
{
	int applied;  /* new reports, applied to their messages; or new rows of the inbox */
	bool foreign; /* some may be of another node: no message of theirs is here */
	bool full; /* not all was taken: too much of the server is kept already (quota.h) */
	bool inbox_full; /* likewise of pushes that nobody has taken */
	int status;		 /* to be answered with, and a text or NULL */
	const char *answer;
	const char *answer_type;
} MsgReceived;

/*
 * Takes a push in the current transaction, as the current user, whose rights are checked.
 * headers are "Name: value" lines in UTF-8. False, with *error filled in and nothing
 * changed, when it is refused; the status is then of that.
 */
extern bool msgext_receive(MsgServer *server, const char *headers, const char *body,
						   size_t len, MsgReceived *received, MsgError *error);

/*
 * The same where a caller in SQL is told: what is refused, or finds no room, is an ERROR.
 * headers are an object of names and texts, or NULL. Returns how much was applied.
 */
extern int msgext_receive_from_sql(MsgServer *server, Jsonb *headers, const char *body,
								   size_t len);

/* The same with the arguments of a function in SQL: server, body, headers. */
extern int msgext_receive_call(FunctionCallInfo fcinfo, const char *command);

#endif /* MSGEXT_RECEIVE_H */
