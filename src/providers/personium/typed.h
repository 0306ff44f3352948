/*
 * typed.h
 *		The members of a message by name, and what a request for a relation, a role or a
 *		rule has to have of them.
 */
#ifndef MSGEXT_PERSONIUM_TYPED_H
#define MSGEXT_PERSONIUM_TYPED_H

#include "core/json.h"

typedef enum PersoniumMember
{
	PERSONIUM_BOX_BOUND,
	PERSONIUM_IN_REPLY_TO,
	PERSONIUM_TO,
	PERSONIUM_TO_RELATION,
	PERSONIUM_TYPE,
	PERSONIUM_TITLE,
	PERSONIUM_BODY,
	PERSONIUM_PRIORITY,
	PERSONIUM_REQUEST_RELATION,
	PERSONIUM_REQUEST_TARGET,
	PERSONIUM_REQUEST_OBJECTS,
	PERSONIUM_MEMBERS
} PersoniumMember;

/* Checks Type and the members of requests; newer = generation 1.6. */
extern bool msgext_personium_typed(const MsgJson *const *members, bool newer,
								   MsgError *error);

#endif /* MSGEXT_PERSONIUM_TYPED_H */
