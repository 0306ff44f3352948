/*
 * fate.h
 *		Recipients whose messages always end one way: magic().
 *
 * They are found in the bytes of a message, by the pattern of its provider
 * (sample_recipient): so it does not matter where a provider has its recipients.
 */
#ifndef MSGEXT_FATE_H
#define MSGEXT_FATE_H

#include "pg/test/stub.h"

typedef enum MsgFate
{
	MSG_FATE_NONE,
	MSG_FATE_ACCEPTED,
	MSG_FATE_REJECTED,
	MSG_FATE_RETRIED,	/* refused for now, once */
	MSG_FATE_LOST,		/* taken, and the first answer is lost */
	MSG_FATE_DELIVERED, /* by its last channel, the others having failed */
	MSG_FATE_READ
} MsgFate;

/* Of a message with these bytes. */
extern MsgFate msgext_fate_of(const MsgProvider *provider, const char *bytes, size_t len);

/* What its request is answered, having been sent so often before. */
extern const MsgScripted *msgext_fate_answer(MsgFate fate, int sent);

/*
 * What the provider tells of it, having been asked so often before: a state of a channel
 * (or NULL). False when it tells nothing new. channels are those of its row.
 */
extern bool msgext_fate_tells(MsgFate fate, const char *channels, int asked,
							  MsgState *state, const char **channel);

#endif /* MSGEXT_FATE_H */
