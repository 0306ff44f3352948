/*
 * viber.h
 *		The Viber block of a message.
 */
#ifndef MSGEXT_DEVINO_VIBER_H
#define MSGEXT_DEVINO_VIBER_H

#include "providers/devino/block.h"

/*
 * Checks node and writes its strict form. phone is the recipient's of the vk block; sms:
 * there is an sms block as well. False, with the block's error set, when it is not valid.
 */
extern bool msgext_devino_put_viber(Block *block, const MsgJson *node, const char *phone,
									bool may_differ, bool sms);

#endif /* MSGEXT_DEVINO_VIBER_H */
