/*
 * recipient_use.h
 *		Who was written to lately, for limits per recipient: rows of msgext.recipient_use.
 */
#ifndef MSGEXT_RECIPIENT_USE_H
#define MSGEXT_RECIPIENT_USE_H

#include "core/option.h"
#include "pg/store/table.h"

/* clang-format off */
#define RECIPIENT_USE_COLUMNS(C) \
	C(recipient_use, server_oid) C(recipient_use, limit_key) C(recipient_use, recipient) \
	C(recipient_use, at) C(recipient_use, message_id)
/* clang-format on */
MSG_COLUMN_NUMBERS(recipient_use, RECIPIENT_USE_COLUMNS);

extern MsgTable *msgext_recipient_open(void);

/*
 * May this message go to this recipient? Writes the use down if so; a repeat of the
 * same message counts once. Otherwise *until is when the oldest use has run out.
 */
extern bool msgext_recipient_take(MsgTable *uses, Oid server, const char *key,
								  const char *recipient, int64 message,
								  const MsgRate *limit, TimestampTz now,
								  TimestampTz *until);

/* The same, with nothing written down. */
extern bool msgext_recipient_has_room(MsgTable *uses, Oid server, const char *key,
									  const char *recipient, int64 message,
									  const MsgRate *limit, TimestampTz now,
									  TimestampTz *until);

/* Uses of one server's recipients become those of another one's. */
extern void msgext_recipient_move(MsgTable *uses, Oid from, Oid to);

/* Forgets that somebody was written to; returns how many uses there were. */
extern int64 msgext_recipient_forget(MsgTable *uses, Oid server, const char *recipient);

/* When this use, a row of the table, was. */
extern TimestampTz msgext_recipient_used_at(TupleTableSlot *use);

/* The message certainly did not go out. */
extern void msgext_recipient_release(MsgTable *uses, Oid server, const char *key,
									 const char *recipient, int64 message);

#endif /* MSGEXT_RECIPIENT_USE_H */
