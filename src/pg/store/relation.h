/*
 * relation.h
 *		Where the extension's schema and relations are in this database.
 *
 * They are found through the extension's membership, never by name alone: a schema or a
 * table that only has our name is somebody else's.
 */
#ifndef MSGEXT_RELATION_H
#define MSGEXT_RELATION_H

#include "postgres.h"

/* The extension's schema, or InvalidOid when it is not installed here. */
extern Oid msgext_schema_oid(void);

/* What precedes the names of relations of extension msgext_test, which the room test has. */
#define MSG_IN_TEST "msgext_test."

/*
 * A table, index or sequence of the extension. ERROR 42704 when there is none of that
 * name, or the extension is not installed here.
 */
extern Oid msgext_relation_oid(const char *name);

/* The same as SQL names it now, qualified. */
extern const char *msgext_relation_sql(const char *name);

/*
 * Changes whenever something about a relation of this database may have changed: what has
 * been found out about one holds that long. Never 0. For one that has found a relation.
 */
extern uint64 msgext_relation_generation(void);

#endif /* MSGEXT_RELATION_H */
