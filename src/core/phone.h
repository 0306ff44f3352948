/*
 * phone.h
 *		Phone numbers in international form, as providers of messages to phones take them.
 */
#ifndef MSGEXT_PHONE_H
#define MSGEXT_PHONE_H

#include "core/json.h"

/* What is said of any other. */
#define MSG_PHONE_RULE                                                                   \
	"must be 7 to 15 digits in international form (E.164), such as 79031112233"

/*
 * The digits of a string or a number, which has them: a "+" in front is left out. NULL when
 * it is no such phone number.
 */
extern const char *msgext_phone_digits(const MsgJson *node);

#endif /* MSGEXT_PHONE_H */
