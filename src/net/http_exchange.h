/*
 * http_exchange.h
 *		Where a request goes, and what came of it.
 */
#ifndef MSGEXT_HTTP_EXCHANGE_H
#define MSGEXT_HTTP_EXCHANGE_H

#include "core/provider.h"
#include "core/verdict.h"

/* How to reach a server; must outlive the requests submitted with it. */
typedef struct MsgHttpTarget
{
	uint64_t serial; /* another number for other settings, also at the same address */
	long timeout_ms; /* of the whole request */
	long connect_timeout_ms;
	const char *ca_file; /* or NULL for the system's */
	const char *proxy;	 /* or NULL for none */
	const char *version; /* "1.1", "2" or "auto" */
	bool deny_private;	 /* connects to public addresses only (http_address.h) */
} MsgHttpTarget;

/* Valid until msgext_http_release(). */
typedef struct MsgHttpResult
{
	void *cookie;
	MsgTransport transport;
	bool clipped;	   /* cut by us, for its body is too large: the rest is as it came */
	MsgReply reply;	   /* body and headers as far as they came */
	const char *error; /* of a failed transport: one clause, no secret in it */
	void *slot;		   /* the client's own */
} MsgHttpResult;

#endif /* MSGEXT_HTTP_EXCHANGE_H */
