/*
 * verdict.c
 *		Default verdicts by transport failure and HTTP status: see verdict.h.
 */
#include "core/verdict.h"

MsgVerdict
msgext_verdict_transport(MsgTransport transport)
{
	return transport == MSG_TRANSPORT_NEVER_LEFT ? MSG_VERDICT_RETRY : MSG_VERDICT_UNSURE;
}

MsgVerdict
msgext_verdict_http(int status)
{
	switch (status)
	{
		case 401:
			return MSG_VERDICT_RELOGIN;

			/* The right is missing or the money is: the same for every message. */
		case 402:
		case 403:
		case 407:
			return MSG_VERDICT_PAUSE;

			/* Turned away in front of the application (RFC 9110, RFC 6585). */
		case 421:
		case 425:
		case 429:
		case 503:
			return MSG_VERDICT_RETRY;

			/*
			 * Moved, and the request with it: nothing was done here (RFC 9110, 15.4).
			 * That and a wrong path are a matter of the channel's url, not of the
			 * message. 302 and 303 may also be what follows work that was done.
			 */
		case 301:
		case 307:
		case 308:
		case 404:
		case 405:
		case 410:
			return MSG_VERDICT_PAUSE;
		case 408:
			return MSG_VERDICT_UNSURE;
	}
	if (status >= 400 && status < 500)
		return MSG_VERDICT_REJECTED;

	/*
	 * 5xx: the application may have done its work before it failed. 2xx and 3xx with a
	 * body that nobody can read: likewise.
	 */
	return MSG_VERDICT_UNSURE;
}
