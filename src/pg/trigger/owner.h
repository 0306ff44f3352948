/*
 * owner.h
 *		The owner of a template or a table, and acting as he, for whoever's statement it is.
 *
 * As in a view's or an index's functions: the owner's rights, and no way to keep them. An
 * error gives the session its own user back by itself.
 */
#ifndef MSGEXT_OWNER_H
#define MSGEXT_OWNER_H

#include "postgres.h"

#include "miscadmin.h"

typedef struct MsgOwner
{
	Oid user; /* who it was before */
	int context;
} MsgOwner;

static inline void
msgext_owner_become(MsgOwner *before, Oid owner)
{
	GetUserIdAndSecContext(&before->user, &before->context);
	SetUserIdAndSecContext(owner, before->context | SECURITY_LOCAL_USERID_CHANGE |
									  SECURITY_RESTRICTED_OPERATION);
}

static inline void
msgext_owner_leave(const MsgOwner *before)
{
	SetUserIdAndSecContext(before->user, before->context);
}

/* Of a relation; InvalidOid when it is gone. */
extern Oid msgext_owner_of(Oid relation);

#endif /* MSGEXT_OWNER_H */
