/*
 * recipient.h
 *		The server and the recipient that a function is called with, for its operator alone.
 */
#ifndef MSGEXT_SQL_RECIPIENT_H
#define MSGEXT_SQL_RECIPIENT_H

#include "fmgr.h"

#include "pg/catalog/server.h"

typedef struct MsgRecipient
{
	MsgServer *server;
	const char *given;	/* as he was written, in UTF-8 */
	char *name;			/* the same by msgext_recipient_normal() */
	const char *reason; /* the third argument, or NULL */
} MsgRecipient;

/*
 * ERROR 42501 unless the current user owns the server or operates it, 22023 where there
 * is no such recipient.
 */
extern void msgext_recipient_read(FunctionCallInfo fcinfo, MsgRecipient *recipient);

#endif /* MSGEXT_SQL_RECIPIENT_H */
