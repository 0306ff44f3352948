/*
 * case_message.h
 *		A message of a test case in a rehearsal: its row as it is now, what the provider knows
 *		of it, and what the caller has been told.
 */
#ifndef MSGEXT_CASE_MESSAGE_H
#define MSGEXT_CASE_MESSAGE_H

#include "pg/store/outbox.h"
#include "pg/test/fate.h"

typedef struct MsgCaseMessage
{
	int n;
	MsgRow row;
	bool stale;		 /* its row has to be read again */
	bool read_again; /* it has been, at this time */
	int64 number;	 /* of which the provider's id is made, or 0 */
	int sent;		 /* so often */
	int asked;		 /* about it, so often */
	bool fate_known;
	MsgFate fate;
	bool taken;		  /* the provider has it */
	int attempts_now; /* at this time */
	TimestampTz attempted_at;

	/* What the caller has been told of it, and whether at this time. */
	MsgState told_state;
	const char *told_waiting;
	bool told_now;
} MsgCaseMessage;

#endif /* MSGEXT_CASE_MESSAGE_H */
