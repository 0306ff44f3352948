/*
 * subtransaction.h
 *		A function in a subtransaction: all of what it does stays, or nothing.
 *
 * Whose memory context and resource owner are current is as before, whatever comes of it.
 */
#ifndef MSGEXT_SUBTRANSACTION_H
#define MSGEXT_SUBTRANSACTION_H

#include "postgres.h"

/*
 * What run(arg) does is undone where it returns false, and at an ERROR. Returns what it
 * has returned. An ERROR is handed over in *error, else NULL, and goes on as one where
 * error is NULL.
 */
extern bool msgext_subtransaction(bool (*run)(void *arg), void *arg, ErrorData **error);

#endif /* MSGEXT_SUBTRANSACTION_H */
