/*
 * inbox.h
 *		Pushes that are for the application: rows of msgext.inbox, each push once.
 *
 * Who takes them out is the application: by SQL, as whoever has the right. Rows that it is
 * done with are removed by retention; the others stay.
 */
#ifndef MSGEXT_INBOX_H
#define MSGEXT_INBOX_H

#include "core/provider.h"
#include "pg/catalog/server.h"
#include "pg/store/table.h"

/*
 * Takes a push in the current transaction. Returns how many rows it made: none when it
 * is there already, or when too many wait to be taken (*full is set then).
 */
extern int msgext_inbox_add(MsgServer *server, const MsgInbound *inbound,
							const MsgPushed *pushed, bool *full);

/*
 * Makes the pushes that a server of this name had in another database those of this one;
 * what has come to it again meanwhile stays as it came here. Reads the whole inbox.
 */
extern void msgext_inbox_adopt(const MsgServer *server);

/*
 * For retention: when it was over, as the application is done with it, or its server is
 * gone.
 */
extern TimestampTz msgext_inbox_ended_at(TupleTableSlot *row);

#endif /* MSGEXT_INBOX_H */
