/*
 * cascade.h
 *		One state out of several channels tried one after the other (VK, then Viber,
 *		then SMS), and the record of each in the message's detail.
 *
 * Pure functions of the detail so far and one event. Events may come in any order, and
 * repeatedly; a channel never goes back.
 */
#ifndef MSGEXT_CASCADE_H
#define MSGEXT_CASCADE_H

#include "core/provider.h"

/* What an event does to what is known. */
typedef enum MsgCascade
{
	MSG_CASCADE_NOTHING,
	MSG_CASCADE_WORDS, /* it says more about the state that is known */
	MSG_CASCADE_MOVES  /* the message, or one of its channels, to another state */
} MsgCascade;

/*
 * Applies one event. channels is the message's list ("vk,viber,sms") or NULL; *detail
 * (NULL at first) is read and replaced by the new tree, whose member "channels" holds
 * each channel's state, status, at, code and error. Sets *state to what the message as
 * a whole now is, given that it was current.
 */
extern MsgCascade msgext_cascade_apply(MsgArena *arena, const char *channels,
									   const MsgEvent *event, MsgState current,
									   MsgJson **detail, MsgState *state);

#endif /* MSGEXT_CASCADE_H */
