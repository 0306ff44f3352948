/*
 * set_back.h
 *		Times in a queued message's row that a clock has written which was ahead, and has been
 *		set back since: how long it waits.
 */
#ifndef MSGEXT_SET_BACK_H
#define MSGEXT_SET_BACK_H

#include "pg/engine/turn_tables.h"
#include "pg/store/outbox.h"

/*
 * Was it set aside by such a clock? Then until when it waits, as long as it was to; else 0.
 * What its sender has named is a time.
 */
extern TimestampTz msgext_set_back_until(MsgTurn *turn, const MsgRow *row);

/* Has its template reckoned its send_after by such a clock? */
extern bool msgext_set_back_reckoned(const MsgRow *row, TimestampTz now);

/* Then it is reckoned from now. Fills in the row's change; returns until when it waits. */
extern TimestampTz msgext_set_back_reckon(const MsgRow *row, TimestampTz now,
										  MsgChange *change);

#endif /* MSGEXT_SET_BACK_H */
