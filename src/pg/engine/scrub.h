/*
 * scrub.h
 *		Hides our own secrets in whatever a provider may have echoed.
 */
#ifndef MSGEXT_SCRUB_H
#define MSGEXT_SCRUB_H

#include "pg/engine/flight.h"

/*
 * Masks every secret of the flight's account and session in its answer, and in all texts
 * that its outcomes took from it. answer is the flight's own copy, of answer_len bytes.
 */
extern void msgext_scrub(MsgFlight *flight, char *answer);

/* Lists these secrets in the flight. */
extern void msgext_scrub_secrets(MsgFlight *flight);

#endif /* MSGEXT_SCRUB_H */
