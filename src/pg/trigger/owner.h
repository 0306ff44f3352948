/*
 * owner.h
 *		Who owns a template or a table.
 */
#ifndef MSGEXT_OWNER_H
#define MSGEXT_OWNER_H

#include "postgres.h"

/* Of a relation; InvalidOid when it is gone. */
extern Oid msgext_owner_of(Oid relation);

#endif /* MSGEXT_OWNER_H */
