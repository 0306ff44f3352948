/*
 * invalid.h
 *		A payload that its codec refused, and that is kept: on_invalid 'record'.
 *
 * Its message is rejected from the beginning and never sent. Instead of bytes to send the
 * row holds the payload as it was given, as JSON; its detail says what is wrong with it.
 */
#ifndef MSGEXT_INVALID_H
#define MSGEXT_INVALID_H

#include "core/provider.h"
#include "pg/catalog/server.h"
#include "pg/store/outbox.h"

/* Makes the payload the fragment; {} where it is too large to be kept. */
extern void msgext_invalid_keep(MsgArena *arena, const MsgJson *message,
								MsgFragment *fragment);

/* Over a row that says it is queued: it is rejected. */
extern void msgext_invalid_fill(const MsgError *error, TimestampTz now, MsgValues *row);

/* Its event, after the row, and its place in the statistics. */
extern void msgext_invalid_tell(const MsgServer *server, int64 id, const MsgError *error);

/* Is it such a message? */
extern bool msgext_invalid_is(const MsgRow *row);

#endif /* MSGEXT_INVALID_H */
