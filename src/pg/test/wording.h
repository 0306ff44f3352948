/*
 * wording.h
 *		What the provider answers in a rehearsal: by rules, fates, or what a call says; in
 *		its own words, made by its codec. Reads and writes no table, and raises no error.
 */
#ifndef MSGEXT_WORDING_H
#define MSGEXT_WORDING_H

#include "pg/engine/engine.h"
#include "pg/test/case_message.h"
#include "pg/test/stub.h"

/* An answer on its way; its reply is in the flight's arena. */
typedef struct MsgWording
{
	MsgFlight *flight;
	MsgTransport transport;
	MsgReply reply;
	const char *error;
} MsgWording;

/* What it goes by. */
typedef struct MsgRules
{
	TimestampTz now;
	List *stubs;
	const char *error; /* what they say that cannot be said, in UTF-8 */

	/* Of a call that says it itself: */
	const MsgScripted *forced; /* to a send */
	bool told;				   /* to a status request */
	MsgState told_state;
	const char *told_channel;
} MsgRules;

/*
 * To a send, of these messages, which have their numbers. scripts[] becomes what each is
 * answered by.
 */
extern void msgext_wording_send(MsgRules *rules, MsgWording *answer,
								MsgCaseMessage **messages, const MsgScripted **scripts);

/*
 * To a status request: what the provider is known to know, or 503 where it has no words for
 * that. states[] becomes what each message is said to be.
 */
extern void msgext_wording_poll(MsgRules *rules, MsgWording *answer,
								MsgCaseMessage **messages, MsgState *states);

#endif /* MSGEXT_WORDING_H */
