/*
 * sent.h
 *		A message as tests are shown it.
 */
#ifndef MSGEXT_SENT_H
#define MSGEXT_SENT_H

#include "core/arena.h"
#include "pg/store/outbox.h"

/* What is stored of it, in the provider's own words. */
extern MsgJson *msgext_sent_message(MsgArena *arena, const MsgRow *row);

#endif /* MSGEXT_SENT_H */
