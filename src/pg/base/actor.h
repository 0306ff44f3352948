/*
 * actor.h
 *		Whose doing it is that something is changed: for timelines and audit. Rights are
 *		those of the current user, and no matter of this.
 */
#ifndef MSGEXT_ACTOR_H
#define MSGEXT_ACTOR_H

#include "postgres.h"

#include "fmgr.h"

/* The name of that role: session_user, unless somebody else is set; NULL when it is gone. */
extern char *msgext_actor(void);

/*
 * Why, in his words: an argument of SQL, as far as people read it. NULL where he gives none.
 * Processes of ours, and whoever looks, read it again and again.
 */
extern char *msgext_actor_reason(FunctionCallInfo fcinfo, int argument);

/*
 * For a process whose session is nobody's: a role it works for now; InvalidOid when that
 * is over, which an error does not do by itself.
 */
extern void msgext_actor_set(Oid role);

#endif /* MSGEXT_ACTOR_H */
