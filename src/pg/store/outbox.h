/*
 * outbox.h
 *		Rows of msgext.outbox: read one, find one, change one.
 *
 * Owns the row's layout in C. Decides no transition (core/lifecycle.h) and checks no
 * right.
 */
#ifndef MSGEXT_OUTBOX_H
#define MSGEXT_OUTBOX_H

#include "core/json.h"
#include "core/lifecycle.h"
#include "pg/store/table.h"
#include "utils/timestamp.h"

/* clang-format off */
#define OUTBOX_COLUMNS(C) \
	C(outbox, id) C(outbox, xid) C(outbox, lane_hash) C(outbox, server_oid) \
	C(outbox, origin) C(outbox, created_at) C(outbox, queued_at) \
	C(outbox, sender_oid) C(outbox, attempts) C(outbox, failures) \
	C(outbox, priority) C(outbox, maybe_sent) C(outbox, server) \
	C(outbox, provider) C(outbox, sender) C(outbox, state) C(outbox, recipient) \
	C(outbox, channels) C(outbox, limit_key) C(outbox, payload) \
	C(outbox, template) C(outbox, template_version) C(outbox, operation_id) \
	C(outbox, key) C(outbox, send_after) C(outbox, expires_at) C(outbox, ref) \
	C(outbox, waits_since) C(outbox, waiting) C(outbox, tried_at) \
	C(outbox, target) C(outbox, next_attempt_at) C(outbox, accepted_at) C(outbox, finished_at) \
	C(outbox, closed_at) C(outbox, erased_at) C(outbox, problem) \
	C(outbox, provider_id) C(outbox, provider_status) C(outbox, code) \
	C(outbox, error) C(outbox, detail)
/* clang-format on */
MSG_COLUMN_NUMBERS(outbox, OUTBOX_COLUMNS);

/* The sequence of their ids. */
#define MSG_OUTBOX_IDS "outbox_id_seq"

/*
 * A row version, copied into the memory context it was read in, and taken apart. Absent
 * times are 0.
 */
typedef struct MsgRow
{
	HeapTuple tuple;
	TupleDesc desc;
	Datum values[Natts_outbox];
	bool nulls[Natts_outbox];
	int64 id;
	uint64 xid;
	Oid server_oid;
	Oid sender_oid;
	int64 origin;
	TimestampTz created_at;
	TimestampTz queued_at;
	TimestampTz send_after;
	TimestampTz expires_at;
	TimestampTz tried_at;
	TimestampTz next_attempt_at;
	TimestampTz accepted_at;
	TimestampTz finished_at;
	int16 priority;
	int32 attempts;
	int32 failures;
	bool maybe_sent;
	MsgState state;
} MsgRow;

/* Columns to replace in a row. */
typedef struct MsgChange
{
	Datum values[Natts_outbox];
	bool nulls[Natts_outbox];
	bool replaces[Natts_outbox];
} MsgChange;

extern MsgTable *msgext_outbox_open(bool writable);

/* Copies the row in slot into the current memory context. */
extern void msgext_outbox_read(MsgTable *outbox, TupleTableSlot *slot, MsgRow *row);

/* False when no row of that id is visible to the snapshot. */
extern bool msgext_outbox_find(MsgTable *outbox, int64 id, Snapshot snapshot,
							   MsgRow *row);

/*
 * Which row it was, for one who comes back to it in a later transaction: its id may by
 * then be another message's, where the table was emptied and its sequence set back, and
 * its place another row's. Not by xid, which changes when the message is queued again.
 */
typedef struct MsgRowIdentity
{
	ItemPointerData tid;
	int64 id;
	TimestampTz created_at;
} MsgRowIdentity;

extern MsgRowIdentity msgext_row_identity(const MsgRow *row);

/*
 * That very message, whatever its row has become since; cheaper where the row still is.
 */
extern bool msgext_outbox_find_same(MsgTable *outbox, const MsgRowIdentity *identity,
									Snapshot snapshot, MsgRow *row);

/*
 * outbox.waiting of what may have arrived, and is sent again under its key or by policy.
 * What else holds it back stands behind: "repeat, login".
 */
#define MSG_WAITS_FOR_REPEAT "repeat"
extern bool msgext_row_is_repeat(const MsgRow *row);

/*
 * Debounced, and on its way when another one came, which has its operation id: has the
 * provider turned it away, so that it would come after that? Not what a person has queued
 * again, nor what somebody has, or may have.
 */
extern bool msgext_row_is_replaced(const MsgRow *row);

/* Why it waits, but that it is a repeat; or NULL. */
extern const char *msgext_row_waits_for(const MsgRow *row);

/* A text column as a C string in the current memory context, or NULL. */
extern char *msgext_row_text(const MsgRow *row, AttrNumber column);
/*
 * The payload, detoasted into the current memory context. ERROR 55000 where it has been
 * removed: see erased_at.
 */
extern bytea *msgext_row_payload(const MsgRow *row);

/* Has a part of it gone out, so that sending goes on from there? */
extern bool msgext_row_is_begun(const MsgRow *row);

static inline bool
msgext_row_is_erased(const MsgRow *row)
{
	return row->nulls[Anum_outbox_payload - 1];
}

/* The detail in the arena, or NULL when there is none. */
extern MsgJson *msgext_row_detail(MsgArena *arena, const MsgRow *row);

/* The key that every attempt of the message goes out with; never NULL. */
extern char *msgext_row_key(const MsgRow *row);

extern void msgext_change_init(MsgChange *change);
extern void msgext_change_set(MsgChange *change, AttrNumber column, Datum value);
extern void msgext_change_null(MsgChange *change, AttrNumber column);
/* NULL sets the column to NULL. */
extern void msgext_change_text(MsgChange *change, AttrNumber column, const char *value);
/* 0 sets the column to NULL. */
extern void msgext_change_time(MsgChange *change, AttrNumber column, TimestampTz value);
/* Why the queued message of the row waits; that it is a repeat is kept. */
extern void msgext_change_waits_for(MsgChange *change, const MsgRow *row,
									const char *why);
/* Removes the payload, for good. */
extern void msgext_change_erase(MsgChange *change, TimestampTz now);
/* With the state, whether somebody may have to look at the message: column problem. */
extern void msgext_change_state(MsgChange *change, MsgState state);

/* Writes the change over the version in row; see msgext_table_update(). */
extern TM_Result msgext_outbox_update(MsgTable *outbox, const MsgRow *row,
									  MsgChange *change, bool wait);

#endif /* MSGEXT_OUTBOX_H */
