/*
 * firing.h
 *		What a template makes of one changed row: a message with its times, or none.
 *
 * Queues nothing. The current user is the template's owner: see msgext_run_as().
 */
#ifndef MSGEXT_FIRING_H
#define MSGEXT_FIRING_H

#include "pg/trigger/binding.h"

typedef struct MsgFiring
{
	MsgRecipe *recipe;
	MsgBinding *binding;
	MsgRowEvent *event;
	MsgArena *arena;
	const MsgJson **looked_up; /* the lookup's values; NULL = it has not been run */

	/* what comes out */
	const char *skipped; /* the path whose null says that there is no message, or NULL */
	bool valid;			 /* else *error says why, and the message is an empty object */
	MsgError error;
	const MsgJson *message;
	const char *operation_id; /* in the database's encoding, or NULL */
	pg_tz *quiet_zone;		  /* of quiet_hours */
	TimestampTz send_after;	  /* 0 = at once */
	TimestampTz expires_at;	  /* 0 = never */
} MsgFiring;

/* Zeroed, but for recipe, binding, event and arena. */
extern void msgext_firing_render(MsgFiring *firing);

/* Fills in *post with what has been rendered, while the firing lasts. */
extern void msgext_firing_post(MsgFiring *firing, MsgPost *post);

#endif /* MSGEXT_FIRING_H */
