/*
 * adopt.h
 *		Messages of a restored copy become those of this database's server.
 */
#ifndef MSGEXT_ADOPT_H
#define MSGEXT_ADOPT_H

#include "pg/catalog/server.h"

/*
 * Takes over all messages that were queued in another database for a server of that
 * name: what is queued becomes new work here.
 */
extern void msgext_adopt(const MsgServer *server);

#endif /* MSGEXT_ADOPT_H */
