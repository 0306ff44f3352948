/*
 * row_access.h
 *		May the current user have this of a message, whose row has been read? Rights are
 *		catalog/access.h's, rows are store/outbox.h's; here they meet.
 */
#ifndef MSGEXT_ROW_ACCESS_H
#define MSGEXT_ROW_ACCESS_H

#include "pg/catalog/access.h"
#include "pg/store/origin.h"
#include "pg/store/outbox.h"

/* server is the message's, for MSG_ACCESS_CHANGE; else InvalidOid. */
static inline bool
msgext_row_may(MsgAccess access, const MsgRow *row, Oid server)
{
	return msgext_access_message(access, row->sender_oid,
								 msgext_row_text(row, Anum_outbox_sender),
								 row->origin != msgext_origin(), server);
}

#endif /* MSGEXT_ROW_ACCESS_H */
