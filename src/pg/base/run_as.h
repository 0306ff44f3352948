/*
 * run_as.h
 *		Work that is done as another role, whoever the session's user is.
 *
 * Owns how a role is taken on and given back. The role's rights hold, in a
 * security-restricted operation, as for functions of an index in REINDEX: code that runs
 * meanwhile can neither become somebody else nor leave anything to be done afterwards.
 * Checks no right to take the role on.
 */
#ifndef MSGEXT_RUN_AS_H
#define MSGEXT_RUN_AS_H

#include "postgres.h"

#include "miscadmin.h"

/* Who the session was before. */
typedef struct MsgRunAs
{
	Oid user;
	int security;
} MsgRunAs;

/* From here to msgext_run_as_end(), or to the (sub)transaction's end after an ERROR. */
static inline MsgRunAs
msgext_run_as(Oid role)
{
	MsgRunAs before;

	GetUserIdAndSecContext(&before.user, &before.security);
	SetUserIdAndSecContext(role, before.security | SECURITY_LOCAL_USERID_CHANGE |
									 SECURITY_RESTRICTED_OPERATION);
	return before;
}

static inline void
msgext_run_as_end(const MsgRunAs *before)
{
	SetUserIdAndSecContext(before->user, before->security);
}

#endif /* MSGEXT_RUN_AS_H */
