/*
 * replicated.h
 *		Is a commit where synchronous_commit wants it?
 */
#ifndef MSGEXT_REPLICATED_H
#define MSGEXT_REPLICATED_H

#include "postgres.h"

/*
 * Has the last commit of this process reached the standby that it was to wait for? The wait
 * ends, with a warning and no error, also when the process is to end or its statement is
 * cancelled. True where there is nothing to wait for.
 */
extern bool msgext_commit_is_replicated(void);

/* Goes on with that wait. It ends as the first one did. */
extern void msgext_commit_wait_again(void);

#endif /* MSGEXT_REPLICATED_H */
