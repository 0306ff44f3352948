/*
 * feed.h
 *		Consumers of events: rows of msgext.feed.
 *
 * Owns how far a consumer has read, and the lock that makes its sessions take turns. What
 * it gets is outcome/reader.c's, what comes of its function outcome/handler.c's.
 */
#ifndef MSGEXT_FEED_H
#define MSGEXT_FEED_H

#include "core/feed_cursor.h"
#include "pg/store/table.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

typedef struct MsgFeed
{
	ItemPointerData tid; /* of the version that was read */
	char *name;
	Oid owner;
	char *owner_name;
	int64 origin;
	TimestampTz created_at;
	Jsonb *filter; /* or NULL */
	char *notify;  /* channel, or NULL */
	Oid function;  /* InvalidOid: it is a consumer that reads for itself */
	char *function_name;
	int32 timeout_ms;
	MsgFeedCursor cursor; /* its snapshots lie beside this */
	TimestampTz read_at;
	TimestampTz started_at; /* 0 = its function is not being run */
	int32 failures;
	int64 failed_id; /* 0 = none */
	TimestampTz failed_at;
	TimestampTz next_attempt_at;
	char *last_error;
} MsgFeed;

extern MsgTable *msgext_feed_open(bool writable);

/* Sessions of one consumer take turns, until their transactions end. */
extern void msgext_feed_lock(const char *name, Oid owner);

/* The same, if nobody has it. */
extern bool msgext_feed_lock_if_free(const char *name, Oid owner);

/*
 * The same beyond the transaction, for a process that owns no session's work: false when
 * another has it. Nobody is waited for. It is let go with the locks of the session.
 */
extern bool msgext_feed_hold(const char *name, Oid owner);

/*
 * What the snapshot sees, in the current memory context: all of that name, one a role at
 * the most, or with NULL all there are, by name.
 */
extern List *msgext_feed_list(MsgTable *feeds, const char *name, Snapshot snapshot);

/* The newest versions of all of that name; of the role's one, or NULL. */
extern List *msgext_feed_list_latest(MsgTable *feeds, const char *name);
extern MsgFeed *msgext_feed_find_latest(MsgTable *feeds, const char *name, Oid owner);

/* False when its owner has one of that name. */
extern bool msgext_feed_add(MsgTable *feeds, const MsgFeed *feed);
/* Both with the lock held, of the newest version. */
extern void msgext_feed_write(MsgTable *feeds, MsgFeed *feed);
extern void msgext_feed_remove(MsgTable *feeds, const MsgFeed *feed);

#endif /* MSGEXT_FEED_H */
