/*
 * new_pages.h
 *		Pages of a table or an index ahead of what will be written into them.
 *
 * An index grows by one page at a time, and so does a table of PostgreSQL 15: each takes
 * system calls of its own, a seventh of what a message costs that is queued in bulk.
 */
#ifndef MSGEXT_NEW_PAGES_H
#define MSGEXT_NEW_PAGES_H

#include "postgres.h"

#include "utils/relcache.h"

/*
 * Before a page with so many free bytes is asked for: where none is known, makes the relation
 * longer and lets everybody know of the new pages. *spare, at first 0, is the caller's: so many
 * times there should be one without a look. What cannot be done now is left to whoever
 * needs the page, and fails there. The relation is open for writing.
 */
extern void msgext_new_pages_ensure(Relation rel, Size space, int *spare);

#endif /* MSGEXT_NEW_PAGES_H */
