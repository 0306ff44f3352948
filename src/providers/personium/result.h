/*
 * result.h
 *		"Result: 送信先Cell毎の送信結果": what became of each target.
 */
#ifndef MSGEXT_PERSONIUM_RESULT_H
#define MSGEXT_PERSONIUM_RESULT_H

#include "providers/personium/delivery.h"

/* Notes what the stored message says of its targets. */
extern void msgext_personium_result(PersoniumDelivery *delivery, const MsgJson *stored);

/* The first target of this fate, or NULL. */
extern const PersoniumTarget *msgext_personium_first(const PersoniumDelivery *delivery,
													 PersoniumFate fate);

#endif /* MSGEXT_PERSONIUM_RESULT_H */
