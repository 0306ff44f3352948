/*
 * verdict.h
 *		What a failure of transport or a bare HTTP status means, where the provider's
 *		own code does not say it.
 */
#ifndef MSGEXT_VERDICT_H
#define MSGEXT_VERDICT_H

#include "core/lifecycle.h"

/* How far a request got. */
typedef enum MsgTransport
{
	MSG_TRANSPORT_ANSWERED,	  /* there is an HTTP status and a whole body */
	MSG_TRANSPORT_NEVER_LEFT, /* no byte of it was written */
	MSG_TRANSPORT_CUT		  /* written, at least in part; no whole answer */
} MsgTransport;

/* For an answer whose body says nothing readable; never ACCEPTED. */
extern MsgVerdict msgext_verdict_http(int status);

/* For NEVER_LEFT and CUT. */
extern MsgVerdict msgext_verdict_transport(MsgTransport transport);

#endif /* MSGEXT_VERDICT_H */
