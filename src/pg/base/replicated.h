/*
 * replicated.h
 *		A commit, and whether it is where synchronous_commit wants it.
 */
#ifndef MSGEXT_REPLICATED_H
#define MSGEXT_REPLICATED_H

#include "postgres.h"

/*
 * Commits by that function. Has what this transaction wrote reached the standby that it was
 * to wait for? The wait ends, with a warning and no error, also when the process is to end or
 * its statement is cancelled. True where there is nothing to wait for.
 */
extern bool msgext_commit(void (*commit)(void));

/* Goes on with the wait of the last commit. It ends as the first one did. */
extern bool msgext_commit_wait_again(void);

#endif /* MSGEXT_REPLICATED_H */
