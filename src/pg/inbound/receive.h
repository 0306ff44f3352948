/*
 * receive.h
 *		A provider's push becomes rows: for the SQL function and for the listener.
 */
#ifndef MSGEXT_RECEIVE_H
#define MSGEXT_RECEIVE_H

#include "core/provider.h"
#include "pg/catalog/server.h"

/*
 * Takes a push in the current transaction, as the current user, whose rights are checked.
 * Returns how many new reports were applied; -1, with *error filled in and nothing
 * changed, when the body cannot be read. *full: not all were taken, see callback.h.
 */
extern int msgext_receive(MsgServer *server, const char *body, size_t len, bool *full,
						  MsgError *error);

#endif /* MSGEXT_RECEIVE_H */
