/*
 * report.h
 *		Reports pushed by providers, and pushes that nobody could read: rows of
 *		msgext.callback.
 *
 * Owns the columns, and that of what says the same there is one row, which counts how often
 * it came. What becomes of a report is inbound/callback.c's.
 */
#ifndef MSGEXT_REPORT_H
#define MSGEXT_REPORT_H

#include "core/provider.h"
#include "pg/store/table.h"

/* clang-format off */
#define CALLBACK_COLUMNS(C) \
	C(callback, server_oid) C(callback, digest) C(callback, provider_id) \
	C(callback, received_at) C(callback, message_id) C(callback, repeats) \
	C(callback, report) C(callback, error)
/* clang-format on */
MSG_COLUMN_NUMBERS(callback, CALLBACK_COLUMNS);

extern MsgTable *msgext_report_open(void);

/* To read only. */
extern MsgTable *msgext_report_open_read(void);

/* When a row came first. */
extern TimestampTz msgext_report_received_at(TupleTableSlot *row);

/* What makes two reports the same one: what they say, not how it is written. */
extern bytea *msgext_report_digest(const MsgEvent *report);

/* Of the row that counts what a message has no room for. */
extern bytea *msgext_report_digest_of_rest(int64 message);

/*
 * Writes down what was pushed, once: false, with nothing written, when one of this digest is
 * there. message is its message's id, or 0; error why it could not be read, or NULL.
 */
extern bool msgext_report_add(MsgTable *reports, Oid server, bytea *digest,
							  const MsgEvent *report, int64 message, const char *error);

/* Counts repeats of a report we have. Has it found its message? */
extern bool msgext_report_repeat(MsgTable *reports, Oid server, bytea *digest,
								 int32 times);

/* How often the row has come again, so far. */
extern int32 msgext_report_repeats(MsgTable *reports, HeapTuple row);

/*
 * Writes down the row's message, 0 = not known yet, and that it came so many times more.
 * Returns what msgext_table_update() returned.
 */
extern TM_Result msgext_report_update(MsgTable *reports, HeapTuple row, int64 message,
									  int32 more, bool wait);

/* Removes the row of this digest, which this transaction has written. */
extern void msgext_report_remove(MsgTable *reports, Oid server, bytea *digest);

/* Is one of this digest there? */
extern bool msgext_report_is_kept(MsgTable *reports, Oid server, bytea *digest);

/* What was pushed for one server counts for another one; what both have had, once. */
extern void msgext_report_move(Oid from, Oid to);

#endif /* MSGEXT_REPORT_H */
