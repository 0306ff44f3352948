/*
 * extension.h
 *		Which extension is in this database. Its oid is its identity: one that was dropped
 *		and created again has the same name, and other rows.
 */
#ifndef MSGEXT_EXTENSION_H
#define MSGEXT_EXTENSION_H

#include "postgres.h"

/* InvalidOid when it is not there. Within a transaction. */
extern Oid msgext_extension_oid(void);

/*
 * Keeps the extension from being dropped until the transaction ends; may wait for
 * somebody who is dropping it. False when this database has another one by now, or none.
 */
extern bool msgext_extension_hold(Oid extension);

#endif /* MSGEXT_EXTENSION_H */
