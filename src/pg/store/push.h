/*
 * push.h
 *		Pushes that are for the application: rows of msgext.inbox.
 *
 * Owns the columns, the order in which they are taken, and that they are done with. How
 * they come in is inbound/inbox.c's.
 */
#ifndef MSGEXT_PUSH_H
#define MSGEXT_PUSH_H

#include "pg/store/table.h"

/* clang-format off */
#define INBOX_COLUMNS(C) \
	C(inbox, id) C(inbox, server_oid) C(inbox, origin) C(inbox, server) \
	C(inbox, push_id) C(inbox, type) C(inbox, received_at) C(inbox, done_at) \
	C(inbox, payload) C(inbox, body) C(inbox, headers)
/* clang-format on */
MSG_COLUMN_NUMBERS(inbox, INBOX_COLUMNS);

extern MsgTable *msgext_push_open(void);

/* To read only. */
extern MsgTable *msgext_push_open_read(void);

/* Those that nobody is done with, by id; an entry of another origin may be among them. */
extern MsgScan *msgext_push_scan(MsgTable *pushes, Oid server, Snapshot snapshot);

/* The application is done with the row in slot; false when somebody else has it. */
extern bool msgext_push_finish(MsgTable *pushes, TupleTableSlot *slot);

#endif /* MSGEXT_PUSH_H */
